#include "layers/registry.h"

#include <halfwave/activation.h>

#include "layers/kinds.h"

namespace halfwave {
namespace {

std::vector<LayerInfo> all_kinds() {
  std::vector<LayerInfo> kinds{dense_layer(),           conv_layer(),
                               conv_transpose_layer(),  pool_layer(),
                               average_pool_layer(),    global_average_pool_layer(),
                               global_max_pool_layer(), pad_layer(),
                               upsample_layer(),        residual_layer(),
                               multiply_layer(),        concat_layer(),
                               batch_norm_layer(),      layer_norm_layer(),
                               scale_layer(),           dropout_layer(),
                               alpha_dropout_layer(),   flatten_layer(),
                               unflatten_layer()};
  for (const ActivationInfo& activation : activations()) kinds.push_back(activation_layer(activation));
  return kinds;
}

}  // namespace

std::span<const LayerInfo> layer_kinds() {
  static const std::vector<LayerInfo> kinds = all_kinds();
  return kinds;
}

const LayerInfo* find_layer_kind(std::string_view name) {
  for (const LayerInfo& kind : layer_kinds())
    if (kind.name == name) return &kind;
  return nullptr;
}

}  // namespace halfwave
