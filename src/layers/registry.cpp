#include "layers/registry.h"

#include <halfwave/activation.h>

#include "layers/kinds.h"

namespace halfwave {
namespace {

std::vector<LayerInfo> all_kinds() {
  std::vector<LayerInfo> kinds{dense_layer(), dropout_layer(), alpha_dropout_layer(), batch_norm_layer(),
                               flatten_layer()};
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
