#include "analysis/unit_counts.h"

#include <algorithm>
#include <memory>

#include "diagnose/flow.h"

namespace halfwave {

std::vector<Watched> watched_layers(const Network& network, std::size_t layers) {
  std::vector<Watched> watched;
  std::vector<bool> seen(network.size());
  for (std::size_t i = 0; i < layers; ++i) {
    if (has_weights(network, i)) {
      // Several branches may end in one activation: it is the first one's. One of other units is nobody's.
      const std::size_t activation = network.activation_behind(i);
      const bool its = activation < layers && !seen[activation] &&
                       network.layer(activation).outputs() == network.layer(i).outputs();
      if (its) seen[activation] = true;
      watched.push_back({i, its ? activation : network.size()});
    } else if (network.layer(i).is_activation() && !seen[i]) {
      watched.push_back({i, i});
    }
  }
  return watched;
}

UnitCounts::UnitCounts(const Network& network, const Watched& watched)
    : input_(watched.layer), output_(watched.layer) {
  if (watched.activation < network.size()) {
    output_ = watched.activation;
    input_ = network.inputs_of(output_)[0];
    ranges_ = activation_ranges(network.layer(output_));
  }
  units_.resize(network.layer(output_).outputs());
}

void UnitCounts::add_row(const float* z, const float* y, bool* awake, bool& on_kink) {
  for (std::size_t u = 0; u < units_.size(); ++u) {
    Unit& unit = units_[u];
    const auto value = static_cast<double>(y[u]);
    unit.nonzeros += y[u] != 0.0f ? 1 : 0;
    awake[u] = awake[u] || y[u] != 0.0f;
    unit.sum += value;
    unit.squares += value * value;
  }
  if (!ranges_) return;
  const auto kink = static_cast<float>(ranges_->kink), low = static_cast<float>(ranges_->steep_low),
             high = static_cast<float>(ranges_->steep_high);
  for (std::size_t u = 0; u < units_.size(); ++u) {
    Unit& unit = units_[u];
    const bool flat = z[u] < low || z[u] > high;
    unit.above += z[u] > kink && !flat ? 1 : 0;
    unit.flat += flat ? 1 : 0;
    unit.flat_high += flat && y[u] != 0.0f ? 1 : 0;
    on_kink = on_kink || z[u] == kink;
  }
}

void UnitCounts::add(const Trace& trace, std::size_t examples) {
  const Shape& shape = trace.shape(output_);
  const std::size_t positions = shape.positions(), y_stride = row_stride(shape.channels),
                    z_stride = row_stride(trace.shape(input_).channels);
  const float *z = trace.output(input_), *y = trace.output(output_);
  const auto awake = std::make_unique<bool[]>(units_.size());
  for (std::size_t i = 0; i < examples; ++i) {
    std::fill_n(awake.get(), units_.size(), false);
    bool on_kink = false;
    for (std::size_t p = 0; p < positions; ++p, z += z_stride, y += y_stride)
      add_row(z, y, awake.get(), on_kink);
    for (std::size_t u = 0; u < units_.size(); ++u) units_[u].awake += awake[u] ? 1 : 0;
    on_kink_ += on_kink ? 1 : 0;
  }
  rows_ += examples * positions;
  examples_ += examples;
}

UnitVerdict UnitCounts::verdict(const Unit& unit) const {
  constexpr double kAlmost = 0.01, kSaturated = 0.95, kNotJustZero = 0.05;
  if (!ranges_ || rows_ == 0) return UnitVerdict::healthy;
  const auto rows = static_cast<double>(rows_);
  if (ranges_->zero_below) {
    if (unit.nonzeros == 0) return UnitVerdict::dead;
    if (static_cast<double>(unit.awake) < kAlmost * static_cast<double>(examples_))
      return UnitVerdict::almost_dead;
  }
  if (unit.above == rows_) return UnitVerdict::always_on;
  // Zeros of a unit that is off are what it is for; those who are flat above as well are saturated.
  const bool above = !ranges_->zero_below || static_cast<double>(unit.flat_high) > kNotJustZero * rows;
  if (ranges_->saturates() && above && static_cast<double>(unit.flat) > kSaturated * rows)
    return UnitVerdict::saturated;
  return UnitVerdict::healthy;
}

void UnitCounts::report(LayerInspection& layer) const {
  layer.units = units_.size();
  layer.on_kink = on_kink_;
  double nonzeros = 0, sum = 0, variance = 0;
  const auto rows = static_cast<double>(std::max<std::size_t>(rows_, 1));
  for (const Unit& unit : units_) {
    layer.verdicts.push_back(verdict(unit));
    nonzeros += static_cast<double>(unit.nonzeros);
    sum += unit.sum / rows;
    variance += std::max(0.0, unit.squares / rows - unit.sum / rows * (unit.sum / rows));
  }
  const auto units = static_cast<double>(units_.size());
  layer.density = nonzeros / (rows * units);
  layer.mean = sum / units;
  layer.variance = variance / units;
}

}  // namespace halfwave
