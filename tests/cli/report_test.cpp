// Lost if this fails: what train says of a run - its JSON keys, numbers that JSON can hold, the words about a
// layer's health - and the files that run writes.
#include <gmock/gmock.h>
#include <halfwave/error.h>

#include <cmath>
#include <limits>

#include "core/file.h"
#include "graph/model_parts.h"
#include "predictions.h"
#include "train_report.h"

namespace halfwave::cli {
namespace {

using ::testing::HasSubstr;

Model model_of(const std::string& line, std::size_t outputs, const Schema& schema) {
  return Model(
      std::make_shared<ModelParts>(ModelParts{.network = parse_network(line, schema.features(), outputs),
                                              .schema = schema,
                                              .preprocessing = {},
                                              .facts = {}}));
}

Schema classes_schema(std::vector<std::string> names) {
  Schema schema;
  schema.shape = {2};
  schema.classes = std::move(names);
  return schema;
}

Schema numbers_schema(std::size_t outputs) {
  Schema schema;
  schema.task = Task::regression;
  schema.shape = {2};
  schema.target = "price";
  schema.outputs = outputs;
  return schema;
}

struct SampleRun {
  Dataset data;
  DataOptions data_options;
  TrainResult result;
  TrainReport report{data, data_options, result, "m.onnx", "", {"a warning"}};

  explicit SampleRun(const Schema& schema)
      : data{.name = "d", .schema = schema, .train = {}, .test = {}, .feature_names = {}, .warnings = {}},
        result{.model = model_of(
                   "dense", schema.task == Task::regression ? schema.outputs : schema.classes.size(), schema),
               .message = {},
               .options = {},
               .epochs = {},
               .warnings = {}} {
    data.test.count = 5;
    EpochReport epoch;
    epoch.epoch = 1;
    epoch.loss = std::numeric_limits<double>::quiet_NaN();
    epoch.test_accuracy = 0.5;
    epoch.test_rmse = 2.5;
    epoch.layers = {{.name = "dense_1",
                     .density = 0.5,
                     .dead_units = 1,
                     .units = 3,
                     .gradient_norm = INFINITY,
                     .weight_norm = 1.0}};
    result.epochs = {epoch};
    result.best_epoch = 1;
  }
};

TEST(TrainJson, HasNullWhereANumberIsNotFinite) {
  const SampleRun run(classes_schema({"a", "b", "c"}));
  const auto parsed = nlohmann::json::parse(train_json(run.report).dump());
  EXPECT_TRUE(parsed["epochs"][0]["loss"].is_null());
  EXPECT_TRUE(parsed["epochs"][0]["layers"][0]["gradient_norm"].is_null());
  EXPECT_EQ(parsed["result"]["test_accuracy"], 0.5);
  EXPECT_FALSE(parsed["result"].contains("test_rmse"));
  EXPECT_EQ(parsed["model"], "m.onnx");
  EXPECT_FALSE(parsed.contains("diverged"));
}

TEST(TrainJson, OfRegressionHasNoAccuracies) {
  const SampleRun run(numbers_schema(1));
  const std::string text = train_json(run.report).dump();
  EXPECT_EQ(text.find("accuracy"), std::string::npos) << text;
  EXPECT_EQ(train_json(run.report)["result"]["test_rmse"], 2.5);
  EXPECT_TRUE(train_json(run.report)["data"]["classes"].is_null());
}

TEST(TrainJson, HasEveryOptionAndNothingThatIsNone) {
  const SampleRun run(numbers_schema(1));
  const auto options = train_json(run.report)["options"];
  std::size_t expected = 6;  // of the data: test, target, header, task, validation, examples
  const TrainOptions defaults;
  TrainOptions::visit(defaults, [&](const OptionInfo& info, const auto&) {
    std::string key = info.name;
    std::replace(key.begin(), key.end(), '-', '_');
    EXPECT_TRUE(options.contains(key)) << key;
    ++expected;
  });
  EXPECT_EQ(options.size(), expected);
}

TEST(TrainJson, OfARunWithoutAnEpochOrAModel) {
  SampleRun run(classes_schema({"a", "b", "c"}));
  run.result.epochs.clear();
  run.result.best_epoch = 0;
  run.result.end = TrainResult::End::diverged;
  run.result.message = "why";
  run.report.model_path.clear();
  const auto json = train_json(run.report);
  EXPECT_EQ(json["diverged"], "why");
  EXPECT_TRUE(json["model"].is_null());
  EXPECT_TRUE(json["result"]["test_accuracy"].is_null());
  EXPECT_TRUE(json["epochs"].empty());
  EXPECT_THAT(train_summary(run.report, 80), HasSubstr("not written"));
}

TEST(TrainJson, WithoutHealthOrTestPartClaimsNoFigures) {
  SampleRun run(classes_schema({"a", "b", "c"}));
  run.result.options.health = false;
  run.data.test.count = 0;
  const auto json = train_json(run.report);
  EXPECT_TRUE(json["epochs"][0]["layers"][0]["density"].is_null());
  EXPECT_TRUE(json["epochs"][0]["layers"][0]["dead_units"].is_null());
  EXPECT_FALSE(json["epochs"][0].contains("test_accuracy"));
  EXPECT_FALSE(json["result"].contains("test_accuracy"));
  EXPECT_THAT(train_summary(run.report, 80), Not(HasSubstr("density")));
}

TEST(TrainSummary, NamesTheEpochOfTheModelUnlessItIsTheLast) {
  SampleRun run(classes_schema({"a", "b", "c"}));
  run.result.options.epochs = 2;
  run.result.epochs.push_back(run.result.epochs[0]);
  run.result.epochs[1].epoch = 2;
  for (const TrainResult::End end : {TrainResult::End::finished, TrainResult::End::stopped_early}) {
    run.result.end = end;
    run.result.best_epoch = 1;
    EXPECT_THAT(train_summary(run.report, 80), HasSubstr("2 of 2; the model is from epoch 1"));
    run.result.best_epoch = 2;
    EXPECT_THAT(train_summary(run.report, 80), Not(HasSubstr("is from epoch")));
  }
}

TEST(Health, SparsityIsNotDeath) {
  const LayerHealth last{
      .name = "l", .density = 1.0, .dead_units = 0, .units = 10, .gradient_norm = 1.0, .weight_norm = 1.0};
  const auto words = [&](double density, std::size_t dead, double gradient) {
    const LayerHealth layer{.name = "x",
                            .density = density,
                            .dead_units = dead,
                            .units = 100,
                            .gradient_norm = gradient,
                            .weight_norm = 1.0};
    return health_in_words(layer, {layer, last});
  };
  EXPECT_EQ(words(0.1, 0, 1.0), "healthy");
  EXPECT_EQ(words(0.5, 3, 1.0), "healthy, a few dead units");
  EXPECT_EQ(words(0.5, 25, 1.0), "25.0 % of its units are dead");
  EXPECT_THAT(words(0.0, 100, 0.0), HasSubstr("all units are dead"));
  EXPECT_THAT(words(0.5, 0, 1e-4), HasSubstr("vanishes"));
  EXPECT_THAT(words(0.5, 0, 1e4), HasSubstr("explodes"));
}

TEST(Progress, LineFitsItsWidth) {
  const Progress progress{12, 200, 5, 30, 0.1234, 0.876, 1234567.0, 3725.0};
  for (std::size_t width = 70; width <= 99; ++width) {
    const std::string line = progress_line(progress, Task::classification, width);
    EXPECT_LE(line.size(), width);
    EXPECT_THAT(line, HasSubstr("1:02:05 left"));
  }
  EXPECT_THAT(progress_line(progress, Task::regression, 99), Not(HasSubstr("accuracy")));
  const Progress nothing{1, 1, 0, 0, NAN, NAN, NAN, NAN};
  EXPECT_THAT(progress_line(nothing, Task::classification, 99), HasSubstr("? left"));
}

TEST(Predictions, ProbabilitiesOfLogits) {
  const Schema schema = classes_schema({"a", "b", "c"});
  const std::vector<float> row{1000.0f, 1001.0f, 999.0f};
  const std::vector<float> p = class_probabilities(model_of("dense", 3, schema), row);
  double sum = 0.0;
  for (std::size_t i = 0; i < 3; ++i) {
    const double expected =
        std::exp(static_cast<double>(row[i]) - 1000.0) / (1.0 + std::exp(1.0) + std::exp(-1.0));
    EXPECT_NEAR(static_cast<double>(p[i]), expected, 1e-6);
    sum += static_cast<double>(p[i]);
  }
  EXPECT_NEAR(sum, 1.0, 1e-6);
  const std::vector<float> already{0.2f, 0.5f, 0.3f};
  EXPECT_EQ(class_probabilities(model_of("dense, softmax", 3, schema), already), already);
}

TEST(Predictions, ProbabilitiesOfOneOutput) {
  const Schema schema = classes_schema({"no", "yes"});
  const std::vector<float> row{0.75f};
  EXPECT_NEAR(static_cast<double>(class_probabilities(model_of("dense", 1, schema), row)[1]),
              1.0 / (1.0 + std::exp(-0.75)), 1e-6);
  EXPECT_EQ(class_probabilities(model_of("dense, sigmoid", 1, schema), row)[0], 0.25f);
}

TEST(Predictions, CsvQuotesWhatNeedsIt) {
  const Schema schema = classes_schema({"a,b", "say \"x\"", ""});
  const std::vector<float> row{0.0f, 9.0f, 0.0f};
  const std::string text = csv_text(model_of("dense", 3, schema), row);
  EXPECT_EQ(text.substr(0, text.find('\n')), "predicted,\"a,b\",\"say \"\"x\"\"\",");
  EXPECT_THAT(text, HasSubstr("\n\"say \"\"x\"\"\",0."));
}

TEST(Predictions, CsvOfTargetsIsReadBackExactly) {
  const std::vector<float> values{0.1f, -1.0f / 3.0f, 1e-30f, 12345678.0f};
  const std::string one = csv_text(model_of("dense", 1, numbers_schema(1)), values);
  std::istringstream stream(one);
  std::string header;
  std::getline(stream, header);
  EXPECT_EQ(header, "price");
  for (const float value : values) {
    std::string line;
    std::getline(stream, line);
    EXPECT_EQ(std::stof(line), value);
  }
  EXPECT_THAT(csv_text(model_of("dense", 2, numbers_schema(2)), values),
              HasSubstr("predicted_1,predicted_2\n"));
}

TEST(Predictions, ScoreOfClasses) {
  Examples examples;
  examples.count = 4;
  examples.labels = {0, 1, 2, 1};
  const std::vector<float> values{1, 0, 0, 0, 1, 0, 0, 1, 0, 1, 0, 0};  // says 0, 1, 1, 0
  const Score score =
      score_predictions(model_of("dense", 3, classes_schema({"a", "b", "c"})), examples, values);
  EXPECT_DOUBLE_EQ(score.accuracy, 0.5);
  EXPECT_EQ(score.confused(1, 0), 1u);
  EXPECT_EQ(score.confused(2, 1), 1u);
  EXPECT_EQ(score.examples_of(1), 2u);
}

TEST(Predictions, ScoreOfNumbers) {
  Examples examples;
  examples.count = 2;
  examples.targets = {1, 2, 3, 4};
  const std::vector<float> values{1, 2, 3, 8};
  const Score score = score_predictions(model_of("dense", 2, numbers_schema(2)), examples, values);
  EXPECT_DOUBLE_EQ(score.rmse, 2.0);
  EXPECT_DOUBLE_EQ(score.mae, 1.0);
}

}  // namespace
}  // namespace halfwave::cli
