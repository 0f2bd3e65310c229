// Lost if this fails: the table of bench MODEL - which layers there are, how many of their inputs are zero,
// whether they were skipped, what the dense roofline is - and a model that is the same after it.
#include <gmock/gmock.h>
#include <halfwave/bench.h>
#include <halfwave/error.h>

#include "graph/model_parts.h"
#include "layers/skipping.h"

namespace halfwave {
namespace {

Model model_of(const std::string& line, std::size_t inputs, std::size_t classes) {
  ModelParts parts{.network = parse_network(line, inputs, classes),
                   .schema = {},
                   .preprocessing = {.mean = std::vector<float>(inputs, 1.0f),
                                     .scale = std::vector<float>(inputs, 0.5f),
                                     .order = {},
                                     .target_mean = {},
                                     .target_scale = {}},
                   .facts = {}};
  parts.schema.shape = {static_cast<std::int64_t>(inputs)};
  for (std::size_t c = 0; c < classes; ++c) parts.schema.classes.push_back(std::to_string(c));
  float number = 0.1f;  // chaotic: about half of the units are negative
  for (float& value : parts.network.values()) value = (number = 3.9f * number * (1.0f - number)) - 0.5f;
  return Model(std::make_shared<ModelParts>(std::move(parts)));
}

BenchOptions short_options(std::vector<std::int64_t> batch) {
  BenchOptions options;
  options.batch = std::move(batch);
  options.seconds = 0.03;
  return options;
}

Examples examples_of(std::size_t count, std::vector<float> values) {
  Examples examples;
  examples.count = count;
  examples.values = std::move(values);
  return examples;
}

void set_all_crossovers(double density) {
  Crossovers table = Crossovers::built_in();
  for (auto& product : table.densities)
    for (auto& row : product) row.assign(row.size(), density);
  set_crossovers(table);
}

class ModelSpeedTest : public ::testing::Test {
 protected:
  ~ModelSpeedTest() override { set_crossovers(Crossovers::built_in()); }
};

TEST_F(ModelSpeedTest, HasEveryLayerAndBatch) {
  const Model model = model_of("dense 40, relu, dense", 30, 5);
  const auto runs = measure_model(model, nullptr, short_options({16, 1}));
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0].batch, 16u);
  EXPECT_EQ(runs[1].batch, 1u);
  for (const ModelSpeed& run : runs) {
    ASSERT_EQ(run.layers.size(), 3u);
    EXPECT_EQ(run.layers[0].name, "dense_1");
    EXPECT_EQ(run.layers[1].line, "relu");
    EXPECT_EQ(run.layers[2].inputs, 40u);
    EXPECT_EQ(run.layers[2].outputs, 5u);
    EXPECT_TRUE(run.layers[0].multiplies && !run.layers[1].multiplies && run.layers[2].multiplies);
    const double batch = static_cast<double>(run.batch);
    EXPECT_NEAR(run.layers[0].roofline_seconds * run.peak, 2 * batch * 30 * 40, 1e-6);
    EXPECT_NEAR(run.roofline_seconds * run.peak, 2 * batch * (30 * 40 + 40 * 5), 1e-6);
    EXPECT_EQ(run.layers[1].roofline_seconds, 0.0);
    EXPECT_GT(run.seconds, 0.0);
    EXPECT_EQ(run.backward_seconds, 0.0);
    for (const LayerSpeed& layer : run.layers) EXPECT_GT(layer.seconds, 0.0);
    EXPECT_EQ(run.layers[0].density, 1.0) << "normal numbers are not zero";
    EXPECT_GT(run.layers[2].density, 0.1);
    EXPECT_LT(run.layers[2].density, 0.9);
  }
}

TEST_F(ModelSpeedTest, CountsTheZerosOfTheData) {
  const Model model = model_of("dense 8, relu, dense", 4, 3);
  // A table's zeros are the network's zeros although the mean is 1.
  const Examples examples = examples_of(3, {0, 2, 0, 3, 0, 1, 0, 5, 2, 2, 0, 0});
  EXPECT_EQ(measure_model(model, &examples, short_options({5}))[0].layers[0].density, 0.5);
}

TEST_F(ModelSpeedTest, SaysWhetherZerosWereSkipped) {
  const Model model = model_of("dense 1024, relu, dense 512, relu, dense", 8, 3);
  set_all_crossovers(0.0);
  EXPECT_FALSE(measure_model(model, nullptr, short_options({32}))[0].layers[2].skips);
  set_all_crossovers(1.0);
  EXPECT_TRUE(measure_model(model, nullptr, short_options({32}))[0].layers[2].skips);
}

TEST_F(ModelSpeedTest, TrainingHasABackwardPassAndLeavesTheModelAlone) {
  const Model model = model_of("dense 20, batch_norm, relu, dropout 0.5, dense, softmax", 10, 4);
  const auto span = model.parts().network.values();
  const std::vector<float> before(span.begin(), span.end());
  BenchOptions options = short_options({12});
  options.train = true;
  const ModelSpeed run = measure_model(model, nullptr, options)[0];
  EXPECT_EQ(before, std::vector<float>(span.begin(), span.end()));
  ASSERT_EQ(run.layers.size(), 5u) << "the softmax is part of the loss";
  EXPECT_GT(run.backward_seconds, 0.0);
  double sum = 0.0;
  for (const std::size_t learner : std::initializer_list<std::size_t>{0, 1, 4}) {
    EXPECT_GT(run.layers[learner].backward_seconds, 0.0) << learner;
    sum += run.layers[learner].backward_seconds;
  }
  for (const std::size_t other : std::initializer_list<std::size_t>{2, 3})
    EXPECT_EQ(run.layers[other].backward_seconds, 0.0);
  EXPECT_LT(sum, 10.0 * run.backward_seconds);
  EXPECT_NEAR(run.layers[0].backward_roofline_seconds * run.peak, 2.0 * 12 * 10 * 20, 1e-6)
      << "nobody needs the first layer's input gradient";
  EXPECT_NEAR(run.layers[4].backward_roofline_seconds * run.peak, 2 * 2.0 * 12 * 20 * 4, 1e-6);
}

TEST_F(ModelSpeedTest, DataThatDoNotFitAreRefused) {
  const Model model = model_of("dense 8, relu, dense", 4, 3);
  const Examples none = examples_of(0, {}), wrong = examples_of(2, {1, 2, 3});
  for (const Examples* examples : {&none, &wrong})
    EXPECT_THROW(measure_model(model, examples, short_options({5})), Error);
}

}  // namespace
}  // namespace halfwave
