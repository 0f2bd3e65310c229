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

}  // namespace
}  // namespace halfwave
