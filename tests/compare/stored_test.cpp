// Lost if these fail: a report made from a store would not be that of the comparisons that filled it.
#include <halfwave/compare.h>
#include <halfwave/error.h>

#include "compare/kept_runs.h"
#include "io/database.h"
#include "store_testing.h"

namespace halfwave::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A comparison with variants of this activation, learning rate and seeds, whose runs are kept.
struct Entry {
  std::string name, activation;
  double rate = 0.1;
  std::uint64_t first_seed = 0, seeds = 2;
  bool searched = false;
  std::int64_t epochs = 10;
};

void keep(const std::string& file, const std::vector<Entry>& entries, const Dataset& data = sample_data(),
          const std::string& until = "") {
  KeptRuns kept(file, data);
  Comparison comparison;
  comparison.metric = "test_accuracy";
  comparison.compared = {"activation"};
  if (!until.empty()) comparison.goal = parse_goal(until);
  for (const Entry& entry : entries) {
    ComparedVariant& variant = comparison.variants.emplace_back();
    variant.variant.name = entry.name;
    TrainOptions& options = variant.variant.options;
    options.activation = entry.activation;
    options.learning_rate = entry.rate;
    options.epochs = entry.epochs;
    if (entry.searched) variant.search = {{entry.rate, 0.75, false}, {2 * entry.rate, 0.5, true}};
    TrainOptions of_run = options;
    for (std::uint64_t seed = entry.first_seed; seed < entry.first_seed + entry.seeds; ++seed) {
      of_run.seed = seed;
      kept.keep_run(of_run, "dense", sample_run(seed, 0.5 + 0.01 * static_cast<double>(seed)));
    }
  }
  kept.keep_comparison(comparison);
}

std::vector<std::string> names(const Comparison& comparison) {
  std::vector<std::string> names;
  for (const ComparedVariant& variant : comparison.variants) names.push_back(variant.variant.name);
  return names;
}

std::vector<std::size_t> counts(const Comparison& comparison) {
  std::vector<std::size_t> counts;
  for (const ComparedVariant& variant : comparison.variants) counts.push_back(variant.runs.size());
  return counts;
}

Comparison only(const StoreFile& file, std::string_view until = "") {
  std::vector<Comparison> all = stored_comparisons(file.path(), until);
  EXPECT_EQ(all.size(), 1u);
  return all.empty() ? Comparison{} : std::move(all.front());
}

void expect_same(const Spread& a, const Spread& b) {
  EXPECT_EQ(a.mean, b.mean);
  EXPECT_EQ(a.deviation, b.deviation);
  EXPECT_EQ(a.count, b.count);
}

TEST(Stored, OneComparisonIsWhatComparingGave) {
  const StoreFile file;
  const Dataset data = load_dataset("two-spirals");
  TrainOptions base;
  base.hidden = {4};
  base.epochs = 2;
  const std::vector<Variation> over{parse_variation("activation=tanh,relu,elu")};
  CompareOptions options;
  options.seeds = 2;
  options.store = file.path();
  options.until = "loss=0.69";
  const Comparison whole = compare(data, variants_over(base, over), options), again = only(file);
  EXPECT_EQ(again.data, whole.data);
  EXPECT_EQ(again.task, whole.task);
  EXPECT_EQ(again.train, whole.train);
  EXPECT_EQ(again.test, whole.test);
  EXPECT_EQ(again.features, whole.features);
  EXPECT_EQ(again.classes, whole.classes);
  EXPECT_EQ(again.metric, whole.metric);
  EXPECT_EQ(again.compared, whole.compared);
  EXPECT_EQ(again.verdict, whole.verdict);
  ASSERT_TRUE(again.goal);
  EXPECT_EQ(again.goal->bound, 0.69);
  ASSERT_EQ(names(again), names(whole));
  for (std::size_t v = 0; v < whole.variants.size(); ++v) {
    const ComparedVariant &a = again.variants[v], &b = whole.variants[v];
    TrainOptions::visit(a.variant.options, [&]<class T>(const OptionInfo& info, const T& value) {
      TrainOptions::visit(b.variant.options, [&]<class U>(const OptionInfo& other, const U& expected) {
        if constexpr (std::is_same_v<T, U>) {
          EXPECT_TRUE(info.name != other.name || value == expected) << info.name;
        }
      });
    });
    ASSERT_EQ(a.search.size(), b.search.size());
    for (std::size_t i = 0; i < a.search.size(); ++i) EXPECT_EQ(a.search[i].score, b.search[i].score);
    ASSERT_EQ(a.runs.size(), b.runs.size());
    for (std::size_t i = 0; i < a.runs.size(); ++i) EXPECT_EQ(a.runs[i].score, b.runs[i].score);
    expect_same(a.score, b.score);
    expect_same(a.until_epochs, b.until_epochs);
    expect_same(a.seconds_per_epoch, b.seconds_per_epoch);
    ASSERT_EQ(a.difference.has_value(), b.difference.has_value());
    EXPECT_EQ(a.difference ? a.difference->p : 2.0, b.difference ? b.difference->p : 2.0);
  }
  // and what is kept is not run again
  EXPECT_EQ(compare(data, variants_over(base, over), options).kept, 6u);
}

TEST(Stored, ComparisonsOnOneDataSetAreOne) {
  const StoreFile file;
  keep(file.path(), {{"relu", "relu"}, {"tanh", "tanh"}});
  keep(file.path(), {{"relu", "relu", 0.1, 1, 3}, {"elu", "elu"}});
  const Comparison all = only(file);
  EXPECT_THAT(names(all), ElementsAre("relu", "tanh", "elu"));
  EXPECT_THAT(counts(all), ElementsAre(4, 2, 2));  // seeds 0 1 and 1 2 3
  EXPECT_THAT(all.compared, ElementsAre("activation"));
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(all.variants[0].runs[i].seed, i);
  EXPECT_FALSE(all.variants[0].difference);
  EXPECT_TRUE(all.variants[2].difference);
  EXPECT_EQ(all.kept, 8u);
}

TEST(Stored, NamesTellApartWhatDiffers) {
  const StoreFile file;
  keep(file.path(), {{"relu", "relu"}, {"tanh", "tanh"}});
  keep(file.path(), {{"relu", "relu", 0.1, 0, 2, false, 20}});
  EXPECT_THAT(names(only(file)), ElementsAre("relu, epochs 10", "tanh, epochs 10", "relu, epochs 20"));
  EXPECT_THAT(only(file).compared, ElementsAre("activation", "epochs"));
}

TEST(Stored, RatesThatWereSearchedForAreInNamesOnlyWhereNothingElseDiffers) {
  const StoreFile file;
  keep(file.path(), {{"relu", "relu", 0.1, 0, 2, true}, {"tanh", "tanh", 0.2, 0, 2, true}});
  keep(file.path(), {{"elu", "elu", 0.4, 0, 2, true}});
  EXPECT_THAT(names(only(file)), ElementsAre("relu", "tanh", "elu"));
  keep(file.path(), {{"relu", "relu", 0.5, 0, 2, true}});
  EXPECT_THAT(names(only(file)), ElementsAre("relu, learning-rate 0.1", "tanh, learning-rate 0.2",
                                             "elu, learning-rate 0.4", "relu, learning-rate 0.5"));
}

// Stopped while rates were searched for, and begun again: the same table in the same order.
TEST(Stored, AComparisonThatWasBegunAgainIsOne) {
  const StoreFile file;
  keep(file.path(),
       {{"relu", "relu", 0.0, 0, 0}, {"tanh", "tanh", 0.2, 0, 1, true}, {"elu", "elu", 0.0, 0, 0}});
  const Comparison stopped = only(file);
  EXPECT_THAT(names(stopped), ElementsAre("relu", "tanh", "elu"));
  EXPECT_THAT(counts(stopped), ElementsAre(0, 1, 0));
  EXPECT_EQ(stopped.variants[0].score.count, 0u);
  keep(file.path(), {{"relu", "relu", 0.1, 0, 2, true},
                     {"tanh", "tanh", 0.2, 0, 2, true},
                     {"elu", "elu", 0.3, 0, 2, true}});
  keep(file.path(), {{"relu", "relu", 0.0, 0, 0}, {"tanh", "tanh", 0.0, 0, 0}, {"elu", "elu", 0.0, 0, 0}});
  const Comparison all = only(file);
  EXPECT_THAT(names(all), ElementsAre("relu", "tanh", "elu"));
  EXPECT_THAT(counts(all), ElementsAre(2, 2, 2));
  EXPECT_EQ(all.variants[0].variant.options.learning_rate, 0.1);
  ASSERT_EQ(all.variants[0].search.size(), 2u);
  EXPECT_TRUE(all.variants[0].search[1].diverged);
}

TEST(Stored, EachDataSetHasItsOwn) {
  const StoreFile file;
  Dataset other = sample_data();
  other.name = "other";
  other.test = {};
  keep(file.path(), {{"relu", "relu"}});
  keep(file.path(), {{"tanh", "tanh", 0.1, 0, 1}}, other);
  keep(file.path(), {{"elu", "elu"}});
  const std::vector<Comparison> all = stored_comparisons(file.path());
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].data, "sample");
  EXPECT_THAT(names(all[0]), ElementsAre("relu", "elu"));
  EXPECT_THAT(counts(all[0]), ElementsAre(2, 2));
  EXPECT_EQ(all[1].data, "other");
  EXPECT_EQ(all[1].test, 0u);
  EXPECT_THAT(counts(all[1]), ElementsAre(1));
}

TEST(Stored, AnotherGoalIsSeenFromTheEpochs) {
  const StoreFile file;
  keep(file.path(), {{"relu", "relu"}}, sample_data(), "train_error=0.5");
  EXPECT_EQ(only(file).variants[0].until_epochs.mean, 2.0);  // accuracies are 0.25, 0.5 and 0.75
  EXPECT_EQ(only(file, "train_error=0.25").variants[0].until_epochs.mean, 3.0);
  EXPECT_EQ(only(file, "train_error=0.25").variants[0].until_seconds.mean, 1.5);
  EXPECT_EQ(only(file, "train_error=0.1").variants[0].until_epochs.count, 0u);
}

TEST(Stored, AGoalThatNoDataHaveIsAnErrorAndThatSomeHaveAWarning) {
  const StoreFile file;
  keep(file.path(), {{"relu", "relu"}});
  EXPECT_THROW(only(file, "test_rmse=1"), Error);
  EXPECT_THROW(only(file, "train_eror=1"), Error);
  Dataset other = sample_data();
  other.test = {};
  keep(file.path(), {{"relu", "relu"}}, other);
  const std::vector<Comparison> all = stored_comparisons(file.path(), "test_error=0.6");
  ASSERT_EQ(all.size(), 2u);
  EXPECT_TRUE(all[0].goal);
  EXPECT_FALSE(all[1].goal);
  EXPECT_THAT(all[1].warnings, ElementsAre(HasSubstr("test_error")));
}

TEST(Stored, AStoreWithoutComparisonsHasNone) {
  const StoreFile file;
  { const KeptRuns kept(file.path(), sample_data()); }
  EXPECT_THAT(stored_comparisons(file.path()), IsEmpty());
}

TEST(Stored, DamageIsAnErrorThatNamesTheFile) {
  const StoreFile file;
  keep(file.path(), {{"relu", "relu"}});
  for (const char* damage :
       {"variants SET options = 'x'", "variants SET options = '[]'",
        "variants SET other_options = '{\"threads\":\"many\"}'", "variants SET search = '[{}]'",
        "comparisons SET compared = '{}'", "comparisons SET goal = 'x'", "data_sets SET classes = '7'"}) {
    SCOPED_TRACE(damage);
    const StoreFile copy;
    std::filesystem::copy_file(file.path(), copy.path());
    Database(copy.path(), false).run(std::string("UPDATE ") + damage);
    try {
      stored_comparisons(copy.path());
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::input) << error.what();
      EXPECT_THAT(error.what(), HasSubstr(copy.path()));
    }
  }
  EXPECT_THROW(stored_comparisons("/no/such/store.db"), Error);
  EXPECT_THROW(stored_comparisons(""), Error);
}

}  // namespace
}  // namespace halfwave::testing
