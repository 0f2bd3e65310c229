// Lost if these fail: the figures by which people judge a convolution - dead channels, density - would be
// those of something else.
#include "train/health.h"

#include <gtest/gtest.h>

#include <cmath>

namespace halfwave {
namespace {

/// A convolution of one tap copies its input's channel with a factor and a bias for each filter, so what
/// fires is known: filter 0 at every position, 1 nowhere, 2 where x > 0, 3 where x < 0.
TEST(Health, OfAConvolutionIsByChannelOverAllPositions) {
  const std::vector<std::int64_t> shape{4, 5};
  Network network = parse_network("conv 4 1x1, relu, global_average_pool, dense", shape, 2);
  network.set(network.tensors()[0], std::vector<float>{0, 0, 1, -1});
  network.set(network.tensors()[1], std::vector<float>{1, -1, 0, 0});
  Plan plan(network, {.batch = 3, .training = true, .count_zeros = true});
  const StepContext context{.batch = 3, .training = true};
  std::size_t positive = 0;
  for (std::size_t step = 0; step < 2; ++step) {
    for (std::size_t row = 0; row < 3 * 20; ++row) {
      const bool fires = row == step || row % 7 == 0;
      plan.input()[row * plan.input_stride()] = fires ? 2.0f : -0.5f;
      positive += fires ? 1 : 0;
    }
    plan.forward(context);
  }
  const std::vector<LayerHealth> layers = measure_health(network, plan, 6);
  ASSERT_EQ(layers.size(), 2u);
  EXPECT_EQ(layers[0].name, "conv_1");
  EXPECT_EQ(layers[0].units, 4u);
  EXPECT_EQ(layers[0].dead_units, 1u);
  EXPECT_GT(positive, 0u);
  EXPECT_DOUBLE_EQ(
      layers[0].density,
      (120.0 + 0.0 + static_cast<double>(positive) + static_cast<double>(120 - positive)) / (4 * 120.0));
  EXPECT_NEAR(layers[0].weight_norm, std::sqrt(2.0), 1e-6);
  EXPECT_EQ(layers[1].name, "dense_1");
}

TEST(Health, OfBothBranchesIsThatOfTheActivationBehindTheJoin) {
  Network network = parse_network("residual(dense 3 | dense 3), relu, dense", 3, 2);
  Plan plan(network, {.batch = 2, .training = true, .count_zeros = true});
  const StepContext context{.batch = 2, .training = true};
  for (std::size_t b = 0; b < 2; ++b) {  // weights are 0: the sums are those of the biases
    network.set(network.tensors()[2 * b + 1], std::vector<float>{1, 1, -1});
    for (std::size_t j = 0; j < 3; ++j) plan.input()[b * plan.input_stride() + j] = 1.0f;
  }
  plan.forward(context);
  const std::vector<LayerHealth> layers = measure_health(network, plan, 2);
  ASSERT_EQ(layers.size(), 3u);
  for (const std::size_t i : {0u, 1u}) {
    EXPECT_EQ(layers[i].dead_units, 1u);
    EXPECT_NEAR(layers[i].density, 2.0 / 3, 1e-12);
  }
}

}  // namespace
}  // namespace halfwave
