// Lost if these fail: evaluating a network on images would take gigabytes, or the result would depend on how
// the examples are cut into batches.
#include "train/evaluator.h"

#include "train/train_testing.h"

namespace halfwave {
namespace {

/// Examples by batch, and the outputs of all.
std::pair<std::vector<std::size_t>, std::vector<float>> run(ModelParts& parts, const Examples& examples,
                                                            std::size_t at_once) {
  Evaluator evaluator(parts, parts.network.size(), at_once, 1);
  std::vector<std::size_t> counts;
  std::vector<float> outputs(examples.count * parts.network.outputs());
  evaluator.run(examples, [&](std::size_t first, std::size_t count, const Plan& plan) {
    counts.push_back(count);
    read_predictions(parts.preprocessing, plan, count, outputs.data() + first * parts.network.outputs());
  });
  return {counts, outputs};
}

ModelParts parts_of(const std::string& line, std::vector<std::int64_t> shape) {
  ModelParts parts{parse_network(line, shape, 3), {}, {}, {}};
  parts.schema.shape = std::move(shape);
  parts.preprocessing.mean.assign(parts.schema.features(), 0.1f);
  parts.preprocessing.scale.assign(parts.schema.features(), 1.5f);
  Random random(3, 3);
  for (float& w : parts.network.values()) w = static_cast<float>(0.1 * random.normal());
  return parts;
}

Examples random_examples(std::size_t count, std::size_t features) {
  Examples examples;
  examples.count = count;
  Random random(5, 5);
  auto& values = examples.values.emplace<std::vector<float>>(count * features);
  for (float& v : values) v = static_cast<float>(random.normal());
  return examples;
}

TEST(Evaluator, CutsBatchesSoThatTheirValuesTakeNoMoreThan64Megabytes) {
  ModelParts parts = parts_of("conv 32 3x3, relu, pool 4, flatten, dense", {3, 96, 96});
  const Examples examples = random_examples(70, 3 * 96 * 96);
  const auto [counts, outputs] = run(parts, examples, examples.count);
  ASSERT_GE(counts.size(), 2u);
  const std::size_t values = 96 * 96 * (16 + 32);  // the input's rows are as wide as a cache line
  EXPECT_LE(counts[0] * values * sizeof(float), std::size_t{64} << 20);
  EXPECT_GE(counts[0] * values * sizeof(float), std::size_t{32} << 20);
  EXPECT_TRUE(run(parts, examples, 7).second == outputs);
}

TEST(Evaluator, TakesRowsInBatchesOf256) {
  ModelParts parts = parts_of("dense 100, relu, dense", {20});
  const Examples examples = random_examples(600, 20);
  EXPECT_EQ(run(parts, examples, 600).first, (std::vector<std::size_t>{256, 256, 88}));
  EXPECT_EQ(run(parts, examples, 100).first.size(), 6u);
}

}  // namespace
}  // namespace halfwave
