// Lost if these fail: a comparison that goes on would take runs for its own that are another's, or run again
// what it has.
#include "compare/kept_runs.h"

#include <halfwave/error.h>

#include <bit>
#include <cmath>
#include <limits>
#include <thread>
#include <type_traits>

#include "io/database.h"
#include "store_testing.h"
#include "train/epoch_json.h"

namespace halfwave::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr const char* kNetwork = "dense 4, relu, dense";

std::uint64_t bits(double number) { return std::bit_cast<std::uint64_t>(number); }

template <class Value>
void expect_same(const Value& a, const Value& b) {
  if constexpr (std::is_same_v<Value, double>)
    EXPECT_TRUE(bits(a) == bits(b) || (std::isnan(a) && std::isnan(b))) << a << " " << b;
  else
    EXPECT_EQ(a, b);
}

/// Field by field, by the list that files are written from.
void expect_same_epoch(EpochReport a, EpochReport b) {
  std::vector<double> numbers;
  const auto collect = [&](const char*, const auto& value) {
    if constexpr (std::is_arithmetic_v<std::decay_t<decltype(value)>>)
      numbers.push_back(static_cast<double>(value));
  };
  visit_report(a, collect);
  for (const LayerHealth& layer : a.layers) visit_layer(layer, collect);
  const std::vector<double> expected = std::exchange(numbers, {});
  visit_report(b, collect);
  for (const LayerHealth& layer : b.layers) visit_layer(layer, collect);
  ASSERT_EQ(numbers.size(), expected.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) expect_same(numbers[i], expected[i]);
}

void expect_same_run(const ComparedRun& a, const ComparedRun& b) {
  expect_same(a.seed, b.seed);
  expect_same(a.learning_rate, b.learning_rate);
  expect_same(a.network, b.network);
  expect_same(a.parameters, b.parameters);
  expect_same(a.end, b.end);
  expect_same(a.message, b.message);
  expect_same(a.score, b.score);
  expect_same(a.seconds, b.seconds);
  expect_same(a.warnings, b.warnings);
  ASSERT_EQ(a.epochs.size(), b.epochs.size());
  for (std::size_t i = 0; i < a.epochs.size(); ++i) {
    expect_same_epoch(a.epochs[i], b.epochs[i]);
    ASSERT_EQ(a.epochs[i].layers.size(), b.epochs[i].layers.size());
    for (std::size_t l = 0; l < a.epochs[i].layers.size(); ++l)
      EXPECT_EQ(a.epochs[i].layers[l].name, b.epochs[i].layers[l].name);
  }
}

TEST(KeptRuns, WithoutAFileNothingIsKept) {
  KeptRuns kept("", sample_data());
  kept.keep_run({}, kNetwork, sample_run(0, 0.5));
  kept.keep_rate({}, kNetwork, {0.1, 0.5, false});
  kept.keep_comparison({});
  EXPECT_FALSE(kept.find_run({}, kNetwork));
  EXPECT_FALSE(kept.find_rate({}, kNetwork));
}

TEST(KeptRuns, ComeBackBitForBit) {
  const StoreFile file;
  ComparedRun run = sample_run(std::numeric_limits<std::uint64_t>::max(), 1.0 / 3.0);
  run.end = TrainResult::End::diverged;
  run.message = "epoch 4";
  run.epochs[1].loss = std::nextafter(0.1, 1.0);
  run.epochs[1].test_loss = -0.0;
  run.epochs[1].layers[0].gradient_norm = 5e-324;
  run.epochs[2].test_rmse = NAN;
  run.epochs[2].layers[1].density = NAN;
  TrainOptions options;
  options.seed = run.seed;
  { KeptRuns(file.path(), sample_data()).keep_run(options, kNetwork, run); }
  const auto found = KeptRuns(file.path(), sample_data()).find_run(options, kNetwork);
  ASSERT_TRUE(found);
  expect_same_run(*found, run);
}

TEST(KeptRuns, WhatIsNotFiniteInAnEpochIsNotANumber) {
  const StoreFile file;
  ComparedRun run = sample_run(0, NAN);
  run.epochs[0].loss = INFINITY;
  KeptRuns kept(file.path(), sample_data());
  kept.keep_run({}, kNetwork, run);
  const auto found = kept.find_run({}, kNetwork);
  ASSERT_TRUE(found);
  EXPECT_TRUE(std::isnan(found->score));
  EXPECT_TRUE(std::isnan(found->epochs[0].loss));
}

TEST(KeptRuns, AnInterruptedRunIsNotKept) {
  const StoreFile file;
  ComparedRun run = sample_run(0, 0.5);
  run.end = TrainResult::End::interrupted;
  KeptRuns kept(file.path(), sample_data());
  kept.keep_run({}, kNetwork, run);
  EXPECT_FALSE(kept.find_run({}, kNetwork));
}

TEST(KeptRuns, ShortRunsOfASearchAreAnotherKind) {
  const StoreFile file;
  KeptRuns kept(file.path(), sample_data());
  kept.keep_rate({}, kNetwork, {0.25, -0.0, true});
  EXPECT_FALSE(kept.find_run({}, kNetwork));
  const auto found = kept.find_rate({}, kNetwork);
  ASSERT_TRUE(found);
  expect_same(found->learning_rate, 0.25);
  expect_same(found->score, -0.0);
  EXPECT_TRUE(found->diverged);
}

/// Another value of the option with this name.
TrainOptions changed(const std::string& name) {
  TrainOptions options;
  TrainOptions::visit(options, [&]<class T>(const OptionInfo& info, T& value) {
    if (info.name != name) return;
    if constexpr (std::is_same_v<T, bool>)
      value = !value;
    else if constexpr (std::is_same_v<T, std::string>)
      value += "x";
    else if constexpr (std::is_arithmetic_v<T>)
      value += T{1};
    else
      value.push_back({});
  });
  return options;
}

// Every option that there is, or that will be: what does not shape a result is named here.
TEST(KeptRuns, AreFoundByEveryOptionThatShapesThem) {
  const StoreFile file;
  KeptRuns kept(file.path(), sample_data());
  kept.keep_run({}, kNetwork, sample_run(0, 0.5));
  kept.keep_rate({}, kNetwork, {0.1, 0.5, false});
  std::size_t shaping = 0;
  TrainOptions options;
  TrainOptions::visit(options, [&](const OptionInfo& info, const auto&) {
    const bool same = info.name == "threads" || info.name == "checkpoint" || info.name == "every" ||
                      info.name == "resume" || info.name == "log-dir";
    EXPECT_EQ(kept.find_run(changed(info.name), kNetwork).has_value(), same) << info.name;
    EXPECT_EQ(kept.find_rate(changed(info.name), kNetwork).has_value(), same) << info.name;
    shaping += same ? 0 : 1;
  });
  EXPECT_GT(shaping, 25u);
  EXPECT_FALSE(kept.find_run({}, "dense 5, relu, dense"));
}

TEST(KeptRuns, AreFoundByTheDataButNotTheirName) {
  const StoreFile file;
  { KeptRuns(file.path(), sample_data()).keep_run({}, kNetwork, sample_run(0, 0.5)); }
  const auto found_with = [&](auto&& change) {
    Dataset data = sample_data();
    change(data);
    return KeptRuns(file.path(), data).find_run({}, kNetwork).has_value();
  };
  EXPECT_TRUE(found_with([](Dataset&) {}));
  EXPECT_TRUE(found_with([](Dataset& data) { data.name = "renamed"; }));
  EXPECT_FALSE(found_with([](Dataset& data) { std::get<1>(data.train.values)[11] = 11.5f; }));
  EXPECT_FALSE(found_with([](Dataset& data) { std::get<1>(data.test.values)[0] = 5.5f; }));
  EXPECT_FALSE(found_with([](Dataset& data) { data.train.labels[0] = 1; }));
  EXPECT_FALSE(found_with([](Dataset& data) { data.schema.shape = {6}; }));
  EXPECT_FALSE(found_with([](Dataset& data) { data.schema.classes.push_back("c"); }));
  EXPECT_FALSE(found_with([](Dataset& data) { std::swap(data.train, data.test); }));
  EXPECT_FALSE(found_with([](Dataset& data) { data.test = {}; }));
}

TEST(KeptRuns, SeveralThreadsAndAnotherComparisonShareAFile) {
  const StoreFile file;
  KeptRuns one(file.path(), sample_data()), other(file.path(), sample_data());
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      KeptRuns& kept = t % 2 == 0 ? one : other;
      for (std::uint64_t seed = 5 * t; seed < 5 * (t + 2); ++seed) {  // each seed by two threads
        TrainOptions options;
        options.seed = seed;
        kept.keep_run(options, kNetwork, sample_run(seed, 0.5));
        EXPECT_TRUE(kept.find_run(options, kNetwork));
        kept.keep_comparison({});
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Database(file.path(), false).value<std::int64_t>("SELECT count(*) FROM runs"), 25);
  EXPECT_EQ(Database(file.path(), false).value<std::int64_t>("SELECT count(*) FROM comparisons"), 2);
}

TEST(KeptRuns, DamagedTextsAreErrorsThatNameTheFile) {
  const StoreFile file;
  { KeptRuns(file.path(), sample_data()).keep_run({}, kNetwork, sample_run(0, 0.5)); }
  for (const char* damage :
       {"history = 'x'", "history = '[{}]'", "history = '[1]'", "history = 'null'", "history = '{}'",
        "history = ''", "history = '[{\"epoch\":\"one\"}]'", "warnings = '[1]'", "warnings = '{}'",
        "ended = 'never'", "history = '[', ended = 'finished'"}) {
    SCOPED_TRACE(damage);
    try {
      Database(file.path(), false).run("UPDATE runs SET ended = 'finished', warnings = '[]', history = '[]'");
      KeptRuns(file.path(), sample_data()).find_run({}, kNetwork);
      Database(file.path(), false).run(std::string("UPDATE runs SET ") + damage);
      KeptRuns(file.path(), sample_data()).find_run({}, kNetwork);
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::input);
      EXPECT_THAT(error.what(), AllOf(HasSubstr(file.path()), HasSubstr("damaged")));
    }
  }
}

}  // namespace
}  // namespace halfwave::testing
