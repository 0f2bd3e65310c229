// Lost if these fail: a network would be given other numbers than those of its examples - a channel or a
// position in the place of another, or numbers that are not standardised - and nothing else would notice,
// because training and inference would agree on it.
#include "graph/model_parts.h"

#include <gtest/gtest.h>

#include <numeric>

#include "core/random.h"

namespace halfwave {
namespace {

ModelParts make_parts(const std::string& line, std::vector<std::int64_t> shape, std::uint64_t seed) {
  ModelParts parts{parse_network(line, shape, 3), {}, {}, {}};
  parts.schema.shape = std::move(shape);
  Random random(seed, 1);
  for (std::size_t j = 0; j < parts.schema.features(); ++j) {
    parts.preprocessing.mean.push_back(static_cast<float>(random.normal()));
    parts.preprocessing.scale.push_back(0.5f + random.uniform());
  }
  return parts;
}

Examples random_examples(std::size_t count, std::size_t features, bool bytes, std::uint64_t seed) {
  Examples examples;
  examples.count = count;
  Random random(seed, 2);
  if (bytes) {
    auto& values = examples.values.emplace<std::vector<std::uint8_t>>(count * features);
    for (auto& v : values) v = static_cast<std::uint8_t>(random.below(256));
  } else {
    auto& values = examples.values.emplace<std::vector<float>>(count * features);
    for (auto& v : values) v = static_cast<float>(random.normal());
  }
  return examples;
}

/// Number `feature` of an example, standardised in the order of operations that every path must keep.
float standard(const Examples& examples, const Preprocessing& p, std::size_t example, std::size_t feature) {
  return std::visit(
      [&](const auto& values) {
        return (static_cast<float>(values[example * p.mean.size() + feature]) - p.mean[feature]) *
               p.scale[feature];
      },
      examples.values);
}

/// Number `feature` of example i in the plan's input.
float number_of(Plan& plan, const Shape& shape, std::size_t i, std::size_t feature) {
  const std::size_t positions = shape.positions();
  return plan.input()[(i * positions + feature % positions) * plan.input_stride() + feature / positions];
}

struct Case {
  const char* line;
  std::vector<std::int64_t> shape;
};

class Gather : public testing::TestWithParam<Case> {};

TEST_P(Gather, GivesEveryNumberItsChannelAndPosition) {
  ModelParts parts = make_parts(GetParam().line, GetParam().shape, 5);
  const Shape shape = parts.network.input();
  const std::size_t features = parts.schema.features();
  EXPECT_EQ(shape.numbers(), features);
  constexpr std::size_t kBatch = 7, kCount = 20;
  const InputForm form(parts, false);
  Plan plan(parts.network, {.batch = kBatch});
  const std::vector<std::uint32_t> rows{13, 2, 2, 19, 0, 7, 11};
  for (const bool bytes : {false, true})
    for (const std::size_t batch : {std::size_t{1}, std::size_t{4}, kBatch})
      for (const int threads : {1, 3}) {
        SCOPED_TRACE(testing::Message() << bytes << ' ' << batch << ' ' << threads);
        const Examples examples = random_examples(kCount, features, bytes, 9);
        StepContext context;
        context.batch = batch;
        context.threads = threads;
        const auto expect_examples = [&](const auto& example_at) {
          for (std::size_t i = 0; i < batch; ++i)
            for (std::size_t j = 0; j < features; ++j)
              ASSERT_EQ(number_of(plan, shape, i, j),
                        standard(examples, parts.preprocessing, example_at(i), j))
                  << "example " << i << ", feature " << j;
        };
        gather(examples, form, std::span(rows).first(batch), context, plan);
        expect_examples([&](std::size_t i) { return rows[i]; });
        gather(examples, form, 5, context, plan);
        expect_examples([](std::size_t i) { return 5 + i; });
        std::visit([&](const auto& values) { gather(values.data(), form, context, plan); }, examples.values);
        expect_examples([](std::size_t i) { return i; });

        std::vector<float> ready(batch * features);
        for (std::size_t i = 0; i < ready.size(); ++i)
          ready[i] = standard(examples, parts.preprocessing, 3 + i / features, i % features);
        lay_out(ready.data(), form, context, plan);
        expect_examples([](std::size_t i) { return 3 + i; });
      }
}

INSTANTIATE_TEST_SUITE_P(All, Gather,
                         testing::Values(Case{"dense", {11}}, Case{"dense", {3, 5, 4}},
                                         Case{"dense 5, relu, dense", {6, 7}},
                                         Case{"conv 4 3x3, flatten, dense", {3, 5, 4}},
                                         Case{"conv 4 3x3, flatten, dense", {9, 13}},
                                         Case{"conv 4 3, flatten, dense", {150}},
                                         Case{"pool 2, flatten, dense", {35, 12, 12}},
                                         Case{"conv 2 1x1, relu, global_average_pool, dense", {16, 40, 40}}));

TEST(InputForm, HasARestOnlyWhereTheFirstLayerOfRowsPutsItBack) {
  const auto rest = [](const char* line, std::vector<std::int64_t> shape) {
    const ModelParts parts = make_parts(line, std::move(shape), 1);
    const InputForm form(parts);
    EXPECT_TRUE(InputForm(parts, false).rest.empty());
    return !form.rest.empty();
  };
  EXPECT_TRUE(rest("dense 4, relu, dense", {2, 3, 4}));
  EXPECT_TRUE(rest("flatten, dense 4, relu, dense", {24}));
  EXPECT_FALSE(rest("relu, dense", {24}));
  EXPECT_FALSE(rest("batch_norm, dense", {24}));
  EXPECT_FALSE(rest("conv 4 3x3, flatten, dense", {2, 3, 4}));
  EXPECT_FALSE(rest("residual(dense 24), dense", {24})) << "two layers take the input";
}

TEST(InputForm, TheRestIsTheMeanInTheNetworksNumbers) {
  ModelParts parts = make_parts("dense", {40}, 3);
  const InputForm form(parts);
  ASSERT_FALSE(form.rest.empty());
  for (std::size_t j = 0; j < 40; ++j) {
    const float x = 2.5f, mean = parts.preprocessing.mean[j], scale = parts.preprocessing.scale[j];
    EXPECT_NEAR((x - form.mean[j]) * form.scale[j] + form.rest[j], (x - mean) * scale, 1e-5);
    EXPECT_TRUE(form.rest[j] == 0.0f || form.mean[j] == 0.0f);
  }
}

}  // namespace
}  // namespace halfwave
