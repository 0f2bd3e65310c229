// Lost if these fail: the code of a hidden layer. Whatever a plan folds, overwrites or does on the rows of
// another layer, each layer's own output comes out, channels first, dense and sparse alike.
#include "train/run_layer.h"

#include <gmock/gmock.h>
#include <halfwave/error.h>

#include "graph/plan_problem.h"

namespace halfwave {
namespace {

using testing::HasSubstr;

const PlanCase kCases[] = {
    {"dense 8, batch_norm, relu, dropout 0.3, residual(dense 8, relu | input), sigmoid, dense 3"},
    {"conv 6 3x3, batch_norm, relu, multiply(global_average_pool, dense 3, relu, dense 6, sigmoid), "
     "residual(conv 6 3x3, scale, relu), pool 2, flatten channels_first=1, dense 3, softmax",
     {2, 6, 5, 3}},
    {"conv 5 3, relu, upsample 2, concat(conv 2 1 | input), layer_norm, global_max_pool, dense 2",
     {1, 1, 9, 2}},
};

/// A model without preprocessing, and its examples: those of the problem, channels first.
Model model_of(const Problem& problem, const PlanCase& given) {
  const Shape& input = given.input;
  auto parts =
      std::make_shared<ModelParts>(ModelParts{Network(read_network_line(given.line), input), {}, {}, {}});
  std::ranges::copy(problem.network.values(), parts->network.values().begin());
  parts->schema.task = Task::regression;
  for (const std::size_t axis : {input.channels, input.height, input.width})
    parts->schema.shape.push_back(static_cast<std::int64_t>(axis));
  parts->schema.outputs = problem.network.outputs();
  parts->preprocessing.mean.assign(input.numbers(), 0.0f);
  parts->preprocessing.scale.assign(input.numbers(), 1.0f);
  return Model(parts);
}

/// [examples · positions, channels] as [examples, channels, positions].
std::vector<float> channels_first(const Matrix& matrix, const Shape& shape) {
  std::vector<float> numbers;
  for (std::size_t e = 0; e < matrix.rows / shape.positions(); ++e)
    for (std::size_t c = 0; c < shape.channels; ++c)
      for (std::size_t p = 0; p < shape.positions(); ++p)
        numbers.push_back(static_cast<float>(matrix(e * shape.positions() + p, c)));
  return numbers;
}

Examples examples_of(const Problem& problem) {
  Examples examples;
  examples.count = Problem::kBatch;
  examples.values = channels_first(problem.x, problem.network.input());
  return examples;
}

TEST(RunLayer, GivesEveryLayersOwnOutput) {
  for (const PlanCase& given : kCases) {
    Problem problem(given, 0);
    const Model model = model_of(problem, given);
    const Examples examples = examples_of(problem);
    StepContext context = Problem::context();
    context.training = false;
    const std::vector<Matrix> all = problem.outputs(problem.tensors, context);
    const std::vector<LayerSummary> layers = model.layers();
    ASSERT_EQ(layers.size(), all.size());
    for (std::size_t i = 0; i < layers.size(); ++i) {
      SCOPED_TRACE(testing::Message() << given.line << ": " << layers[i].name);
      const std::vector<float> expected = channels_first(all[i], problem.network.layer(i).output());
      for (const int threads : {1, 2}) {
        const std::vector<float> made = model.layer_output(layers[i].name, examples, threads);
        ASSERT_EQ(made.size(), expected.size());
        for (std::size_t k = 0; k < made.size(); ++k)
          ASSERT_NEAR(made[k], expected[k], 2e-5 * (1 + std::fabs(expected[k]))) << k;
      }
      std::int64_t numbers = 1;
      for (const std::int64_t axis : layers[i].shape) numbers *= axis;
      EXPECT_EQ(static_cast<std::size_t>(numbers) * examples.count, expected.size());
    }
    EXPECT_EQ(model.layer_output(layers.back().name, examples), model.predict(examples));
  }
}

TEST(RunLayer, TheSparseCodeIsTheDenseOneWithoutItsZeros) {
  Problem problem(kCases[1], 0);
  const Model model = model_of(problem, kCases[1]);
  const Examples examples = examples_of(problem);
  for (const LayerSummary& layer : model.layers()) {
    const SparseRows code = model.layer_code(layer.name, examples);
    ASSERT_EQ(code.rows(), examples.count);
    std::vector<float> dense(code.rows() * code.columns);
    for (std::size_t row = 0; row < code.rows(); ++row)
      for (auto k = static_cast<std::size_t>(code.starts[row]);
           k < static_cast<std::size_t>(code.starts[row + 1]); ++k)
        dense[row * code.columns + static_cast<std::size_t>(code.indices[k])] = code.values[k];
    EXPECT_EQ(dense, model.layer_output(layer.name, examples)) << layer.name;
    EXPECT_EQ(std::ranges::count(code.values, 0.0f), 0);
  }
  const SparseRows relu = model.layer_code("relu_1", examples);
  EXPECT_LT(relu.values.size(), relu.rows() * relu.columns * 4 / 5) << "nothing was zero";
}

TEST(RunLayer, ReportsHowFarItIs) {
  Problem problem(kCases[0], 0);
  const Model model = model_of(problem, kCases[0]);
  Examples many;
  many.count = 600;
  many.values = std::vector<float>(600 * 11, 1.0f);
  std::vector<std::size_t> code, predictions;
  model.layer_code("relu_1", many, 1, [&](std::size_t done) { code.push_back(done); });
  model.predict(many, 1, [&](std::size_t done) { predictions.push_back(done); });
  EXPECT_EQ(code, predictions);
  EXPECT_THAT(code, testing::ElementsAre(256, 512, 600));
}

TEST(RunLayer, NamesWhatThereIs) {
  Problem problem(kCases[0], 0);
  const Model model = model_of(problem, kCases[0]);
  const std::vector<LayerSummary> layers = model.layers();
  EXPECT_EQ(layers[0], (LayerSummary{"dense_1", "dense 8", {8}, 11 * 8 + 8}));
  EXPECT_EQ(layers[1].parameters, 16u);
  const auto message = [&](const std::string& name, const Examples& examples) {
    try {
      model.layer_output(name, examples);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      return std::string(error.what());
    }
    return std::string("no error");
  };
  const std::string wrong = message("rellu_1", examples_of(problem));
  EXPECT_THAT(wrong, HasSubstr("Did you mean 'relu_1'"));
  for (const LayerSummary& layer : layers) EXPECT_THAT(wrong, HasSubstr(layer.name));
  Examples short_of_one = examples_of(problem);
  ++short_of_one.count;
  EXPECT_THAT(message("relu_1", short_of_one), HasSubstr("its examples need"));
}

}  // namespace
}  // namespace halfwave
