#include "diagnose/activation_ranges.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/activation_declaration.h"

namespace halfwave {
namespace {

constexpr double kFarthest = 100.0, kStep = 1.0 / 64.0;

/// The formula at a layer's parameters, in double.
class Formula {
 public:
  Formula(const ActivationReference& reference, std::span<const double> parameters) : reference_(reference) {
    for (const double value : parameters) parameters_.push_back(static_cast<float>(value));
    parameters_.push_back(0.0f);  // what a unit learns in addition
  }
  double value(double x) const { return static_cast<double>(reference_.value(x, parameters_.data())); }
  double slope(double x) const { return static_cast<double>(reference_.slope(x, parameters_.data())); }

  /// The place between `flat` and `steep` where the slope's size crosses `limit`.
  double crossing(double flat, double steep, double limit) const {
    for (int i = 0; i < 40; ++i) {
      const double middle = 0.5 * (flat + steep);
      (std::fabs(slope(middle)) > limit ? steep : flat) = middle;
    }
    return steep;
  }

 private:
  const ActivationReference& reference_;
  std::vector<float> parameters_;
};

/// The smallest input from which on, up to kEnd, the slope is the same; infinity where there is none.
double kink_of(const Formula& formula) {
  constexpr double kEnd = 5.0;
  const double slope = formula.slope(kEnd);
  const auto linear = [&](double x) { return formula.slope(x) == slope; };
  double low = kEnd - kStep;
  while (low > -kEnd && linear(low)) low -= kStep;
  const bool whole_line = low <= -kEnd, none = low == kEnd - kStep;
  if (slope == 0.0 || whole_line || none) return ActivationRanges::kInfinity;
  double high = low + kStep;
  for (int i = 0; i < 40; ++i) {
    const double middle = 0.5 * (low + high);
    (linear(middle) ? high : low) = middle;
  }
  return std::fabs(high) < 1e-9 ? 0.0 : high;
}

bool is_homogeneous(const Formula& formula) {
  for (const double x : {-3.0, -0.7, 0.2, 1.5})
    for (const double factor : {0.125, 4.0, 32.0})
      if (formula.value(factor * x) != factor * formula.value(x)) return false;
  return true;
}

}  // namespace

std::optional<ActivationRanges> activation_ranges(const Layer& layer) {
  if (!layer.is_activation()) return std::nullopt;
  const auto all = activation_declarations();
  const auto* const declared = std::to_address(
      std::ranges::find(all, layer.info().name, [](const auto& one) { return one.info.name; }));
  const ActivationInfo& info = declared->info;
  if (!info.elementwise) return std::nullopt;

  const Formula formula(declared->reference, layer.fields());
  ActivationRanges ranges;
  ranges.zero_below = info.zero_below;
  // What a unit learns may be anything: of prelu only that it has a kink at 0 is sure.
  if (info.form == ActivationInfo::Form::per_unit) {
    ranges.kink = info.name == "prelu" ? 0.0 : ActivationRanges::kInfinity;
    ranges.homogeneous = info.name == "prelu";
    if (info.zero_below) ranges.lowest = 0.0;
    return ranges;
  }
  double low = formula.value(0.0), high = low, largest_slope = 0.0, steepest = 0.0;
  for (double x = -0.5 * kFarthest; x <= 0.5 * kFarthest; x += kStep) {
    const double y = formula.value(x), slope = std::fabs(formula.slope(x));
    low = std::min(low, y);
    high = std::max(high, y);
    if (slope > largest_slope) {
      largest_slope = slope;
      steepest = x;
    }
  }
  // A bounded activation is close to its bounds by then, an unbounded one goes on.
  constexpr double kGrowth = 0.1;
  const double left = formula.value(-kFarthest), right = formula.value(kFarthest);
  if (std::min(left, right) > low - kGrowth) ranges.lowest = low;
  if (std::max(left, right) < high + kGrowth) ranges.highest = high;
  ranges.kink = kink_of(formula);
  ranges.homogeneous = is_homogeneous(formula);
  if (info.saturates) {
    const double limit = 0.01 * largest_slope;
    ranges.steep_low = formula.crossing(-kFarthest, steepest, limit);
    ranges.steep_high = formula.crossing(kFarthest, steepest, limit);
  }
  return ranges;
}

}  // namespace halfwave
