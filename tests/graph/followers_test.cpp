// Layers that do their work on the rows of the layer before them as these come: lost, if this fails, is that
// a network computes what its layers do one after the other, on batches large enough for several parts and
// threads.
#include "plan_problem.h"

namespace halfwave {
namespace {

const PlanCase kCases[] = {
    {"conv 16 3x3, batch_norm, relu, residual(conv 16 3x3, batch_norm, relu, dropout 0.2), relu, "
     "global_average_pool, dense 3",
     {2, 32, 32, 5}},
    {"conv 24 3x3 padding=1, relu, residual(conv 24 1x1, batch_norm | conv 24 3x3, batch_norm), relu, pool "
     "3, "
     "flatten, dense 3",
     {2, 21, 33, 4}},  // rows of the grid and groups of 32 never meet below 1056
    {"conv 20 5 stride=2, batch_norm, leaky_relu, dropout 0.3, relu, conv 8 3 groups=4, batch_norm, relu, "
     "flatten, dense 3",
     {1, 1, 700, 3}},
    {"conv 70 1x1, batch_norm, relu, layer_norm, average_pool 4, conv 8 3x3 groups=2, batch_norm, crelu, "
     "global_max_pool, dense 3",
     {2, 28, 28, 3}},
    {"dense 200, batch_norm, relu, dropout, dense 3", Shape::row(11)},
};

std::vector<Matrix> one_after_the_other(Problem& problem, const StepContext& context) {
  std::vector<Matrix> outputs;
  for (std::size_t i = 0; i < problem.network.size(); ++i) {
    LayerRun run(problem.network.layer(i), context, problem.inputs_of(i, outputs), problem.tensors[i], false,
                 i);
    run.forward();
    outputs.push_back(run.output());
  }
  return outputs;
}

TEST(Followers, ComputeWhatTheLayersDoOneAfterTheOther) {
  for (const PlanCase& given : kCases)
    for (const bool training : {true, false})
      for (const bool of_training : {true, false}) {
        if (training && !of_training) continue;
        SCOPED_TRACE(testing::Message() << given.line << (training ? ", training" : ", inference")
                                        << (of_training ? ", plan for training" : ""));
        Problem problem(given, 0);
        StepContext context = Problem::context();
        context.training = training;
        const std::vector<Matrix> alone = one_after_the_other(problem, context);
        PlanOptions options = problem.options();
        options.training = of_training;
        Plan plan(problem.network, options);
        problem.fill(plan);
        plan.forward(context);
        for (std::size_t row = 0; row < Problem::kBatch; ++row)
          for (std::size_t j = 0; j < plan.outputs(); ++j) {
            const double expected = alone.back()(row, j);
            EXPECT_NEAR(plan.output()[row * plan.output_stride() + j], expected,
                        2e-5 * (1 + std::fabs(expected)));
          }
        for (std::size_t i = 0; i < problem.network.size(); ++i) {
          const auto counts = plan.nonzeros(i);
          for (std::size_t j = 0; j < counts.size(); ++j) {
            std::uint64_t count = 0;
            for (std::size_t row = 0; row < alone[i].rows; ++row) count += alone[i](row, j) != 0 ? 1 : 0;
            // A number next to the kink may fall on its other side.
            EXPECT_NEAR(static_cast<double>(counts[j]), static_cast<double>(count), 3) << "layer " << i;
          }
        }
      }
}

TEST(Followers, AnyNumberOfThreadsGivesTheSameBits) {
  for (const PlanCase& given : kCases) {
    SCOPED_TRACE(given.line);
    Problem first(given, 0);
    Plan one(first.network, first.options());
    first.step(one);
    for (const int threads : {2, 3, 5}) {
      Problem other(given, 0);
      Plan several(other.network, other.options());
      other.step(several, Problem::kBatch, threads);
      EXPECT_TRUE(std::ranges::equal(one.gradients(), several.gradients())) << threads;
      EXPECT_TRUE(std::ranges::equal(first.network.values(), other.network.values())) << threads;
      for (std::size_t i = 0; i < first.network.size(); ++i)
        EXPECT_TRUE(std::ranges::equal(one.nonzeros(i), several.nonzeros(i))) << threads;
    }
  }
}

TEST(Followers, ASmallerBatchThanThePlansGivesTheSameBits) {
  for (const PlanCase& given : kCases)
    for (const std::size_t few : {1u, 2u, 7u}) {
      SCOPED_TRACE(testing::Message() << given.line << ", batch " << few);
      Problem one(given, 0), other(given, 0);
      Plan large(one.network, one.options()), small(other.network, other.options(few));
      one.step(large, few);
      other.step(small, few);
      EXPECT_TRUE(std::ranges::equal(large.gradients(), small.gradients()));
      EXPECT_TRUE(std::ranges::equal(one.network.values(), other.network.values()));
    }
}

}  // namespace
}  // namespace halfwave
