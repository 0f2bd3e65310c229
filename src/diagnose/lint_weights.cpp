#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "diagnose/flow.h"
#include "diagnose/kinds.h"
#include "diagnose/lint.h"
#include "diagnose/unit_vectors.h"

namespace halfwave {
namespace {

double share_of(std::size_t some, std::size_t all) {
  return all == 0 ? 0.0 : static_cast<double>(some) / static_cast<double>(all);
}

class WeightLint {
 public:
  explicit WeightLint(const ModelParts& parts) : parts_(parts), network_(parts.network) {}

  std::vector<Finding> run() && {
    for (std::size_t i = 0; i < network_.size(); ++i) {
      if (!check_finite(i)) continue;
      if (has_weights(network_, i)) {
        huge(i);
        negative_bias(i);
        duplicates(i);
        without_use(i);
      }
      zero_scale(i);
    }
    return std::move(findings_);
  }

 private:
  /// A finding about some of a layer's units; that only a few of them are concerned shows in its weight.
  void add_units(std::string_view kind, std::size_t layer, std::string what, std::vector<std::size_t> units,
                 double weight_of_all) {
    if (units.empty()) return;
    const double share = share_of(units.size(), network_.layer(layer).outputs());
    findings_.push_back(make_finding({.kind = kind,
                                      .where = network_.layer_name(layer),
                                      .what = std::move(what),
                                      .number = static_cast<double>(units.size()),
                                      .unit = units.size() == 1 ? "unit" : "units",
                                      .weight = 0.01 + weight_of_all * share,
                                      .units = std::move(units)}));
  }
  std::string some_of(std::size_t layer, std::size_t count) const {
    return fmt::format("{} of {}", count, counted(network_.layer(layer).outputs(), "unit"));
  }

  bool check_finite(std::size_t layer) {
    std::size_t wrong = 0;
    std::string name;
    for (const NetworkTensor& tensor : network_.tensors()) {
      if (tensor.layer != layer) continue;
      const std::vector<float> numbers = network_.get(tensor);
      const auto bad =
          static_cast<std::size_t>(std::ranges::count_if(numbers, [](float x) { return !std::isfinite(x); }));
      if (bad > 0 && wrong == 0) name = tensor.name;
      wrong += bad;
    }
    if (wrong == 0) return true;
    findings_.push_back(make_finding(
        {.kind = "not_finite_weights",
         .where = network_.layer_name(layer),
         .what = fmt::format("{} NaN or infinite, the first in {}",
                             wrong == 1 ? "one number is" : counted(wrong, "number") + " are", name),
         .number = static_cast<double>(wrong),
         .unit = wrong == 1 ? "number" : "numbers",
         .weight = 1.0}));
    return false;
  }

  const NetworkTensor& weight_of(std::size_t layer) const {
    const std::size_t first = network_.first_tensor(layer);
    return *std::ranges::find_if(network_.tensors().subspan(first),
                                 [](const NetworkTensor& tensor) { return tensor.spec.decays; });
  }

  void huge(std::size_t layer) {
    if (is_normalised(network_, layer)) return;  // which makes up for any size
    const NetworkTensor& tensor = weight_of(layer);
    const std::vector<float> w = network_.get(tensor);
    double squares = 0, largest = 0;
    for (const float x : w) {
      squares += static_cast<double>(x) * static_cast<double>(x);
      largest = std::max(largest, static_cast<double>(std::fabs(x)));
    }
    const double size = std::sqrt(squares / static_cast<double>(w.size())),
                 usual = std::sqrt(2.0 / static_cast<double>(tensor.spec.fan_in())), times = size / usual;
    constexpr double kHuge = 30.0, kHugeNumber = 1e5;
    if (times < kHuge && largest < kHugeNumber) return;
    findings_.push_back(make_finding(
        {.kind = "huge_weights",
         .where = network_.layer_name(layer),
         .what =
             fmt::format("weights of size {:.3g} (the largest {:.3g}), {:.0f} times what He initialisation "
                         "makes them",
                         size, largest, times),
         .number = times,
         .unit = "times as large",
         .weight = std::min(0.6, 0.2 + 0.1 * std::log10(std::max(times / kHuge, largest / kHugeNumber)))}));
  }

  bool scaled_input() const {
    return std::ranges::any_of(parts_.preprocessing.scale, [](float scale) { return scale != 1.0f; });
  }

  void negative_bias(std::size_t layer) {
    const std::size_t activation = own_activation(network_, layer);
    if (activation == network_.size() || is_normalised(network_, layer)) return;
    const std::optional<ActivationRanges> ranges = activation_ranges(network_.layer(activation));
    if (!ranges || !ranges->zero_below) return;
    // How large the inputs of a file's first layer are is not known.
    if (source_through(network_, layer, kSameNumbers) == Network::kInput && !scaled_input()) return;
    const UnitVectors vectors = unit_vectors(network_, layer);
    std::vector<std::size_t> units;
    float lowest = 0.0f;
    for (std::size_t u = 0; u < vectors.units; ++u) {
      double squares = 0;
      for (const float x : vectors.weights(u)) squares += static_cast<double>(x) * static_cast<double>(x);
      // Inputs of size 1 reach |w| · sqrt(inputs) at most, and that only where all of them point its way.
      constexpr double kMargin = 1.5;
      const double reach = std::sqrt(squares * static_cast<double>(vectors.inputs));
      if (-static_cast<double>(vectors.bias(u)) <= std::max(kMargin * reach, 1e-3)) continue;
      units.push_back(u);
      lowest = std::min(lowest, vectors.bias(u));
    }
    const std::string what =
        fmt::format("{} with a bias down to {:.3g}, which inputs of size 1 cannot make up for",
                    some_of(layer, units.size()), static_cast<double>(lowest));
    add_units("negative_bias", layer, what, std::move(units), 0.8);
  }

  void duplicates(std::size_t layer) {
    std::vector<std::size_t> units = duplicate_units(network_, layer);
    const std::string what =
        fmt::format("{} compute the same as another one of the layer", some_of(layer, units.size()));
    add_units("duplicate_units", layer, what, std::move(units), 0.9);
  }

  void without_use(std::size_t layer) {
    std::vector<std::size_t> units = units_without_use(network_, layer);
    const std::string what =
        fmt::format("{}: nothing behind the layer looks at them", some_of(layer, units.size()));
    add_units("no_outgoing_weights", layer, what, std::move(units), 0.5);
  }

  void zero_scale(std::size_t layer) {
    const std::string_view kind = network_.layer(layer).info().name;
    if (kind != "batch_norm" && kind != "layer_norm") return;
    const std::vector<float> scale = network_.get(network_.tensors()[network_.first_tensor(layer)]);
    std::vector<std::size_t> units;
    for (std::size_t u = 0; u < scale.size(); ++u)
      if (std::fabs(scale[u]) < 1e-30f) units.push_back(u);
    // Whole branches of a residual network begin so on purpose, and grow in training (Goyal et al. 2017).
    const std::size_t user = user_through(network_, layer, kSameNumbers);
    const bool begins =
        units.size() == scale.size() && user < network_.size() && network_.layer(user).joins();
    const std::string what = fmt::format("the scale of {} is zero", some_of(layer, units.size()));
    add_units("zero_scale", layer, what, std::move(units), begins ? 0.05 : 0.9);
  }

  const ModelParts& parts_;
  const Network& network_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> lint_weights(const ModelParts& parts) { return WeightLint(parts).run(); }

}  // namespace halfwave
