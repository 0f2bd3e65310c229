#include "diagnose/flow.h"

#include <algorithm>

namespace halfwave {
namespace {

constexpr std::string_view kSameNumbersKinds[] = {"identity", "dropout",   "alpha_dropout",
                                                  "flatten",  "unflatten", "channels_first"};
constexpr std::string_view kSameSignKinds[] = {
    "identity",       "dropout", "flatten",      "unflatten",
    "channels_first", "pool",    "average_pool", "global_average_pool",
    "global_max_pool"};
constexpr std::string_view kAffineKinds[] = {"identity",  "dropout",    "alpha_dropout",  "flatten",
                                             "unflatten", "batch_norm", "channels_first", "scale"};
constexpr std::string_view kByChannelKinds[] = {
    "identity", "dropout",      "alpha_dropout",       "batch_norm",     "scale",
    "pool",     "average_pool", "global_average_pool", "global_max_pool"};
constexpr std::string_view kNorms[] = {"batch_norm", "layer_norm"};

}  // namespace

const std::span<const std::string_view> kSameNumbers = kSameNumbersKinds, kSameSign = kSameSignKinds,
                                        kAffine = kAffineKinds, kByChannel = kByChannelKinds;

bool has_weights(const Network& network, std::size_t layer) {
  const Layer& its = network.layer(layer);
  return !its.is_activation() && std::ranges::any_of(its.tensors(), &TensorSpec::decays);
}

bool is_one_of(const Layer& layer, std::span<const std::string_view> kinds) {
  return std::ranges::find(kinds, layer.identity() ? "identity" : layer.info().name) != kinds.end();
}

std::size_t source_through(const Network& network, std::size_t layer,
                           std::span<const std::string_view> kinds) {
  if (network.layer(layer).joins()) return layer;
  std::size_t from = network.inputs_of(layer)[0];
  while (from != Network::kInput && !network.layer(from).joins() && is_one_of(network.layer(from), kinds))
    from = network.inputs_of(from)[0];
  return from;
}

std::size_t user_through(const Network& network, std::size_t layer, std::span<const std::string_view> kinds) {
  std::size_t user = network.only_user_of(layer);
  while (user < network.size() && is_one_of(network.layer(user), kinds)) user = network.only_user_of(user);
  return user;
}

std::size_t own_activation(const Network& network, std::size_t layer) {
  for (std::size_t i = network.only_user_of(layer); i < network.size(); i = network.only_user_of(i)) {
    if (is_one_of(network.layer(i), kByChannel)) continue;
    return network.layer(i).is_activation() ? i : network.size();
  }
  return network.size();
}

bool is_normalised(const Network& network, std::size_t layer) {
  for (std::size_t i = network.only_user_of(layer); i < network.size(); i = network.only_user_of(i)) {
    if (is_one_of(network.layer(i), kNorms)) return true;
    if (!is_one_of(network.layer(i), kByChannel)) break;
  }
  return false;
}

}  // namespace halfwave
