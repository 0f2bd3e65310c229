#pragma once
// What the tests of activations share: every instruction set of this machine, and the points to look at.
#include "kernels/targets.h"
// Highway reads the line above.
#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "core/random.h"
#include "kernels/activation_declaration.h"

namespace halfwave {

/// Calls body(name of the instruction set) for each one that this machine has; kernels resolved inside are
/// for it.
template <class Body>
void for_each_target(Body&& body) {
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(target);
    const char* name = hwy::TargetName(target);
    SCOPED_TRACE(name);
    body(name);
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

inline std::vector<float> default_parameters(const ActivationInfo& info) {
  std::vector<float> values;
  for (const ActivationParameter& parameter : info.parameters) values.push_back(parameter.value);
  values.push_back(0);  // never empty
  return values;
}

/// Every binary exponent with both signs and random mantissas (denormal numbers among them), and the range in
/// which activations bend, evenly.
inline std::vector<float> whole_float_range(int per_exponent, int even) {
  Random random(1, stream_id(Stream::data));
  std::vector<float> points{0.0f, -0.0f};
  for (std::uint32_t exponent = 0; exponent < 255; ++exponent) {
    for (int i = 0; i < per_exponent; ++i) {
      const std::uint32_t bits = (exponent << 23) | (random.next() & 0x807FFFFFu);
      points.push_back(std::bit_cast<float>(bits));
    }
  }
  for (int i = 0; i < even; ++i) points.push_back(-110.0f + 220.0f * random.uniform());
  for (int i = 0; i < even; ++i) points.push_back(-6.0f + 12.0f * random.uniform());
  return points;
}

/// The distance in units of the last place of a float near `exact`; 0 for an infinity where the float would
/// be one.
inline double ulp_error(float value, long double exact) {
  const float rounded = static_cast<float>(exact);
  if (std::isnan(value) || std::isnan(rounded))
    return std::isnan(value) == std::isnan(rounded) ? 0 : INFINITY;
  if (std::isinf(rounded) || std::isinf(value)) return value == rounded ? 0 : INFINITY;
  const int exponent = exact == 0 ? -126 : std::max(std::ilogb(exact), -126);
  return static_cast<double>(std::abs(value - exact) / std::ldexp(1.0L, exponent - 23));
}

}  // namespace halfwave
