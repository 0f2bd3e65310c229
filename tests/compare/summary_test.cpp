// Lost if these fail: tables and verdicts that say something else than the runs do.
#include "compare/summary.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "core/statistics.h"

namespace halfwave {
namespace {

using testing::HasSubstr;
using testing::Not;

ComparedVariant variant(const std::string& name, const std::vector<double>& scores) {
  ComparedVariant variant;
  variant.variant.name = name;
  for (const double score : scores) {
    ComparedRun& run = variant.runs.emplace_back();
    run.seed = variant.runs.size();
    run.score = score;
    EpochReport& epoch = run.epochs.emplace_back();
    epoch.epoch = 1;
    epoch.test_accuracy = epoch.test_rmse = score;
  }
  return variant;
}

Comparison comparison(std::vector<ComparedVariant> variants, const std::string& metric = "test_accuracy") {
  Comparison comparison;
  comparison.metric = metric;
  comparison.variants = std::move(variants);
  summarise(comparison);
  return comparison;
}

const std::vector<double> kFirst{0.7012, 0.6954, 0.7101, 0.6893, 0.7055},
    kBetter{0.7331, 0.7402, 0.7288, 0.7455, 0.7369}, kWorse{0.6503, 0.6411, 0.6622, 0.6389},
    kNoise{0.6999, 0.7120, 0.6921, 0.7033, 0.7101}, kSlightly{0.7080, 0.7190, 0.7101, 0.7177, 0.7122};

void expect_near(double found, double expected) {
  EXPECT_NEAR(found, expected, 1e-10 * std::fabs(expected)) << "expected " << expected;
}

/// SciPy 1.17.1: r = stats.ttest_ind(variant, first, equal_var=False), r.confidence_interval(0.95), r.pvalue;
/// the four p-values after Holm: sorted, times 4, 3, 2, 1, no less than the one before (numpy's
/// maximum.accumulate), at most 1.
TEST(Summary, DifferencesAreSciPys) {
  const Comparison found =
      comparison({variant("first", kFirst), variant("better", kBetter), variant("worse", kWorse),
                  variant("noise", kNoise), variant("slightly", kSlightly)});
  struct Expected {
    double mean, low, high, p;
  };
  const std::vector<Expected> expected{
      {0.03660000000000008, 0.025751957220481386, 0.047448042779518765, 0.00026967298171230925},
      {-0.05217500000000008, -0.06822812350649357, -0.03612187649350659, 0.0008121663675400579},
      {0.0031800000000000717, -0.008665498304134081, 0.015025498304134225, 0.5530730652172806},
      {0.0131, 0.002883461787268997, 0.023316538212731004, 0.0392555949635095}};
  EXPECT_FALSE(found.variants[0].difference);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    SCOPED_TRACE(found.variants[i + 1].variant.name);
    ASSERT_TRUE(found.variants[i + 1].difference);
    const Difference& difference = *found.variants[i + 1].difference;
    expect_near(difference.mean, expected[i].mean);
    expect_near(difference.low, expected[i].low);
    expect_near(difference.high, expected[i].high);
    expect_near(difference.p, expected[i].p);
  }
  expect_near(found.variants[0].score.mean, 0.7003);
  expect_near(found.variants[0].score.deviation, 0.008199085314838457);  // np.std(first, ddof=1)
  EXPECT_EQ(found.variants[2].score.count, 4u);
}

TEST(Summary, VerdictNamesWhatIsBeyondNoise) {
  const std::string verdict = comparison({variant("relu", kFirst), variant("gelu", kBetter),
                                          variant("sigmoid", kWorse), variant("elu", kNoise)})
                                  .verdict;
  EXPECT_THAT(verdict, HasSubstr("better than relu: gelu by 3.66 points"));
  EXPECT_THAT(verdict, HasSubstr("worse than relu: sigmoid by 5.22 points"));
  EXPECT_THAT(verdict, HasSubstr("Between relu and elu there is no difference that these seeds can show"));
  EXPECT_THAT(verdict, HasSubstr("one of 1.18 points in test accuracy would have shown"));
}

TEST(Summary, VerdictOfNoDifference) {
  const std::string verdict = comparison({variant("relu", kFirst), variant("elu", kNoise)}).verdict;
  EXPECT_THAT(verdict, HasSubstr("no difference that these seeds can show"));
  EXPECT_THAT(verdict, Not(HasSubstr("better")));
  EXPECT_THAT(verdict, Not(HasSubstr("worse")));
}

TEST(Summary, OfErrorsLessIsBetter) {
  const Comparison found =
      comparison({variant("relu", kFirst), variant("tanh", kBetter), variant("elu", kWorse)}, "test_rmse");
  EXPECT_TRUE(found.less_is_better());
  EXPECT_THAT(found.verdict, HasSubstr("lower (better) than relu: elu by 0.0522"));
  EXPECT_THAT(found.verdict, HasSubstr("higher (worse) than relu: tanh by 0.0366"));
  EXPECT_THAT(found.verdict, Not(HasSubstr("points")));
}

TEST(Summary, OneSeedShowsNothing) {
  const Comparison found = comparison({variant("relu", {0.5}), variant("tanh", {0.9})});
  EXPECT_THAT(found.verdict, HasSubstr("One run of a variant shows nothing"));
  ASSERT_TRUE(found.variants[1].difference);
  EXPECT_TRUE(std::isinf(found.variants[1].difference->low));
  EXPECT_TRUE(std::isinf(found.variants[1].difference->high));
  EXPECT_EQ(found.variants[1].difference->p, 1.0);
  EXPECT_NEAR(found.variants[1].difference->mean, 0.4, 1e-12);
}

/// A comparison that was stopped: some have runs enough, some have none.
TEST(Summary, TooFewRunsAreNoTest) {
  const Comparison found = comparison(
      {variant("relu", kFirst), variant("gelu", kBetter), variant("tanh", {0.1}), variant("elu", {})});
  EXPECT_THAT(found.verdict, HasSubstr("Too few runs to tell: tanh and elu"));
  expect_near(found.variants[1].difference->p, 6.741824542807731e-05);  // SciPy's, of one test
  EXPECT_EQ(found.variants[3].score.count, 0u);
  EXPECT_THAT(comparison({variant("relu", {}), variant("gelu", kBetter)}).verdict, HasSubstr("too few runs"));
  EXPECT_THAT(comparison({variant("relu", kFirst)}).verdict, HasSubstr("nothing to compare"));
}

/// Half of the 95 % interval would be less: two are tested, so each needs 97.5 %.
TEST(Summary, WhatWouldHaveShownIsAfterHolmsCorrection) {
  const std::vector<double> same = kFirst;
  const Comparison found =
      comparison({variant("relu", kFirst), variant("elu", kNoise), variant("silu", same)});
  const WelchTest test = welch_test(kNoise, kFirst);
  const double needed = std::max(test.half_width(0.975), welch_test(same, kFirst).half_width(0.975));
  EXPECT_GT(needed, 0.5 * (found.variants[1].difference->high - found.variants[1].difference->low));
  EXPECT_THAT(found.verdict, HasSubstr(fmt::format("one of {:.2f} points", 100.0 * needed)));
  EXPECT_THAT(found.verdict, HasSubstr("Between relu and each of elu and silu there is"));
}

TEST(Summary, AVariantWithoutRunsHasNoDifference) {
  EXPECT_FALSE(comparison({variant("relu", kFirst), variant("elu", {})}).variants[1].difference);
  EXPECT_FALSE(comparison({variant("relu", {}), variant("elu", kFirst)}).variants[1].difference);
}

TEST(Summary, ScoresOfRunsThatAllDivergedAreNotCompared) {
  ComparedVariant bad = variant("1e6", kWorse);
  for (ComparedRun& run : bad.runs) run.end = TrainResult::End::diverged;
  const std::string second = comparison({variant("relu", kFirst), bad, variant("elu", kNoise)}).verdict;
  EXPECT_THAT(second, Not(HasSubstr("worse")));
  EXPECT_THAT(second, HasSubstr("4 of 4 runs of '1e6'"));
  const std::string first = comparison({bad, variant("relu", kFirst)}).verdict;
  EXPECT_THAT(first, HasSubstr("Every run of '1e6' diverged"));
  EXPECT_THAT(first, Not(HasSubstr("better")));
}

TEST(Summary, DivergenceIsSaid) {
  ComparedVariant bad = variant("relu", kWorse);
  bad.runs[1].end = bad.runs[3].end = TrainResult::End::diverged;
  const Comparison found = comparison({variant("gelu", kFirst), bad});
  EXPECT_EQ(found.variants[1].diverged, 2u);
  EXPECT_THAT(found.verdict, HasSubstr("2 of 4 runs of relu"));
}

/// One run with figures that can be checked by hand.
TEST(Summary, FiguresOfTheEpochs) {
  ComparedVariant of;
  of.variant.name = "relu";
  ComparedRun& run = of.runs.emplace_back();
  run.score = 0.75;
  for (const double seconds : {1.0, 100.0, 2.0, 3.0}) {
    EpochReport& epoch = run.epochs.emplace_back();
    const auto number = static_cast<double>(run.epochs.size());
    epoch.seconds = seconds;
    epoch.train_accuracy = 0.2 * number;
    epoch.test_accuracy = number == 3 ? 0.8 : 0.75;
    epoch.layers = {{"dense_1", 0.9, 9, 10, 9.0, 1.0},
                    {"dense_2", 0.9, 9, 30, 9.0, 1.0},
                    {"dense_3", 1.0, 0, 10, 9.0, 1.0}};
  }
  run.epochs.back().layers = {{"dense_1", 0.2, 3, 10, 0.5, 1.0},
                              {"dense_2", 0.6, 4, 30, 7.0, 1.0},
                              {"dense_3", 1.0, 0, 10, 2.0, 1.0}};
  of.runs.push_back(run);
  of.runs.back().epochs.resize(2);  // never reaches the goal
  Comparison found;
  found.metric = "test_accuracy";
  found.goal = Goal{"train_error", 0.4};
  found.variants = {of};
  summarise(found);
  const ComparedVariant& v = found.variants.front();
  EXPECT_NEAR(v.best.mean, 0.5 * (0.8 + 0.75), 1e-12);
  EXPECT_EQ(v.until_epochs.count, 1u);
  EXPECT_NEAR(v.until_epochs.mean, 3, 1e-12);
  EXPECT_NEAR(v.until_seconds.mean, 103, 1e-12);
  EXPECT_NEAR(v.seconds_per_epoch.mean, 0.5 * (2.5 + 50.5), 1e-12);  // medians
  EXPECT_NEAR(v.density.mean, 0.5 * ((0.2 * 10 + 0.6 * 30) / 40 + 0.9), 1e-12);
  EXPECT_NEAR(v.dead_units.mean, 0.5 * (7 + 18), 1e-12);
  EXPECT_NEAR(v.gradient_ratio.mean, 0.5 * (0.25 + 1.0), 1e-12);
  found.variants.front().variant.options.health = false;
  found.goal.reset();
  summarise(found);
  EXPECT_EQ(found.variants.front().density.count, 0u);
  EXPECT_EQ(found.variants.front().dead_units.count, 0u);
  EXPECT_EQ(found.variants.front().until_epochs.count, 0u);
}

/// A last layer without gradient has no ratio.
TEST(Summary, WhatIsNotFiniteIsLeftOut) {
  ComparedVariant of = variant("relu", {0.5, 0.6});
  of.runs[0].epochs[0].layers = {{"dense_1", 1, 0, 4, 1.0, 1.0}, {"dense_2", 1, 0, 4, 0.0, 1.0}};
  of.runs[1].epochs[0].layers = {{"dense_1", 1, 0, 4, 1.0, 1.0}, {"dense_2", 1, 0, 4, 4.0, 1.0}};
  const Comparison found = comparison({of});
  EXPECT_EQ(found.variants[0].gradient_ratio.count, 1u);
  EXPECT_EQ(found.variants[0].gradient_ratio.mean, 0.25);
}

}  // namespace
}  // namespace halfwave
