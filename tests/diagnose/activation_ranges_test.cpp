// Lost if these fail: what the rules take for granted of an activation - its range, its kink, where it is
// flat.
#include "diagnose/activation_ranges.h"

#include <gtest/gtest.h>
#include <halfwave/activation.h>

#include <cmath>

#include "graph/network.h"

namespace halfwave {
namespace {

constexpr double kInfinity = ActivationRanges::kInfinity;

std::optional<ActivationRanges> ranges_of(const std::string& layer) {
  const Network network = parse_network("dense 4, " + layer, 3, 4);
  return activation_ranges(network.layer(1));
}

TEST(ActivationRanges, OfTheKnownOnes) {
  struct Case {
    const char* layer;
    double lowest, highest, kink, steep_low, steep_high;
    bool homogeneous;
  };
  // sigmoid: y (1 - y) = 0.01 / 4 at ±5.986; tanh: 1 - y² = 0.01 at ±2.993; softsign: (1 + |x|)² = 100.
  const Case cases[] = {
      {"relu", 0, kInfinity, 0, -kInfinity, kInfinity, true},
      {"leaky_relu 0.2", -kInfinity, kInfinity, 0, -kInfinity, kInfinity, true},
      {"relu6", 0, 6, 0, 0, 6, false},
      {"elu", -1, kInfinity, 0, -kInfinity, kInfinity, false},
      {"sigmoid", 0, 1, kInfinity, -5.986, 5.986, false},
      {"tanh", -1, 1, kInfinity, -2.993, 2.993, false},
      {"softsign", -1, 1, kInfinity, -9, 9, false},
      {"hardtanh", -1, 1, kInfinity, -1, 1, false},
      {"softplus", 0, kInfinity, kInfinity, -kInfinity, kInfinity, false},
      {"silu", -0.2785, kInfinity, kInfinity, -kInfinity, kInfinity, false},
      {"absolute", 0, kInfinity, 0, -kInfinity, kInfinity, true},
      {"identity", -kInfinity, kInfinity, kInfinity, -kInfinity, kInfinity, true},
  };
  for (const Case& its : cases) {
    SCOPED_TRACE(its.layer);
    const auto ranges = ranges_of(its.layer);
    ASSERT_TRUE(ranges);
    const auto same = [](double expected, double found) {
      if (std::isinf(expected)) {
        EXPECT_EQ(expected, found);
      } else {
        EXPECT_NEAR(expected, found, 0.02);
      }
    };
    same(its.lowest, ranges->lowest);
    same(its.highest, ranges->highest);
    same(its.kink, ranges->kink);
    same(its.steep_low, ranges->steep_low);
    same(its.steep_high, ranges->steep_high);
    EXPECT_EQ(its.homogeneous, ranges->homogeneous);
    EXPECT_EQ(ranges->saturates(), !std::isinf(its.steep_low));
  }
}

TEST(ActivationRanges, EveryActivationHasThemOrTakesWholeRows) {
  for (const ActivationInfo& info : activations()) {
    SCOPED_TRACE(info.name);
    const Network network = parse_network("dense 4, " + std::string(info.name) + ", dense", 3, 4);
    const auto ranges = activation_ranges(network.layer(1));
    EXPECT_EQ(ranges.has_value(), info.elementwise);
    if (!ranges) continue;
    EXPECT_EQ(ranges->zero_below, info.zero_below);
    EXPECT_LT(ranges->lowest, ranges->highest);
    EXPECT_LT(ranges->steep_low, ranges->steep_high);
    if (info.form == ActivationInfo::Form::pointwise) {
      EXPECT_EQ(ranges->saturates(), info.saturates);
    }
  }
  EXPECT_FALSE(activation_ranges(parse_network("dense 3", 3, 3).layer(0)));
}

}  // namespace
}  // namespace halfwave
