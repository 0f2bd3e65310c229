#include <fmt/format.h>
#include <halfwave/activation.h>

#include <algorithm>
#include <cmath>

#include "diagnose/flow.h"
#include "diagnose/kinds.h"
#include "diagnose/lint.h"

namespace halfwave {
namespace {

struct Moments {
  double variance, kurtosis;
  std::size_t count;
};

Moments moments_of(const std::vector<float>& numbers) {
  double squares = 0, fourths = 0;
  for (const float x : numbers) {
    const double square = static_cast<double>(x) * static_cast<double>(x);
    squares += square;
    fourths += square * square;
  }
  const auto n = static_cast<double>(numbers.size());
  const double variance = squares / n;
  return {variance, fourths / n / std::max(variance * variance, 1e-300), numbers.size()};
}

/// A layer whose weights are as an initialisation that is not for rectifiers leaves them.
struct Small {
  std::string_view scheme;
  double share = 1.0;  ///< of the signal's variance that it lets pass
};

/// Training gives weights another variance, and some of them large values: numbers with just the variance of
/// a scheme, and a distribution between uniform (kurtosis 1.8) and normal (3), are new.
std::optional<Small> small_weights(const TensorSpec& spec, const Moments& moments, double gain) {
  struct Scheme {
    std::string_view name;
    double variance;
  };
  const auto in = static_cast<double>(spec.fan_in()), out = static_cast<double>(spec.fan_out());
  const Scheme schemes[] = {{"Xavier (2 / (inputs + outputs))", 2.0 / (in + out)},
                            {"LeCun (1 / inputs)", 1.0 / in},
                            {"PyTorch's default (1 / (3 inputs))", 1.0 / (3.0 * in)}};
  if (moments.kurtosis < 1.7 || moments.kurtosis > 3.3) return std::nullopt;
  const double deviations = 0.01 + 3.0 * std::sqrt(2.0 / static_cast<double>(moments.count));
  const double he = gain * gain / in;
  for (const Scheme& scheme : schemes) {
    constexpr double kTooSmall = 0.75;
    if (std::fabs(moments.variance / scheme.variance - 1.0) < deviations && moments.variance < kTooSmall * he)
      return Small{scheme.name, moments.variance / he};
  }
  return std::nullopt;
}

/// Layers in a row, each with a rectifier and weights that are too small for it.
struct Row {
  std::size_t first, layers = 0;
  double share = 1.0;  ///< of the variance that is left at its end
  std::string_view scheme;
};

}  // namespace

std::vector<Finding> lint_initialisation(const Network& network) {
  std::vector<Row> rows(network.size());
  const Row* worst = nullptr;
  for (std::size_t i = 0; i < network.size(); ++i) {
    const std::size_t activation = own_activation(network, i);
    if (!has_weights(network, i) || activation == network.size() || is_normalised(network, i)) continue;
    const ActivationInfo& info = find_activation(network.layer(activation).info().name);
    if (info.initialisation != ActivationInfo::Initialisation::he || !info.elementwise) continue;
    const std::size_t first = network.first_tensor(i);
    const NetworkTensor& tensor = *std::ranges::find_if(
        network.tensors().subspan(first), [](const NetworkTensor& one) { return one.spec.decays; });
    const std::optional<Small> small = small_weights(tensor.spec, moments_of(network.get(tensor)), info.gain);
    if (!small) continue;
    const std::size_t source = source_through(network, i, kSameNumbers);
    const std::size_t before = source < network.size() ? source : network.size();
    const Row* const from = before < network.size() ? &rows[before] : nullptr;
    Row& row = rows[activation];
    row = from && from->layers > 0 ? *from : Row{.first = i, .scheme = small->scheme};
    ++row.layers;
    row.share *= small->share;
    if (!worst || row.share < worst->share) worst = &row;
  }
  constexpr double kMatters = 0.1;
  if (!worst || worst->layers < 3 || worst->share > kMatters) return {};
  const double powers = -std::log10(worst->share);
  return {make_finding(
      {.kind = "he_missing",
       .where = network.layer_name(worst->first),
       .what = fmt::format("from {} on, {} under rectifiers begin with weights as of {}: {:.2g} of the "
                           "signal's variance is left at their end",
                           network.layer_name(worst->first), counted(worst->layers, "layer"), worst->scheme,
                           worst->share),
       .number = static_cast<double>(worst->layers),
       .unit = "layers",
       .weight = std::clamp((powers - 2.0) / 6.0, 0.02, 0.9)})};
}

}  // namespace halfwave
