#include "diagnose/unit_vectors.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/random.h"
#include "diagnose/activation_ranges.h"
#include "diagnose/flow.h"

namespace halfwave {
namespace {

const NetworkTensor* find_tensor(const Network& network, std::size_t layer, std::string_view name) {
  for (const NetworkTensor& tensor : network.tensors())
    if (tensor.layer == layer && tensor.spec.name == name) return &tensor;
  return nullptr;
}

bool is_dense(const Layer& layer) { return layer.info().name == "dense"; }
bool is_conv(const Layer& layer) { return layer.info().name == "conv"; }

/// What a batch norm, or a factor and a shift, do to each channel.
struct ByChannel {
  std::vector<float> factor, shift;
};

std::optional<ByChannel> affine_of(const Network& network, std::size_t layer) {
  const auto numbers = [&](const char* name, float otherwise) {
    const NetworkTensor* const tensor = find_tensor(network, layer, name);
    return tensor ? network.get(*tensor) : std::vector<float>(network.layer(layer).outputs(), otherwise);
  };
  if (network.layer(layer).info().name == "scale")
    return ByChannel{numbers("factor", 1), numbers("shift", 0)};
  if (network.layer(layer).info().name != "batch_norm") return std::nullopt;
  ByChannel its{numbers("scale", 1), numbers("bias", 0)};
  const std::vector<float> mean = numbers("mean", 0), variance = numbers("variance", 1);
  const auto epsilon = static_cast<float>(network.layer(layer).field(1));
  for (std::size_t u = 0; u < mean.size(); ++u) {
    its.factor[u] /= std::sqrt(variance[u] + epsilon);
    its.shift[u] -= mean[u] * its.factor[u];
  }
  return its;
}

/// Multiplies by what layers between this one and its activation multiply by, and adds what they add.
void fold(const Network& network, std::size_t layer, UnitVectors& vectors) {
  for (std::size_t i = network.only_user_of(layer); i < network.size(); i = network.only_user_of(i)) {
    if (!is_one_of(network.layer(i), kByChannel)) return;
    const std::optional<ByChannel> its = affine_of(network, i);
    for (std::size_t u = 0; its && u < vectors.units; ++u) {
      float* const unit = vectors.values.data() + u * (vectors.inputs + 1);
      for (std::size_t k = 0; k <= vectors.inputs; ++k) unit[k] *= its->factor[u];
      unit[vectors.inputs] += its->shift[u];
    }
  }
}

double norm_of(std::span<const float> numbers) {
  double squares = 0;
  for (const float x : numbers) squares += static_cast<double>(x) * static_cast<double>(x);
  return std::sqrt(squares);
}

/// Of different size by no more than rounding, measured by the size of the whole.
constexpr double kTolerance = 1e-5;

bool same(std::span<const float> a, double a_norm, std::span<const float> b, double b_norm) {
  double squares = 0;
  for (std::size_t k = 0; k < a.size(); ++k) {
    const double difference = static_cast<double>(a[k]) / a_norm - static_cast<double>(b[k]) / b_norm;
    squares += difference * difference;
    if (squares > kTolerance * kTolerance) return false;
  }
  return true;
}

/// Makes the slope that a unit's activation has learned one of its numbers, so that units with other slopes
/// are not the same; it grows with the others, as they are compared up to a factor.
void add_learned_slopes(const std::vector<float>& slopes, UnitVectors& vectors) {
  UnitVectors with{vectors.units, vectors.inputs + 1, {}};
  for (std::size_t u = 0; u < vectors.units; ++u) {
    const std::span<const float> unit = vectors.unit(u);
    with.values.push_back(slopes[u] * static_cast<float>(norm_of(unit)));
    with.values.insert(with.values.end(), unit.begin(), unit.end());
  }
  vectors = std::move(with);
}

/// Which inputs of the layer `user` a channel becomes: one, or one a position where a flatten stands between.
struct Spread {
  std::size_t user;
  std::size_t positions = 1;
  bool channels_first = false;
  std::size_t input(std::size_t channel, std::size_t position, std::size_t channels) const {
    return channels_first ? channel * positions + position : position * channels + channel;
  }
};

Spread spread_of(const Network& network, std::size_t layer) {
  Spread spread{network.only_user_of(layer)};
  for (; spread.user < network.size(); spread.user = network.only_user_of(spread.user)) {
    const Layer& behind = network.layer(spread.user);
    if (behind.info().name == "flatten") {
      spread.positions = behind.input().positions();
      spread.channels_first = behind.field(0) != 0.0;
    } else if (!is_one_of(behind, kByChannel)) {
      break;
    }
  }
  return spread;
}

}  // namespace

UnitVectors unit_vectors(const Network& network, std::size_t layer) {
  const Layer& its = network.layer(layer);
  UnitVectors vectors;
  if (!is_dense(its) && !is_conv(its)) return vectors;
  const NetworkTensor &weight = *find_tensor(network, layer, "weight"),
                      *bias = find_tensor(network, layer, "bias");
  const std::vector<float> w = network.get(weight), b = bias ? network.get(*bias) : std::vector<float>();
  vectors.units = its.outputs();
  vectors.inputs = w.size() / vectors.units;
  const std::size_t by_unit = is_dense(its) ? 1 : vectors.inputs,
                    by_input = is_dense(its) ? vectors.units : 1;
  for (std::size_t u = 0; u < vectors.units; ++u) {
    for (std::size_t k = 0; k < vectors.inputs; ++k) vectors.values.push_back(w[u * by_unit + k * by_input]);
    vectors.values.push_back(b.empty() ? 0.0f : b[u]);
  }
  fold(network, layer, vectors);
  return vectors;
}

std::vector<std::size_t> duplicate_units(const UnitVectors& vectors, bool up_to_a_factor) {
  // Units that are alike are alike from any side: only those next to each other need a closer look.
  std::vector<double> side(vectors.inputs + 1), norms(vectors.units), places(vectors.units);
  Random random(0, stream_id(Stream::data, 4));
  double squares = 0;
  for (double& x : side) {
    x = random.normal();
    squares += x * x;
  }
  std::vector<std::size_t> order;
  double largest = 0;
  for (std::size_t u = 0; u < vectors.units; ++u) {
    norms[u] = norm_of(vectors.unit(u));
    if (std::isfinite(norms[u])) largest = std::max(largest, norms[u]);
  }
  for (std::size_t u = 0; u < vectors.units; ++u) {
    if (norm_of(vectors.weights(u)) <= 1e-12 * largest || !std::isfinite(norms[u])) continue;
    if (!up_to_a_factor) norms[u] = largest;
    const std::span<const float> numbers = vectors.unit(u);
    places[u] = std::inner_product(numbers.begin(), numbers.end(), side.begin(), 0.0) /
                (norms[u] * std::sqrt(squares));
    order.push_back(u);
  }
  std::ranges::sort(order, {}, [&](std::size_t u) { return std::pair(places[u], u); });

  std::vector<bool> is_duplicate(vectors.units);
  for (std::size_t i = 0; i < order.size(); ++i)
    for (std::size_t k = i + 1; k < order.size(); ++k) {
      const std::size_t a = order[i], b = order[k];
      if (places[b] - places[a] > kTolerance) break;
      if (is_duplicate[a] && is_duplicate[b]) continue;
      if (same(vectors.unit(a), norms[a], vectors.unit(b), norms[b])) is_duplicate[std::max(a, b)] = true;
    }
  std::vector<std::size_t> duplicates;
  for (std::size_t u = 0; u < vectors.units; ++u)
    if (is_duplicate[u]) duplicates.push_back(u);
  return duplicates;
}

std::vector<std::size_t> duplicate_units(const Network& network, std::size_t layer) {
  const std::size_t activation = own_activation(network, layer);
  if (activation == network.size()) return {};
  const std::optional<ActivationRanges> ranges = activation_ranges(network.layer(activation));
  if (!ranges) return {};
  UnitVectors vectors = unit_vectors(network, layer);
  // Of a single input all units without a bias have one of two directions, and training parts them.
  const bool up_to_a_factor = ranges->homogeneous && vectors.inputs > 1;
  if (!network.layer(activation).tensors().empty() && vectors.units > 0)
    add_learned_slopes(network.get(network.tensors()[network.first_tensor(activation)]), vectors);
  return duplicate_units(vectors, up_to_a_factor);
}

std::vector<std::size_t> units_without_use(const Network& network, std::size_t layer) {
  std::size_t from = own_activation(network, layer);
  if (from == network.size()) from = layer;
  if (network.layer(from).outputs() != network.layer(layer).outputs()) return {};
  const Spread spread = spread_of(network, from);
  if (spread.user == network.size()) return {};
  const Layer& user = network.layer(spread.user);
  if (!is_dense(user) && !is_conv(user)) return {};
  const NetworkTensor& tensor = *find_tensor(network, spread.user, "weight");
  const std::vector<float> w = network.get(tensor);
  const std::vector<std::size_t>& shape = tensor.spec.shape;
  std::vector<bool> used(user.inputs());
  if (is_dense(user)) {
    for (std::size_t i = 0; i < w.size(); ++i)
      if (w[i] != 0.0f) used[i / shape[1]] = true;
  } else {
    const std::size_t taps = w.size() / shape[0] / shape[1], filters = shape[0] / tensor.spec.groups;
    for (std::size_t i = 0; i < w.size(); ++i) {
      const std::size_t filter = i / taps / shape[1], channel = i / taps % shape[1];
      if (w[i] != 0.0f) used[filter / filters * shape[1] + channel] = true;
    }
  }
  const std::size_t channels = network.layer(layer).outputs();
  if (channels * spread.positions != used.size()) return {};
  std::vector<std::size_t> without;
  for (std::size_t c = 0; c < channels; ++c) {
    bool any = false;
    for (std::size_t p = 0; p < spread.positions; ++p) any = any || used[spread.input(c, p, channels)];
    if (!any) without.push_back(c);
  }
  return without;
}

}  // namespace halfwave
