// Lost if these fail: every figure of inspect would be of another network than the one that runs and trains.
#include "analysis/trace.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/random.h"
#include "graph/initialise.h"
#include "graph/plan.h"

namespace halfwave {
namespace {

class Kept final : public UpdateSink {
 public:
  Companions companions() const override { return {}; }
  void ready(std::size_t, std::size_t, std::size_t, const float*) override {}
};

void expect_near(const float* a, const float* b, std::size_t count, double tolerance) {
  for (std::size_t i = 0; i < count; ++i)
    EXPECT_NEAR(a[i], b[i], tolerance * (1 + std::fabs(static_cast<double>(b[i])))) << i;
}

/// Output and gradients against those of a plan, which works in place, skips zeros and fuses layers.
TEST(Trace, IsTheSameAsThePlan) {
  constexpr std::size_t kBatch = 6;
  for (const char* line :
       {"dense 20, relu, dense 20, tanh, dense", "dense 16, residual(dense 16, relu, dense 16), relu, dense",
        "dense 16, relu, concat(input | dense 8, relu | input), dense", "dense 16, batch_norm, relu, dense",
        "conv 6 3x3, batch_norm, relu, pool 2, residual(conv 6 3x3, relu, conv 6 3x3), relu, flatten, dense",
        "conv 4 3x3, prelu, global_average_pool, layer_norm, dense"}) {
    SCOPED_TRACE(line);
    const bool grid = std::string(line).starts_with("conv");
    const std::vector<std::int64_t> shape =
        grid ? std::vector<std::int64_t>{2, 6, 6} : std::vector<std::int64_t>{12};
    Network network = parse_network(line, shape, 5);
    initialise(network, "auto", 0.1, 3);
    for (const bool training : {false, true}) {
      Network same = parse_network(line, shape, 5);
      std::ranges::copy(network.values(), same.values().begin());
      Plan plan(same, {.batch = kBatch, .training = training});
      Trace trace(network, network.size(), kBatch, 1, training);
      Random random(1, 2);
      const std::size_t rows = kBatch * network.input().positions(), stride = plan.input_stride();
      AlignedVector<float> input(rows * stride);
      for (std::size_t row = 0; row < rows; ++row)
        for (std::size_t c = 0; c < network.input().channels; ++c)
          input[row * stride + c] = static_cast<float>(random.normal());
      std::ranges::copy(input, plan.input());
      StepContext context{.batch = kBatch, .training = training};
      context.step = 1;
      plan.forward(context);
      trace.forward(input.data(), kBatch, training);
      for (std::size_t i = 0; i < kBatch; ++i)
        expect_near(trace.output(network.size() - 1) + i * plan.output_stride(),
                    plan.output() + i * plan.output_stride(), 5, 1e-5);
      if (!training) continue;
      for (std::size_t i = 0; i < kBatch; ++i)
        for (std::size_t j = 0; j < 5; ++j)
          plan.output_gradient()[i * plan.output_stride() + j] =
              trace.output_gradient()[i * plan.output_stride() + j] = static_cast<float>(random.normal());
      Kept sink;
      plan.backward(context, sink);
      std::vector<std::size_t> seen;
      trace.backward([&](std::size_t layer, const float* gradient) {
        seen.push_back(layer);
        EXPECT_TRUE(std::isfinite(gradient[0]));
      });
      EXPECT_EQ(seen.size(), network.size());
      EXPECT_TRUE(std::ranges::is_sorted(seen, std::greater()));
      for (const NetworkTensor& tensor : network.tensors())
        if (tensor.spec.learned)
          expect_near(trace.gradients().data() + tensor.offset, plan.gradients().data() + tensor.offset,
                      tensor.spec.floats(), 1e-4);
    }
  }
}

TEST(Trace, LeavesTheNetworkAlone) {
  Network network = parse_network("dense 8, batch_norm, relu, dense", 4, 3);
  initialise(network, "auto", 0.0, 3);
  const std::vector<float> before(network.values().begin(), network.values().end());
  Trace trace(network, network.size(), 4, 1, true);
  AlignedVector<float> input(4 * 16, 1.5f);
  trace.forward(input.data(), 4, true);
  trace.backward([](std::size_t, const float*) {});
  EXPECT_EQ(before, std::vector<float>(network.values().begin(), network.values().end()));
}

}  // namespace
}  // namespace halfwave
