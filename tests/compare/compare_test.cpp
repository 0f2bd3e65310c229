// Lost if these fail: comparisons in which something else differs than what is compared, results that depend
// on what ran beside them, or an hour of runs that ends in a mistake that could be seen before.
#include <gmock/gmock.h>
#include <halfwave/compare.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "compare/rate_search.h"
#include "train/train_testing.h"

namespace halfwave {
namespace {

using testing::HasSubstr;

TrainOptions base_options() {
  TrainOptions options;
  options.hidden = {12};
  options.epochs = 5;
  options.batch = 16;
  options.seed = 3;
  options.threads = 2;
  return options;
}

std::vector<Variant> over(const char* text, const TrainOptions& base = base_options()) {
  const Variation variation = parse_variation(text);
  return variants_over(base, std::span(&variation, 1));
}

CompareOptions few_seeds(std::int64_t jobs = 1, bool tune_lr = true) {
  CompareOptions options;
  options.seeds = 3;
  options.jobs = jobs;
  options.tune_lr = tune_lr;
  return options;
}

void expect_same_epochs(const std::vector<EpochReport>& a, const std::vector<EpochReport>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].epoch, b[i].epoch);
    EXPECT_EQ(a[i].loss, b[i].loss);
    EXPECT_EQ(a[i].train_accuracy, b[i].train_accuracy);
    EXPECT_EQ(a[i].test_loss, b[i].test_loss);
    EXPECT_EQ(a[i].test_accuracy, b[i].test_accuracy);
    EXPECT_EQ(a[i].test_rmse, b[i].test_rmse);
    EXPECT_EQ(a[i].learning_rate, b[i].learning_rate);
    ASSERT_EQ(a[i].layers.size(), b[i].layers.size());
    for (std::size_t k = 0; k < a[i].layers.size(); ++k) {
      EXPECT_EQ(a[i].layers[k].density, b[i].layers[k].density);
      EXPECT_EQ(a[i].layers[k].gradient_norm, b[i].layers[k].gradient_norm);
      EXPECT_EQ(a[i].layers[k].weight_norm, b[i].layers[k].weight_norm);
    }
  }
}

/// Everything but times and warnings of the machine.
void expect_same(const Comparison& a, const Comparison& b) {
  ASSERT_EQ(a.variants.size(), b.variants.size());
  EXPECT_EQ(a.verdict, b.verdict);
  EXPECT_EQ(a.warnings.size(), b.warnings.size());
  for (std::size_t v = 0; v < a.variants.size(); ++v) {
    const ComparedVariant &x = a.variants[v], &y = b.variants[v];
    SCOPED_TRACE(x.variant.name);
    EXPECT_EQ(x.variant.name, y.variant.name);
    EXPECT_EQ(x.variant.options.learning_rate, y.variant.options.learning_rate);
    EXPECT_EQ(x.score.mean, y.score.mean);
    ASSERT_EQ(x.search.size(), y.search.size());
    for (std::size_t i = 0; i < x.search.size(); ++i) {
      EXPECT_EQ(x.search[i].learning_rate, y.search[i].learning_rate);
      EXPECT_EQ(x.search[i].score, y.search[i].score);
      EXPECT_EQ(x.search[i].loss, y.search[i].loss);
      EXPECT_EQ(x.search[i].diverged, y.search[i].diverged);
    }
    ASSERT_EQ(x.runs.size(), y.runs.size());
    for (std::size_t i = 0; i < x.runs.size(); ++i) {
      EXPECT_EQ(x.runs[i].seed, y.runs[i].seed);
      EXPECT_EQ(x.runs[i].score, y.runs[i].score);
      EXPECT_EQ(x.runs[i].end, y.runs[i].end);
      EXPECT_EQ(x.runs[i].warnings, y.runs[i].warnings);
      expect_same_epochs(x.runs[i].epochs, y.runs[i].epochs);
    }
  }
}

TEST(Compare, SideBySideGivesTheSameBits) {
  const Dataset data = clouds();
  const std::vector<Variant> variants = over("net=dense 12, relu, dropout 0.2, dense|dense 9, tanh, dense");
  const Comparison one = compare(data, variants, few_seeds(1)), two = compare(data, variants, few_seeds(2));
  EXPECT_EQ(one.jobs, 1);
  EXPECT_EQ(one.threads_per_run, 2);
  EXPECT_EQ(two.jobs, 2);
  EXPECT_EQ(two.threads_per_run, 1);
  expect_same(one, two);
}

/// A run of a comparison is what `train` gives with the same options, seed by seed.
TEST(Compare, ARunIsWhatTrainGives) {
  for (const bool regression : {false, true}) {
    const Dataset data = regression ? curves() : clouds();
    const Comparison found = compare(data, over("activation=relu,elu"), few_seeds());
    EXPECT_EQ(found.metric, regression ? "test_rmse" : "test_accuracy");
    EXPECT_THAT(found.compared, testing::ElementsAre("activation"));
    for (const ComparedVariant& variant : found.variants) {
      ASSERT_EQ(variant.runs.size(), 3u);
      for (std::size_t i = 0; i < variant.runs.size(); ++i) {
        const ComparedRun& run = variant.runs[i];
        TrainOptions options = base_options();
        options.activation = variant.variant.name;
        options.learning_rate = variant.variant.options.learning_rate;
        options.seed = 3 + i;
        const TrainResult result = train(data, options);
        EXPECT_EQ(run.seed, options.seed);
        EXPECT_EQ(run.learning_rate, options.learning_rate);
        EXPECT_EQ(run.network, result.model.network());
        EXPECT_EQ(run.parameters, result.model.parameters());
        expect_same_epochs(run.epochs, result.epochs);
        EXPECT_EQ(run.score,
                  regression ? result.epochs.back().test_rmse : result.epochs.back().test_accuracy);
      }
    }
  }
}

/// With early stopping the model is the best one, and so is the score.
TEST(Compare, TheScoreIsTheModels) {
  TrainOptions base = base_options();
  base.epochs = 40;
  base.early_stopping = 3;
  base.learning_rate = 0.1;
  const Comparison found = compare(clouds(), over("activation=relu,tanh", base), few_seeds());
  bool stopped = false;
  for (const ComparedVariant& variant : found.variants)
    for (const ComparedRun& run : variant.runs) {
      stopped |= run.end == TrainResult::End::stopped_early;
      double best = 0.0;
      for (const EpochReport& epoch : run.epochs) best = std::max(best, epoch.test_accuracy);
      EXPECT_EQ(run.score, best);
    }
  EXPECT_TRUE(stopped);
}

TEST(Compare, WithoutATestPartTheTrainingPartIsScored) {
  Dataset data = clouds();
  data.test = {};
  const Comparison found = compare(data, over("activation=relu,elu"), few_seeds());
  EXPECT_EQ(found.metric, "train_accuracy");
  EXPECT_EQ(found.variants[0].runs[0].score, found.variants[0].runs[0].epochs.back().train_accuracy);
  Dataset numbers = curves();
  numbers.test = {};
  EXPECT_EQ(compare(numbers, over("activation=relu,elu"), few_seeds()).metric, "loss");
}

TEST(Search, TriesTheSameMultiplesAndTheBestOnesNeighbours) {
  const Comparison found = compare(clouds(), over("activation=relu,sigmoid"), few_seeds());
  for (const ComparedVariant& variant : found.variants) {
    ASSERT_EQ(variant.search.size(), kTriedRates);
    EXPECT_TRUE(std::ranges::is_sorted(variant.search, {}, &TriedRate::learning_rate));
    const double rate = variant.variant.options.learning_rate;
    double best = 0.0;
    for (const TriedRate& tried : variant.search) best = std::max(best, tried.score);
    const auto chosen = std::ranges::find(variant.search, rate, &TriedRate::learning_rate);
    ASSERT_NE(chosen, variant.search.end());
    EXPECT_EQ(chosen->score, best);
  }
}

/// The rate must not be chosen by the part that the comparison is then judged by.
TEST(Search, DoesNotSeeTheTestPart) {
  Dataset data = clouds();
  const std::vector<Variant> variants = over("activation=relu,tanh");
  const Comparison before = compare(data, variants, few_seeds());
  auto& values = std::get<std::vector<float>>(data.test.values);
  for (float& value : values) value = -value;
  std::ranges::reverse(data.test.labels);
  const Comparison after = compare(data, variants, few_seeds());
  for (std::size_t v = 0; v < variants.size(); ++v)
    for (std::size_t i = 0; i < kTriedRates; ++i) {
      EXPECT_EQ(before.variants[v].search[i].learning_rate, after.variants[v].search[i].learning_rate);
      EXPECT_EQ(before.variants[v].search[i].score, after.variants[v].search[i].score);
    }
}

TEST(Search, IsLeftOutWhereTheRateIsGivenOrCompared) {
  TrainOptions base = base_options();
  const auto searches = [](const Comparison& found) {
    return std::ranges::any_of(found.variants, [](const auto& variant) { return !variant.search.empty(); });
  };
  EXPECT_FALSE(searches(compare(clouds(), over("activation=relu,elu"), few_seeds(1, false))));
  const Comparison rates = compare(clouds(), over("learning-rate=0,0.1"), few_seeds());
  EXPECT_FALSE(searches(rates));
  EXPECT_GT(rates.variants[0].variant.options.learning_rate, 0.0);  // the usual one
  EXPECT_EQ(rates.variants[1].variant.options.learning_rate, 0.1);
  base.learning_rate = 0.02;
  const Comparison given = compare(clouds(), over("activation=relu,elu", base), few_seeds());
  EXPECT_FALSE(searches(given));
  EXPECT_EQ(given.variants[1].runs[0].learning_rate, 0.02);
}

TEST(Search, ShortRunsHaveTheScheduleSqueezed) {
  TrainOptions options = base_options();
  options.epochs = 50;
  options.warmup = 5;
  options.step_epochs = 20;
  options.patience = 3;
  options.early_stopping = 4;
  const TrainOptions run = short_run(options, 0.25);
  EXPECT_EQ(run.learning_rate, 0.25);
  EXPECT_EQ(run.epochs, 10);
  EXPECT_EQ(run.warmup, 1.0);
  EXPECT_EQ(run.step_epochs, 4);
  EXPECT_EQ(run.patience, 1);
  EXPECT_EQ(run.early_stopping, 0);
  options.epochs = 3;
  EXPECT_EQ(short_run(options, 0.25).epochs, 1);
}

TEST(Search, TheBestOfTheRates) {
  const auto rate = [](double learning_rate, double score, double loss, bool diverged = false) {
    return TriedRate{learning_rate, score, diverged, loss};
  };
  const auto best = [](std::vector<TriedRate> tried) { return best_of(tried).learning_rate; };
  EXPECT_EQ(best({rate(1, 0.5, 1), rate(2, 0.6, 9), rate(3, 0.4, 1)}), 2);
  EXPECT_EQ(best({rate(1, 0.5, 2), rate(2, 0.5, 1), rate(3, 0.5, 3)}), 2);
  EXPECT_EQ(best({rate(1, 0.5, 1), rate(2, 0.9, 0, true)}), 1);
  EXPECT_EQ(best({rate(2, 0, 0, true), rate(1, 0, 0, true), rate(4, 0, 0, true)}), 1);
  EXPECT_EQ(best({rate(1, -5, 1, true), rate(2, -70, 1)}), 2);  // minus an RMSE
}

TEST(Search, ARateCountsByTheMeanOfItsSeeds) {
  const TriedRate runs[]{{0.1, 0.5, false, 2.0}, {0.1, 0.7, false, 1.0}};
  const TriedRate mean = mean_of(runs);
  EXPECT_EQ(mean.learning_rate, 0.1);
  EXPECT_DOUBLE_EQ(mean.score, 0.6);
  EXPECT_DOUBLE_EQ(mean.loss, 1.5);
  EXPECT_FALSE(mean.diverged);
  const TriedRate bad[]{{0.1, 0.9, false, 1.0}, {0.1, 0.0, true, 0.0}};
  EXPECT_TRUE(mean_of(bad).diverged);
}

TEST(Compare, TellsWhatRunsDiverge) {
  TrainOptions base = base_options();
  base.optimiser = "sgd";
  const Comparison found = compare(curves(), over("learning-rate=0.01,1e9", base), few_seeds());
  EXPECT_EQ(found.variants[0].diverged, 0u);
  EXPECT_EQ(found.variants[1].diverged, 3u);
  for (const ComparedRun& run : found.variants[1].runs) {
    EXPECT_EQ(run.end, TrainResult::End::diverged);
    EXPECT_THAT(run.message, HasSubstr("diverged in epoch 1"));
    EXPECT_TRUE(run.epochs.empty());
    // That of the network as it began.
    TrainOptions options = base_options();
    options.seed = run.seed;
    EXPECT_EQ(run.score, evaluate(make_network(curves(), options), curves().test).rmse);
  }
  EXPECT_THAT(found.verdict, HasSubstr("3 of 3 runs of '1e9'"));
}

TEST(Compare, SaysWhereEveryRateDiverges) {
  TrainOptions base = base_options();
  base.optimiser = "sgd";
  base.init = "constant 1e18";
  const Comparison found = compare(curves(), over("activation=relu,leaky_relu", base), few_seeds());
  ASSERT_EQ(found.warnings.size(), 2u);
  EXPECT_THAT(found.warnings[0], HasSubstr("every learning rate diverged"));
}

class Watcher final : public CompareObserver {
 public:
  void progress(const CompareProgress& now) override {
    EXPECT_GE(now.share, 0.0);
    EXPECT_LE(now.share, 1.0);
    EXPECT_GE(now.run, last.run);
    last = now;
  }
  void searched(const ComparedVariant& variant) override {
    EXPECT_EQ(variant.search.size(), kTriedRates);
    ++searches;
  }
  void ran(const Variant& variant, const ComparedRun& run) override {
    EXPECT_TRUE(seen.insert({variant.name, run.seed}).second);
    if (fails) throw std::runtime_error("the watcher fails");
  }
  bool stop_requested() override { return static_cast<int>(seen.size()) >= stop_after; }

  CompareProgress last;
  int searches = 0, stop_after = 1000;
  bool fails = false;
  std::set<std::pair<std::string, std::uint64_t>> seen;
};

TEST(Compare, ReportsEveryRunOnce) {
  for (const int jobs : {1, 2}) {
    Watcher watcher;
    compare(clouds(), over("activation=relu,tanh"), few_seeds(jobs), &watcher);
    EXPECT_EQ(watcher.searches, 2);
    EXPECT_EQ(watcher.seen.size(), 6u);
    EXPECT_EQ(watcher.last.run, 6u + 2 * kTriedRates * kSearchSeeds);
    EXPECT_EQ(watcher.last.runs, 6u + 2 * kTriedRates * kSearchSeeds);
    EXPECT_NEAR(watcher.last.share, 1.0, 1e-9);
    EXPECT_NEAR(watcher.last.seconds_left, 0.0, 1e-3);
  }
}

TEST(Compare, StopsWhenAskedAndKeepsWhatThereIs) {
  const Comparison whole = compare(clouds(), over("activation=relu,tanh"), few_seeds());
  for (const int jobs : {1, 2}) {
    Watcher watcher;
    watcher.stop_after = 2;
    const Comparison found = compare(clouds(), over("activation=relu,tanh"), few_seeds(jobs), &watcher);
    EXPECT_TRUE(found.interrupted);
    std::size_t runs = 0;
    for (std::size_t v = 0; v < 2; ++v)
      for (const ComparedRun& run : found.variants[v].runs) {
        ++runs;
        expect_same_epochs(run.epochs, whole.variants[v].runs[run.seed - 3].epochs);
      }
    EXPECT_GE(runs, 2u);
    EXPECT_LT(runs, 6u);
  }
  Watcher at_once;
  at_once.stop_after = 0;
  const Comparison none = compare(clouds(), over("activation=relu,tanh"), few_seeds(2), &at_once);
  EXPECT_TRUE(none.interrupted);
  EXPECT_TRUE(none.variants[0].runs.empty());
}

TEST(Compare, WhatAnObserverThrowsEndsIt) {
  for (const int jobs : {1, 2}) {
    Watcher watcher;
    watcher.fails = true;
    EXPECT_THROW(compare(clouds(), over("activation=relu,tanh"), few_seeds(jobs), &watcher),
                 std::runtime_error);
    EXPECT_LE(watcher.seen.size(), static_cast<std::size_t>(jobs));
  }
}

/// Nothing is trained before everything fits.
TEST(Compare, RefusesBeforeTheFirstRun) {
  const auto error = [](std::vector<Variant> variants, CompareOptions options = few_seeds(),
                        const Dataset& data = clouds()) {
    Watcher watcher;
    const std::string message =
        error_of(ErrorKind::usage, [&] { compare(data, std::move(variants), options, &watcher); });
    EXPECT_EQ(watcher.last.runs, 0u) << "something was begun";
    return message;
  };
  EXPECT_THAT(error(over("net=dense 8, relu, dense|dense 8, rleu, dense")), HasSubstr("rleu"));
  EXPECT_THAT(error(over("net=dense 8, relu, dense|dense 8, relu, dense 7")), HasSubstr("dense 7"));
  EXPECT_THAT(error(over("augment=flip,crop 99")), HasSubstr("crop"));
  EXPECT_THAT(error({}), HasSubstr("nothing to compare"));
  EXPECT_THAT(error({{"a", base_options()}, {"b", base_options()}}), HasSubstr("'a' and 'b' are the same"));
  EXPECT_THAT(error(over("net=dense 8, relu, dense|dense  8,relu,dense")), HasSubstr("the same network"));
  std::vector<Variant> named = over("activation=relu,tanh");
  named[1].name = "relu";
  EXPECT_THAT(error(named), HasSubstr("'relu'"));
  std::vector<Variant> seeds = over("activation=relu,tanh");
  seeds[1].options.seed = 77;
  EXPECT_THAT(error(seeds), HasSubstr("seed"));
  TrainOptions checkpointed = base_options();
  checkpointed.checkpoint = "folder";
  EXPECT_THAT(error(over("activation=relu,tanh", checkpointed)), HasSubstr("--store"));
  CompareOptions until = few_seeds();
  until.until = "test_rmse=1";
  EXPECT_THAT(error(over("activation=relu,tanh"), until), HasSubstr("test_rmse"));
  until.until = "train_error=0.1";
  EXPECT_THAT(error(over("activation=relu,tanh"), until, curves()), HasSubstr("train_error"));
  until.until = "test_error=0.1";
  Dataset untested = clouds();
  untested.test = {};
  EXPECT_THAT(error(over("activation=relu,tanh"), until, untested), HasSubstr("no test part"));
  CompareOptions none = few_seeds();
  none.seeds = 0;
  EXPECT_THAT(error(over("activation=relu,tanh"), none), HasSubstr("--seeds"));
}

TEST(Compare, NeverTakesMoreThreadsThanItMay) {
  for (const std::int64_t threads : {1, 2, 3}) {
    TrainOptions base = base_options();
    base.threads = threads;
    base.epochs = 1;
    for (const std::int64_t jobs : {0, 1, 2, 9}) {
      const Comparison found = compare(clouds(), over("activation=relu,tanh", base), few_seeds(jobs, false));
      EXPECT_LE(found.jobs * found.threads_per_run, threads);
      EXPECT_EQ(found.jobs, std::min(threads, jobs == 0 ? threads : jobs));
      EXPECT_EQ(found.variants[0].variant.options.threads, found.threads_per_run);
    }
  }
}

/// Large networks one after the other: each takes its few hundred megabytes.
TEST(Compare, LargeNetworksRunOneAfterTheOther) {
  TrainOptions base = base_options();
  base.epochs = 1;
  base.batch = 97;
  base.net = "dense 4096, relu, dense 2560, relu, dense";
  CompareOptions options = few_seeds(0, false);
  options.seeds = 1;
  const Comparison found = compare(clouds(), over("clip=0,1", base), options);
  EXPECT_EQ(found.jobs, 1);
  EXPECT_EQ(found.threads_per_run, 2);
}

}  // namespace
}  // namespace halfwave
