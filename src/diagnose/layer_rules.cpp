#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/grouped.h"
#include "diagnose/kinds.h"
#include "diagnose/rules.h"

namespace halfwave {
namespace {

std::vector<std::size_t> units_with(const LayerInspection& layer, UnitVerdict verdict) {
  std::vector<std::size_t> units;
  for (std::size_t u = 0; u < layer.verdicts.size(); ++u)
    if (layer.verdicts[u] == verdict) units.push_back(u);
  return units;
}

/// A finding about some units of a layer. weight_of(share) gives its weight.
template <class WeightOf>
void judge(const LayerInspection& layer, UnitVerdict verdict, std::string_view kind, std::string_view does,
           std::vector<Finding>& findings, WeightOf&& weight_of) {
  std::vector<std::size_t> units = units_with(layer, verdict);
  if (units.empty()) return;
  const double share = static_cast<double>(units.size()) / static_cast<double>(layer.units);
  const std::string some =
      units.size() == layer.units
          ? fmt::format("{} {}", layer.units == 1 ? "its" : "all", counted(layer.units, "unit"))
          : fmt::format("{} of {}", grouped(units.size()), counted(layer.units, "unit"));
  findings.push_back(
      make_finding({.kind = kind,
                    .where = layer.name,
                    .what = fmt::format("{} {} {}", some, units.size() == 1 ? "is" : "are", does),
                    .number = static_cast<double>(units.size()),
                    .unit = units.size() == 1 ? "unit" : "units",
                    .weight = weight_of(share),
                    .units = std::move(units)}));
}

/// Gradients of the layers before the last one.
void judge_gradients(std::span<const LayerInspection> layers, std::vector<Finding>& findings) {
  const auto hidden = layers.first(layers.size() - 1);
  const std::string& last = layers.back().name;
  // A power of ten is worth so much, from half a power before the bound on.
  const auto weight_of = [](double powers) { return std::clamp(0.15 * (powers - 2.5), 0.01, 0.95); };
  const auto ratio = [](const LayerInspection& layer) { return layer.gradient_ratio; };
  // Where it is about as bad in several layers, the first one stands for them.
  if (const double least = std::ranges::min(hidden, {}, ratio).gradient_ratio; least < kVanishing) {
    const LayerInspection& layer = *std::ranges::find_if(
        hidden, [&](double its) { return its <= 10.0 * least; }, ratio);
    const double its = layer.gradient_ratio;
    findings.push_back(make_finding(
        {.kind = "vanishing_gradient",
         .where = layer.name,
         .what = its > 0.0 ? fmt::format("the gradient at {} is {:.1e} of that at {}", layer.name, its, last)
                           : fmt::format("no gradient comes back to {}", layer.name),
         .number = its,
         .unit = "of the last layer's gradient",
         .weight = weight_of(-std::log10(std::max(its, 1e-30)))}));
  }
  if (const double most = std::ranges::max(hidden, {}, ratio).gradient_ratio; most > kExploding) {
    const LayerInspection& layer = *std::ranges::find_if(
        hidden, [&](double its) { return its >= 0.1 * most; }, ratio);
    findings.push_back(make_finding({.kind = "exploding_gradient",
                                     .where = layer.name,
                                     .what = fmt::format("the gradient at {} is {:.1e} times that at {}",
                                                         layer.name, layer.gradient_ratio, last),
                                     .number = layer.gradient_ratio,
                                     .unit = "times the last layer's gradient",
                                     .weight = weight_of(std::log10(layer.gradient_ratio))}));
  }
}

/// How much the hidden layers' outputs differ from example to example.
void judge_signal(std::span<const LayerInspection> hidden, std::vector<Finding>& findings) {
  if (hidden.size() < 2) return;
  constexpr double kLost = 1e-6, kWeightOfPower = 0.1;
  const auto variance = [](const LayerInspection& layer) { return layer.variance; };
  const LayerInspection& calmest = *std::ranges::min_element(hidden.subspan(1), {}, variance);
  const double left = calmest.variance / std::max(hidden.front().variance, 1e-300);
  if (left >= kLost) return;
  findings.push_back(make_finding(
      {.kind = "vanishing_signal",
       .where = calmest.name,
       .what = left > 0.0 ? fmt::format("from one example to the next {} varies {:.1e} times as much as {}",
                                        calmest.name, std::sqrt(left), hidden.front().name)
                          : fmt::format("{} is the same for every example", calmest.name),
       .number = std::sqrt(left),
       .unit = "of the first layer's deviation",
       .weight = std::min(0.9, -kWeightOfPower * std::log10(std::max(left, 1e-30)))}));
}

}  // namespace

std::vector<Finding> judge_units(std::span<const LayerInspection> layers) {
  std::vector<Finding> findings;
  for (const LayerInspection& layer : layers) {
    judge(layer, UnitVerdict::dead, "dead_units", "zero for every example", findings,
          [](double share) { return share == 1.0 ? 1.0 : 0.02 + 0.9 * share; });
    judge(layer, UnitVerdict::almost_dead, "almost_dead_units", "zero for more than 99 % of the examples",
          findings, [](double share) { return 0.01 + 0.3 * share; });
    // The last layer's outputs may well be always on, or close to 0 and 1.
    if (&layer == &layers.back()) continue;
    // A few units that are linear are of use; where most are, the layer has lost its kinks.
    judge(layer, UnitVerdict::always_on, "always_on_units", "never off", findings,
          [](double share) { return 0.005 + 0.9 * share * share; });
    judge(layer, UnitVerdict::saturated, "saturated_units",
          "in the flat part of their activation for more than 95 % of the examples", findings,
          [](double share) { return 0.01 + 0.85 * share; });
  }
  return findings;
}

std::vector<Finding> judge_depth(std::span<const LayerInspection> layers) {
  if (layers.size() < 2) return {};
  std::vector<Finding> findings;
  judge_gradients(layers, findings);
  judge_signal(layers.first(layers.size() - 1), findings);
  return findings;
}

}  // namespace halfwave
