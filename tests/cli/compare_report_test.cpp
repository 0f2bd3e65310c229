// Lost if this fails: what compare says of a comparison - its JSON keys, that nothing unmeasured looks like a
// number, errors that decide how many digits are shown, tables that fit their terminal.
#include "compare_report.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <sstream>

#include "compare/summary.h"
#include "compare_json.h"
#include "compare_view.h"
#include "text.h"
#include "uncertainty.h"

namespace halfwave::cli {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Le;
using ::testing::Not;
using Json = nlohmann::ordered_json;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

EpochReport epoch_of(std::int64_t number, double accuracy) {
  EpochReport epoch;
  epoch.epoch = number;
  epoch.loss = 1.0 - accuracy;
  epoch.train_accuracy = accuracy;
  epoch.test_accuracy = accuracy - 0.05;
  epoch.test_rmse = 3.0 - accuracy;
  epoch.seconds = 0.5;
  epoch.layers = {{.name = "dense_1",
                   .density = 0.25,
                   .dead_units = 3,
                   .units = 16,
                   .gradient_norm = 0.2,
                   .weight_norm = 1.0},
                  {.name = "dense_2",
                   .density = 1.0,
                   .dead_units = 0,
                   .units = 10,
                   .gradient_norm = 0.1,
                   .weight_norm = 1.0}};
  return epoch;
}

ComparedRun run_of(std::uint64_t seed, std::vector<double> accuracies, Task task) {
  ComparedRun run;
  run.seed = seed;
  run.learning_rate = 0.003;
  run.network = "dense 16, relu, dense 10";
  run.parameters = 826;
  run.seconds = 1.5;
  for (std::size_t i = 0; i < accuracies.size(); ++i)
    run.epochs.push_back(epoch_of(static_cast<std::int64_t>(i) + 1, accuracies[i]));
  run.score = run.epochs.empty() ? kNone
                                 : (task == Task::regression ? run.epochs.back().test_rmse
                                                             : run.epochs.back().test_accuracy);
  return run;
}

ComparedVariant variant_of(const std::string& name, std::vector<ComparedRun> runs) {
  ComparedVariant variant;
  variant.variant.name = name;
  variant.variant.options.activation = name;
  variant.variant.options.learning_rate = 0.003;
  variant.search = {{0.001, 0.6, false}, {0.003, 0.7, false}, {0.01, kNone, true}};
  variant.runs = std::move(runs);
  return variant;
}

/// relu and tanh with three seeds each; one run of tanh diverged without an epoch.
Comparison sample(Task task = Task::classification) {
  Comparison comparison;
  comparison.data = "d";
  comparison.task = task;
  comparison.train = 100;
  comparison.test = 20;
  comparison.features = 4;
  comparison.classes = {"a", "b"};
  comparison.metric = task == Task::regression ? "test_rmse" : "test_accuracy";
  comparison.goal = Goal{"loss", 0.25};
  comparison.compared = {"activation"};
  comparison.variants = {
      variant_of("relu",
                 {run_of(0, {0.5, 0.8}, task), run_of(1, {0.6, 0.7}, task), run_of(2, {0.9, 0.75}, task)}),
      variant_of("tanh", {run_of(0, {0.3, 0.4}, task), run_of(1, {0.3, 0.42}, task), run_of(2, {}, task)})};
  comparison.variants[1].runs[2].end = TrainResult::End::diverged;
  comparison.variants[1].runs[2].message = "why";
  comparison.seconds = 12.0;
  summarise(comparison);
  return comparison;
}

Json json_of(const Comparison& comparison) {
  return Json::parse(compare_json(stored_report(comparison)).dump());
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> keys_of(const Json& json) {
  std::vector<std::string> keys;
  for (const auto& item : json.items()) keys.push_back(item.key());
  return keys;
}

TEST(Uncertainty, TheErrorDecidesTheDigits) {
  // The examples of the Particle Data Group: 0.827 +- 0.119 -> 0.83 +- 0.12, 0.827 +- 0.367 -> 0.8 +- 0.4.
  EXPECT_EQ(mean_and_deviation({0.827, 0.119, 5}, 1.0, 4), "0.83 ± 0.12");
  EXPECT_EQ(mean_and_deviation({0.827, 0.367, 5}, 1.0, 4), "0.8 ± 0.4");
  EXPECT_EQ(mean_and_deviation({14.674, 0.964, 5}, 1.0, 4), "14.7 ± 1.0");
  EXPECT_EQ(mean_and_deviation({0.7123, 0.0083, 5}, 100.0, 1), "71.2 ± 0.8");
  EXPECT_EQ(mean_and_deviation({51234.0, 321.0, 5}, 1.0, 4), "51234 ± 321");
  EXPECT_EQ(mean_and_deviation({3.21e-9, 4e-11, 5}, 1.0, 4), "3.21e-09 ± 4.00e-11");
}

TEST(Uncertainty, NoErrorNoDigitsOfIt) {
  EXPECT_EQ(mean_and_deviation({0.7123, 0.0, 1}, 100.0, 1), "71.2");
  EXPECT_EQ(mean_and_deviation({0.7123, 0.0, 5}, 100.0, 1), "71.2");
  EXPECT_EQ(mean_and_deviation({}, 100.0, 1), "-");
}

TEST(Uncertainty, OfATime) {
  EXPECT_EQ(time_and_deviation({0.0123, 0.0004, 5}), "12.3 ± 0.4 ms");
  EXPECT_EQ(time_and_deviation({0.00069, 0.00002, 5}), "0.690 ± 0.020 ms");
  EXPECT_EQ(time_and_deviation({1.2, 0.11, 5}), "1.20 ± 0.11 s");
  EXPECT_EQ(time_and_deviation({1.2, 0.0, 1}), "1.20 s");
  EXPECT_EQ(time_and_deviation({}), "-");
}

TEST(Uncertainty, OfADifference) {
  const Difference tested{-0.0132, -0.0241, -0.0023, 0.018};
  EXPECT_EQ(difference_text(tested, 100.0, 1), "-1.3 (-2.4 to -0.2)");
  EXPECT_EQ(p_text(tested), "0.018");
  EXPECT_EQ(p_text({0.0, -1.0, 1.0, 0.4567}), "0.46");
  EXPECT_EQ(p_text({0.0, -1.0, 1.0, 0.0000004}), "< 0.001");
  EXPECT_EQ(difference_text({0.00001, -0.02, 0.02, 0.9}, 100.0, 1), "0.0 (-2.0 to +2.0)") << "no signed zero";
  const Difference untested{0.02, -INFINITY, INFINITY, 1.0};
  EXPECT_EQ(difference_text(untested, 100.0, 1), "+2.0");
  EXPECT_EQ(p_text(untested), "-");
}

TEST(CompareJson, HasTheFiguresOfVariantsAndRuns) {
  const Comparison comparison = sample();
  const Json json = json_of(comparison);
  EXPECT_EQ(json["command"], "compare");
  EXPECT_EQ(json["metric"], "test_accuracy");
  EXPECT_EQ(json["less_is_better"], false);
  EXPECT_EQ(json["until"], (Json{{"measure", "loss"}, {"bound", 0.25}}));
  EXPECT_EQ(json["verdict"], comparison.verdict);
  const Json& relu = json["variants"][0];
  EXPECT_EQ(relu["network"], (Json{{"line", "dense 16, relu, dense 10"}, {"parameters", 826}}));
  EXPECT_NEAR(relu["test_accuracy"]["mean"].get<double>(), 0.7, 1e-12);
  EXPECT_NEAR(relu["test_accuracy"]["std"].get<double>(), 0.05, 1e-12);
  EXPECT_EQ(relu["test_accuracy"]["n"], 3);
  EXPECT_TRUE(relu["difference"].is_null());
  EXPECT_EQ(relu["until_epochs"]["n"], 2) << "the second run does not get there";
  const Json& first = relu["seeds"][0];
  EXPECT_EQ(first["until_epochs"], 2);
  EXPECT_EQ(first["until_seconds"], 1.0);
  EXPECT_EQ(first["density"], 0.25);
  EXPECT_EQ(first["dead_units"], 3);
  EXPECT_EQ(first["units"], 16) << "of the hidden layers";
  EXPECT_EQ(first["gradient_ratio"], 2.0);
  EXPECT_EQ(first["seconds_per_epoch"], 0.5);
  EXPECT_EQ(first["end"], "finished");
  EXPECT_EQ(first["epochs"].size(), 2u);
  EXPECT_EQ(first["epochs"][1]["layers"][0]["name"], "dense_1");
  EXPECT_TRUE(relu["seeds"][1]["until_epochs"].is_null());
  EXPECT_EQ(relu["seeds"][2]["best_epoch"], 1);
  EXPECT_NEAR(relu["seeds"][2]["best_test_accuracy"].get<double>(), 0.85, 1e-12);
  EXPECT_NEAR(json["variants"][1]["difference"]["mean"].get<double>(), 0.36 - 0.7, 1e-12);
  EXPECT_LT(json["variants"][1]["difference"]["p"], 0.05);
}

TEST(CompareJson, HasNullForWhatWasNotMeasured) {
  const Json json = json_of(sample());
  const Json& diverged = json["variants"][1]["seeds"][2];
  EXPECT_EQ(diverged["end"], "diverged");
  EXPECT_EQ(diverged["message"], "why");
  for (const char* key :
       {"test_accuracy", "best_test_accuracy", "best_epoch", "loss", "train_accuracy", "seconds_per_epoch",
        "until_epochs", "until_seconds", "density", "dead_units", "units", "gradient_ratio"})
    EXPECT_TRUE(diverged.contains(key) && diverged[key].is_null()) << key;
  EXPECT_EQ(json["variants"][1]["diverged"], 1);
  EXPECT_EQ(json["variants"][1]["test_accuracy"]["n"], 2);
  EXPECT_TRUE(json["variants"][1]["until_epochs"].is_null());
  EXPECT_TRUE(json["variants"][0]["search"][2]["score"].is_null());
  EXPECT_TRUE(json["store"].is_null());
  EXPECT_TRUE(json["report"].is_null());
}

TEST(CompareJson, OfOneSeedHasNeitherIntervalNorP) {
  Comparison comparison = sample();
  for (ComparedVariant& variant : comparison.variants) variant.runs.resize(1);
  summarise(comparison);
  const Json difference = json_of(comparison)["variants"][1]["difference"];
  EXPECT_NEAR(difference["mean"].get<double>(), 0.35 - 0.75, 1e-12);
  for (const char* key : {"low", "high", "p"}) EXPECT_TRUE(difference[key].is_null()) << key;
}

TEST(CompareJson, WithoutHealthHasNoDensities) {
  Comparison comparison = sample();
  for (ComparedVariant& variant : comparison.variants) variant.variant.options.health = false;
  summarise(comparison);
  const Json run = json_of(comparison)["variants"][0]["seeds"][0];
  EXPECT_TRUE(run["density"].is_null());
  EXPECT_TRUE(run["dead_units"].is_null());
  EXPECT_TRUE(run["epochs"][0]["layers"][0]["density"].is_null());
}

TEST(CompareJson, OfRegressionAndOfNoTestPart) {
  const Json numbers = json_of(sample(Task::regression));
  EXPECT_EQ(numbers["metric"], "test_rmse");
  EXPECT_EQ(numbers["less_is_better"], true);
  EXPECT_TRUE(numbers["data"]["classes"].is_null());
  EXPECT_EQ(numbers["variants"][0]["seeds"][2]["best_epoch"], 1) << "the smallest";
  EXPECT_THAT(numbers.dump(), Not(HasSubstr("accuracy")));
  Comparison comparison = sample();
  comparison.test = 0;
  comparison.metric = "train_accuracy";
  summarise(comparison);
  const Json json = json_of(comparison);
  EXPECT_THAT(json.dump(), Not(HasSubstr("test_accuracy")));
  EXPECT_TRUE(json["variants"][0]["seeds"][0].contains("best_train_accuracy"));
}

TEST(CompareJson, OfAStoreHasTheOptionsThatAllShare) {
  Comparison comparison = sample();
  comparison.variants[1].variant.options.batch = 64;
  const Json json = json_of(comparison);
  EXPECT_EQ(json["over"], Json::parse(R"([{"option": "activation", "values": ["relu", "tanh"]}])"));
  EXPECT_FALSE(json["options"].contains("activation"));
  EXPECT_FALSE(json["options"].contains("batch"));
  EXPECT_EQ(json["options"]["optimiser"], "adam");
  for (const char* key : {"checkpoint", "every", "resume"})
    EXPECT_FALSE(json["options"].contains(key)) << key;
  EXPECT_EQ(json["variants"][1]["options"]["batch"], 64);
}

TEST(CompareJson, OfAnInterruptedComparisonWithoutRuns) {
  Comparison comparison = sample();
  comparison.interrupted = true;
  for (ComparedVariant& variant : comparison.variants) variant.runs.clear();
  summarise(comparison);
  const Json json = json_of(comparison);
  EXPECT_EQ(json["interrupted"], true);
  EXPECT_TRUE(json["variants"][0]["network"].is_null());
  EXPECT_TRUE(json["variants"][0]["test_accuracy"].is_null());
  EXPECT_EQ(keys_of(json), keys_of(json_of(sample()))) << "the same keys, whatever happened";
  EXPECT_THAT(compare_text(comparison, 80), HasSubstr("relu"));
}

TEST(CompareText, SaysWhatTheFiguresAreOf) {
  const std::string text = compare_text(sample(), 100);
  for (const char* part : {"test accuracy, %", "70 ± 5", "difference to relu (95 %)", "epochs to loss 0.25",
                           "1.5 ± 0.7", "2 of 3", "3 of 16", "25.0 %", "1 of 3", "3 from 0.001 to 0.01"})
    EXPECT_THAT(text, HasSubstr(part)) << text;
  EXPECT_THAT(text, Not(HasSubstr("nan")));
  EXPECT_THAT(text, Not(HasSubstr("inf")));
}

TEST(CompareText, FitsTheTerminal) {
  for (const std::size_t width : {60u, 80u, 100u}) {
    std::vector<std::size_t> widths;
    for (const std::string& line : lines_of(compare_text(sample(), width)))
      widths.push_back(display_width(line));
    EXPECT_THAT(widths, Each(Le(width))) << compare_text(sample(), width);
  }
}

TEST(CompareText, LeavesOutWhatThereIsNothingOf) {
  Comparison comparison = sample();
  comparison.goal.reset();
  comparison.variants.resize(1);
  comparison.variants[0].search.clear();
  summarise(comparison);
  const std::string text = compare_text(comparison, 100);
  for (const char* part : {"difference", "epochs to", "diverged", "Learning rates are"})
    EXPECT_THAT(text, Not(HasSubstr(part))) << text;
}

TEST(CompareText, SaysWhatTheStoreHadAlready) {
  Comparison comparison = sample();
  comparison.kept = 4;
  CompareReport report = stored_report(comparison);
  report.store = "runs.db";
  report.page = "r.html";
  const std::string text = places_text(report, 100);
  EXPECT_THAT(text, HasSubstr("runs.db; 4 of 6 runs were in it already"));
  EXPECT_THAT(text, HasSubstr("r.html"));
}

TEST(CompareText, AVariantThatIsThrough) {
  const Comparison comparison = sample();
  EXPECT_EQ(variant_line(comparison.variants[0], 0.003, score_words(comparison.metric)),
            "relu: learning rate 0.003, test accuracy 70 ± 5 %");
  EXPECT_THAT(variant_line(comparison.variants[1], 0.003, score_words(comparison.metric)),
              HasSubstr(", 1 of 3 diverged"));
}

TEST(CompareProgressLine, FitsItsWidth) {
  const CompareProgress progress{
      .what = "leaky_relu, seed 3", .run = 18, .runs = 84, .share = 0.42, .seconds_left = 34.2};
  EXPECT_EQ(compare_progress_line(progress, 100),
            "leaky_relu, seed 3 [########............] 42 %, 18 of 84 runs, 0:35 left");
  for (std::size_t width = 60; width < 100; ++width)
    EXPECT_LE(display_width(compare_progress_line(progress, width)), width);
}

}  // namespace
}  // namespace halfwave::cli
