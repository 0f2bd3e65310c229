#pragma once
#include <limits>
#include <optional>

#include "layers/layer.h"

namespace halfwave {

/// What follows from an activation's formula at its parameters.
struct ActivationRanges {
  static constexpr double kInfinity = std::numeric_limits<double>::infinity();

  double lowest = -kInfinity, highest = kInfinity;  ///< values, as far as inputs of size 100 show
  /// Inputs above `kink` are on the linear side of it, with slope 1, up to inputs of size 5 at least;
  /// infinity where there is no such side.
  double kink = kInfinity;
  /// Inputs between these have a slope of more than 1 % of the largest; the ends are infinite unless the
  /// slope tends to 0 on both sides.
  double steep_low = -kInfinity, steep_high = kInfinity;
  bool zero_below = false;   ///< exact zeros for a whole range of inputs
  bool homogeneous = false;  ///< f(a x) = a f(x) for a > 0

  bool never_negative() const { return lowest >= 0.0; }
  bool has_kink() const { return kink < kInfinity; }
  bool saturates() const { return steep_low > -kInfinity && steep_high < kInfinity; }
};

/// Of a layer that is an activation, number by number; nothing for any other layer.
std::optional<ActivationRanges> activation_ranges(const Layer& layer);

}  // namespace halfwave
