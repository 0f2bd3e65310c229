// Lost if these fail: comparisons that hang, begin tasks after a failure, or hide it.
#include "compare/work_list.h"

#include <gmock/gmock.h>

#include <atomic>
#include <stdexcept>
#include <vector>

namespace halfwave {
namespace {

TEST(WorkListTest, OneThreadTakesTheLowestPlaceFirst) {
  WorkList list;
  std::vector<int> order;
  list.add({1, 0, 0}, [&] { order.push_back(10); });
  list.add({0, 1, 0}, [&] { order.push_back(2); });
  list.add({0, 0, 1}, [&] {
    order.push_back(1);
    list.add({0, 0, 2}, [&] { order.push_back(11); });
  });
  list.run(1, [] {});
  EXPECT_THAT(order, testing::ElementsAre(1, 11, 2, 10));
}

/// Each task adds two until the depth is reached: threads that find nothing must wait for those that add.
TEST(WorkListTest, WaitsForTasksThatAddOthers) {
  for (const int threads : {1, 2, 5}) {
    WorkList list;
    std::atomic<int> done{0};
    std::function<void(std::size_t)> grow = [&](std::size_t depth) {
      ++done;
      if (depth == 9) return;
      for (std::size_t i = 0; i < 2; ++i) list.add({depth, i, 0}, [&, depth] { grow(depth + 1); });
    };
    list.add({0, 0, 0}, [&] { grow(0); });
    list.run(threads, [] {});
    EXPECT_EQ(done, 1023);
  }
}

TEST(WorkListTest, TheFirstFailureEndsIt) {
  for (const int threads : {1, 3}) {
    WorkList list;
    std::atomic<int> done{0}, failures{0};
    for (std::size_t i = 0; i < 100; ++i)
      list.add({i, 0, 0}, [&, i] {
        ++done;
        if (i == 5) throw std::runtime_error("task 5");
      });
    try {
      list.run(threads, [&] { ++failures; });
      FAIL() << "no exception";
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "task 5");
    }
    EXPECT_EQ(failures, 1);
    if (threads == 1) {
      EXPECT_EQ(done, 6);
    }
  }
}

TEST(WorkListTest, StopsAndEndsWithoutTasks) {
  WorkList list;
  list.run(2, [] {});
  int done = 0;
  for (std::size_t i = 0; i < 10; ++i)
    list.add({i, 0, 0}, [&, i] {
      ++done;
      if (i == 2) list.stop();
    });
  list.run(1, [] {});
  EXPECT_EQ(done, 3);
}

}  // namespace
}  // namespace halfwave
