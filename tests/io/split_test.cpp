// If this failed, accuracies would be measured on examples that were trained on, on skewed classes, or not
// repeatably.
#include "io/split.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "io_files.h"

namespace halfwave {
namespace {

using namespace halfwave::testing;

/// Example i has the values i and i + 0.5, and class i % 10 < 7 ? 0 : 1 where there are classes.
Dataset numbered(std::size_t n, Task task) {
  Dataset data;
  data.name = "numbered";
  data.schema.task = task;
  data.schema.shape = {2};
  data.train.count = n;
  std::vector<float> values;
  for (std::size_t i = 0; i < n; ++i) {
    values.push_back(static_cast<float>(i));
    values.push_back(static_cast<float>(i) + 0.5f);
    if (task == Task::classification) data.train.labels.push_back(i % 10 < 7 ? 0 : 1);
    if (task == Task::regression) data.train.targets.push_back(static_cast<float>(i) * 2);
  }
  data.train.values = values;
  if (task == Task::classification) data.schema.classes = {"a", "b"};
  return data;
}

TEST(Split, PartsAreDisjointOrderedAndStratified) {
  for (const Task task : {Task::classification, Task::regression}) {
    Dataset data = numbered(1000, task);
    split_off_test(data, 0.2, 3);
    EXPECT_EQ(data.train.count, 800u);
    EXPECT_EQ(data.test.count, 200u);
    std::set<float> seen;
    for (const Examples* part : {&data.train, &data.test}) {
      const std::vector<float> values = floats(*part);
      ASSERT_EQ(values.size(), 2 * part->count);
      std::size_t ones = 0;
      for (std::size_t i = 0; i < part->count; ++i) {
        seen.insert(values[2 * i]);
        EXPECT_EQ(values[2 * i + 1], values[2 * i] + 0.5f);
        if (i > 0) {
          EXPECT_LT(values[2 * i - 2], values[2 * i]);
        }
        if (task == Task::regression) {
          EXPECT_EQ(part->targets[i], 2 * values[2 * i]);
        }
        if (task == Task::classification) {
          EXPECT_EQ(part->labels[i], static_cast<int>(values[2 * i]) % 10 < 7 ? 0 : 1);
          ones += part->labels[i] == 1;
        }
      }
      if (task == Task::classification) {
        EXPECT_EQ(ones * 10, part->count * 3);
      }
    }
    EXPECT_EQ(seen.size(), 1000u);
  }
}

TEST(Split, TheSeedDecides) {
  const auto test_part = [](std::uint64_t seed) {
    Dataset data = numbered(1000, Task::classification);
    split_off_test(data, 0.2, seed);
    return floats(data.test);
  };
  EXPECT_EQ(test_part(1), test_part(1));
  EXPECT_NE(test_part(1), test_part(2));
}

TEST(Split, EveryClassKeepsATrainingExample) {
  Dataset data = numbered(10, Task::classification);
  split_off_test(data, 0.95, 1);
  EXPECT_EQ(std::set<int>(data.train.labels.begin(), data.train.labels.end()).size(), 2u);
}

TEST(Split, SharesThatMakeNoSenseAreRefused) {
  Dataset data = numbered(10, Task::classification);
  for (const double share : {-0.1, 1.0, 2.0, std::nan("")}) {
    expect_error(ErrorKind::usage, {"[0, 1)"}, [&] { split_off_test(data, share, 0); });
  }
  split_off_test(data, 0.0, 0);
  EXPECT_EQ(data.train.count, 10u);
  EXPECT_FALSE(data.test.labelled());
  Dataset single = numbered(1, Task::regression);
  expect_error(ErrorKind::input, {"numbered: no test part can be split off"},
               [&] { split_off_test(single, 0.5, 0); });
}

TEST(Split, SmallSetsAreSplitTooAndNoClassIsOffByMoreThanOne) {
  for (std::size_t n = 8; n < 60; ++n) {
    for (const double share : {0.01, 0.1, 0.2, 0.5, 0.77}) {
      Dataset data = numbered(n, Task::classification);
      const auto ones =
          static_cast<double>(std::count(data.train.labels.begin(), data.train.labels.end(), 1));
      split_off_test(data, share, n);
      EXPECT_EQ(data.train.count + data.test.count, n);
      EXPECT_EQ(static_cast<double>(data.test.count),
                std::max(1.0, std::round(share * static_cast<double>(n))));
      EXPECT_NEAR(static_cast<double>(std::count(data.test.labels.begin(), data.test.labels.end(), 1)),
                  share * ones, 1.0);
    }
  }
}

std::set<float> kept(Dataset data, std::int64_t count, std::uint64_t seed) {
  keep_examples(data, count, seed);
  const std::vector<float> values = floats(data.train);
  std::set<float> firsts;
  for (std::size_t i = 0; i < values.size(); i += 2) firsts.insert(values[i]);
  return firsts;
}

TEST(KeepExamples, OfEachClassInProportionNestedAndTheTestPartStays) {
  for (const Task task : {Task::classification, Task::regression}) {
    Dataset all = numbered(1000, task);
    split_off_test(all, 0.2, 3);
    std::set<float> smaller;
    for (const std::int64_t count : {1, 2, 3, 17, 100, 500, 799, 800}) {
      Dataset data = all;
      keep_examples(data, count, 5);
      EXPECT_EQ(data.train.count, static_cast<std::size_t>(count));
      EXPECT_TRUE(data.warnings.empty());
      EXPECT_EQ(floats(data.test), floats(all.test));
      EXPECT_EQ(data.test.labels, all.test.labels);
      EXPECT_EQ(data.test.targets, all.test.targets);
      const std::vector<float> values = floats(data.train);
      std::size_t ones = 0;
      for (std::size_t i = 0; i < data.train.count; ++i) {
        EXPECT_EQ(values[2 * i + 1], values[2 * i] + 0.5f);
        if (i > 0) {
          EXPECT_LT(values[2 * i - 2], values[2 * i]);
        }
        if (task == Task::regression) {
          EXPECT_EQ(data.train.targets[i], 2 * values[2 * i]);
        } else {
          EXPECT_EQ(data.train.labels[i], static_cast<int>(values[2 * i]) % 10 < 7 ? 0 : 1);
          ones += data.train.labels[i] == 1;
        }
      }
      if (task == Task::classification) {
        EXPECT_NEAR(static_cast<double>(ones), 0.3 * static_cast<double>(count), 1.0);
        if (count >= 2) {
          EXPECT_GE(ones, 1u);
        }
      }
      const std::set<float> now(kept(all, count, 5));
      EXPECT_TRUE(std::includes(now.begin(), now.end(), smaller.begin(), smaller.end())) << count;
      smaller = now;
    }
  }
}

TEST(KeepExamples, TheSeedDecides) {
  const Dataset data = numbered(1000, Task::classification);
  EXPECT_EQ(kept(data, 50, 1), kept(data, 50, 1));
  EXPECT_NE(kept(data, 50, 1), kept(data, 50, 2));
}

TEST(KeepExamples, ARareClassIsNotLost) {
  Dataset data = numbered(1000, Task::classification);
  std::ranges::fill(data.train.labels, 0);
  data.train.labels[500] = 1;
  keep_examples(data, 10, 1);
  EXPECT_EQ(std::ranges::count(data.train.labels, 1), 1);
}

TEST(KeepExamples, MoreThanThereAreIsAWarningAndNegativeAnError) {
  Dataset data = numbered(1000, Task::regression);
  keep_examples(data, 0, 1);
  keep_examples(data, 1000, 1);
  EXPECT_TRUE(data.warnings.empty());
  keep_examples(data, 1001, 1);
  EXPECT_EQ(data.train.count, 1000u);
  ASSERT_EQ(data.warnings.size(), 1u);
  EXPECT_EQ(data.warnings[0],
            "numbered: 1,001 training examples were asked for, and there are 1,000: all are used");
  expect_error(ErrorKind::usage, {"-1"}, [&] { keep_examples(data, -1, 1); });
}

TEST(KeepExamples, IsAnOptionOfReadingData) {
  DataOptions options;
  options.source = "mnist1d";
  options.examples = 100;
  const Dataset data = load_dataset(options);
  EXPECT_EQ(data.train.count, 100u);
  EXPECT_EQ(data.test.count, 1000u);
}

}  // namespace
}  // namespace halfwave
