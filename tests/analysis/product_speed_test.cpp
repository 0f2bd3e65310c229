// Lost if this fails: figures of speed that are about something else - products that do not compute what the
// layer computes, another density than the one that is named, a crossover that the times do not show.
#include "analysis/product_speed.h"

#include <gmock/gmock.h>

#include <cmath>

#include "analysis/timing.h"
#include "kernels/panels.h"
#include "layers/layer.h"

namespace halfwave {
namespace {

struct Shape {
  std::size_t batch, inputs, outputs;
};
constexpr Shape kShapes[] = {{1, 5, 3}, {1, 300, 130}, {7, 40, 64}, {33, 129, 65}, {200, 150, 90}};

void expect_close(double a, double b, std::size_t terms) {
  EXPECT_NEAR(a, b, 1e-6 * static_cast<double>(terms) + 1e-6);
}

/// What both ways leave in the result that `numbers` reads, one after the other on the same input.
template <class Numbers>
std::pair<std::vector<float>, std::vector<float>> both(ProductBench& bench, Product product,
                                                       std::size_t inputs, Numbers numbers) {
  bench.dense(product);
  const std::vector<float> dense = numbers(), x(bench.last_input(), bench.last_input() + inputs);
  do bench.skipping(product);  // until the same input has its turn again
  while (!std::equal(x.begin(), x.end(), bench.last_input()));
  return {dense, numbers()};
}

TEST(ProductBench, BothWaysComputeTheSame) {
  for (const Shape& shape : kShapes) {
    const std::size_t batch = shape.batch, inputs = shape.inputs, outputs = shape.outputs;
    for (const double density : {0.0, 0.3, 1.0}) {
      for (const int threads : {1, 2}) {
        SCOPED_TRACE(::testing::Message() << batch << " × " << inputs << " × " << outputs << ", " << density);
        ProductBench bench(batch, inputs, outputs, threads, 1, true);
        bench.fill(density);
        const std::size_t x_size = batch * row_stride(inputs);
        const auto y = both(bench, Product::forward, x_size, [&] {
          return std::vector<float>(bench.y(), bench.y() + batch * row_stride(outputs));
        });
        for (std::size_t i = 0; i < batch; ++i)
          for (std::size_t j = 0; j < outputs; ++j)
            expect_close(y.first[i * row_stride(outputs) + j], y.second[i * row_stride(outputs) + j], inputs);
        const auto dw = both(bench, Product::weight_gradient, x_size, [&] {
          std::vector<float> plain(inputs * outputs);
          unpack_panels(bench.weight_gradient(), {inputs, outputs}, plain.data());
          return plain;
        });
        for (std::size_t i = 0; i < dw.first.size(); ++i) expect_close(dw.first[i], dw.second[i], batch);
        const auto dx = both(bench, Product::input_gradient, x_size, [&] {
          return std::vector<float>(bench.input_gradient(), bench.input_gradient() + x_size);
        });
        for (std::size_t i = 0; i < batch; ++i)
          for (std::size_t k = 0; k < inputs; ++k) {
            const std::size_t at = i * row_stride(inputs) + k;
            expect_close(bench.last_input()[at] != 0.0f ? dx.first[at] : 0.0f, dx.second[at], outputs);
          }
      }
    }
  }
}

TEST(ProductBench, HasTheDensityThatItWasAskedFor) {
  ProductBench bench(64, 500, 8, 1, 3);
  for (const double density : {0.0, 0.05, 0.5, 1.0}) {
    bench.fill(density);
    bench.dense(Product::forward);
    std::size_t ones = 0;
    for (std::size_t i = 0; i < 64; ++i)
      for (std::size_t k = 0; k < 500; ++k)
        ones += bench.last_input()[i * row_stride(500) + k] != 0.0f ? 1 : 0;
    EXPECT_NEAR(static_cast<double>(ones) / (64 * 500), density, 0.015);
  }
}

TEST(ProductBench, FewExamplesTakeTurns) {
  ProductBench bench(1, 100, 8, 1, 3);
  bench.fill(0.5);
  bench.dense(Product::forward);
  const float* const first = bench.last_input();
  bench.skipping(Product::forward);
  EXPECT_NE(first, bench.last_input());
}

std::vector<ProductSpeed::Point> on_a_line(double start, double slope) {
  std::vector<ProductSpeed::Point> points;
  for (const double density : {0.1, 0.3, 0.5, 0.7, 0.9})
    points.push_back({density, 1.0, 1.0 / (start + slope * density)});
  return points;
}

TEST(Crossover, IsWhereTheLineReachesTheDenseTime) {
  EXPECT_NEAR(fitted_crossover(on_a_line(0.1, 1.5)), 0.6, 1e-9);
  EXPECT_NEAR(fitted_crossover(on_a_line(0.04, 1.2)), 0.8, 1e-9);
}

TEST(Crossover, StaysBetweenNeverAndAlways) {
  EXPECT_EQ(fitted_crossover(on_a_line(1.1, 1.0)), 0.0) << "never faster";
  EXPECT_EQ(fitted_crossover(on_a_line(0.1, 0.5)), 1.0) << "faster even without zeros";
  EXPECT_EQ(fitted_crossover(on_a_line(0.5, 0.0)), 1.0);
  EXPECT_EQ(fitted_crossover(on_a_line(1.5, -0.1)), 0.0);
}

TEST(Crossover, OneDisturbedPointDoesNotMoveItFar) {
  for (std::size_t disturbed = 0; disturbed < 5; ++disturbed) {
    auto points = on_a_line(0.1, 1.5);
    points[disturbed].ratio /= 3.0;
    EXPECT_NEAR(fitted_crossover(points), 0.6, 0.1) << disturbed;
  }
}

TEST(Products, AreMeasuredForEveryBatchAndWidth) {
  BenchOptions options;
  options.batch = {1, 3};
  options.width = {8, 20};
  options.seconds = 0.01;
  std::vector<double> shares;
  const auto products =
      measure_products(options, [&](const std::string&, double share) { shares.push_back(share); });
  EXPECT_EQ(products.size(), 3u * 2 * 2);
  EXPECT_THAT(shares, ::testing::ElementsAre(0.0, 0.25, 0.5, 0.75));
  for (const ProductSpeed& p : products) {
    EXPECT_TRUE((p.batch == 1 || p.batch == 3) && (p.outputs == 8 || p.outputs == 20) &&
                p.inputs == p.outputs);
    EXPECT_GT(p.dense_seconds, 0.0);
    EXPECT_TRUE(p.crossover >= 0.0 && p.crossover <= 1.0);
    for (std::size_t i = 0; i < p.points.size(); ++i) {
      EXPECT_GT(p.points[i].seconds, 0.0);
      EXPECT_GT(p.points[i].ratio, 0.0);
      EXPECT_LT(p.points[i].density, i > 0 ? p.points[i - 1].density : 1.01);
    }
  }
}

TEST(Machine, IsNamedAndMeasured) {
  BenchOptions options;
  options.quick = true;
  const MachineSpeed machine = measure_machine(options);
  EXPECT_FALSE(machine.processor.empty());
  EXPECT_FALSE(machine.instruction_set.empty());
  EXPECT_GE(machine.processors, 1);
  EXPECT_EQ(machine.threads, 1);
  EXPECT_GT(machine.peak_one, 1e7);
  EXPECT_EQ(machine.peak_all, machine.peak_one);
  EXPECT_GT(machine.copy_in_cache, 1e7);
  EXPECT_GT(machine.copy_in_memory, 1e7);
}

TEST(Timing, MedianIsTheMiddle) {
  EXPECT_EQ(median({3}), 3);
  EXPECT_EQ(median({9, 1, 5}), 5);
  EXPECT_EQ(median({1, 1000, 2, 3, 1}), 2);
}

TEST(Timing, TheRatioIsThatOfTheWork) {
  volatile float sink = 0;
  const auto work = [&](int n) {
    return [&sink, n] {
      for (int i = 0; i < n; ++i) sink = sink + 1.0f;
    };
  };
  const PairedTimes times = time_in_turn<ThreadClock>(0.02, work(6000), work(2000));
  EXPECT_GT(times.ratio, 1.5);
  EXPECT_LT(times.ratio, 6.0);
}

}  // namespace
}  // namespace halfwave
