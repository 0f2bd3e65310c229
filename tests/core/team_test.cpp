// Lost if these fail: work that is done twice, not at all, or by two threads at once. Everything that runs in
// parallel stands on these two functions; the program also runs under ThreadSanitizer (./dev sanitize tsan).
#include "core/team.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <numeric>
#include <vector>

namespace halfwave {
namespace {

TEST(Team, EveryThreadRunsOnceAndItsWritesAreSeenAfterwards) {
  for (int threads = 1; threads <= 8; ++threads) {
    std::vector<int> calls(static_cast<std::size_t>(threads),
                           0);  // plain, not atomic: each thread has its own
    std::atomic<int> wrong_size{0};
    run_team(threads, [&](int thread, int all) {
      if (all != threads) ++wrong_size;
      ++calls[static_cast<std::size_t>(thread)];
    });
    EXPECT_EQ(wrong_size, 0) << threads;
    EXPECT_EQ(calls, std::vector<int>(calls.size(), 1)) << threads;
  }
}

TEST(Team, FewerThanTwoThreadsIsAPlainCall) {
  for (const int threads : {-1, 0, 1}) {
    int calls = 0;
    run_team(threads, [&](int thread, int all) {
      EXPECT_EQ(thread, 0);
      EXPECT_EQ(all, 1);
      ++calls;
    });
    EXPECT_EQ(calls, 1);
  }
}

TEST(Team, SharedWorkGivesTheSumOfOneThread) {
  std::vector<std::uint32_t> numbers(10007);
  std::iota(numbers.begin(), numbers.end(), 1u);
  const auto expected = std::accumulate(numbers.begin(), numbers.end(), std::uint64_t{0});
  for (int threads = 1; threads <= 8; ++threads) {
    std::vector<std::uint64_t> partial(static_cast<std::size_t>(threads), 0);
    run_team(threads, [&](int thread, int all) {
      const Range part = share(numbers.size(), thread, all, 16);
      for (std::size_t i = part.begin; i < part.end; ++i)
        partial[static_cast<std::size_t>(thread)] += numbers[i];
    });
    EXPECT_EQ(std::accumulate(partial.begin(), partial.end(), std::uint64_t{0}), expected) << threads;
  }
}

// One pass after another over the same memory, cut differently each time, as the layers of a step do: a
// thread reads what another one wrote in the pass before.
TEST(Team, OnePassSeesWhatThePassBeforeWrote) {
  std::vector<int> values(1000, 0);
  for (int pass = 0; pass < 200; ++pass) {
    const int threads = 1 + pass % 5;
    run_team(threads, [&](int thread, int all) {
      const Range part = share(values.size(), all - 1 - thread, all);
      for (std::size_t i = part.begin; i < part.end; ++i) values[i] += static_cast<int>(i) + pass;
    });
  }
  for (std::size_t i = 0; i < values.size(); ++i)
    ASSERT_EQ(values[i], 200 * static_cast<int>(i) + 199 * 200 / 2) << i;
}

// How many threads an inner team gets is the pool's choice; that its work is complete is
// not.
TEST(Team, ATeamInsideATeamDoesAllItsWork) {
  constexpr std::size_t kRows = 4, kColumns = 100;
  std::vector<int> table(kRows * kColumns, 0);
  run_team(static_cast<int>(kRows), [&](int thread, int all) {
    const Range rows = share(kRows, thread, all);
    for (std::size_t row = rows.begin; row < rows.end; ++row)
      run_team(3, [&, row](int inner, int inner_all) {
        const Range columns = share(kColumns, inner, inner_all, 8);
        for (std::size_t i = columns.begin; i < columns.end; ++i) ++table[row * kColumns + i];
      });
  });
  EXPECT_EQ(table, std::vector<int>(table.size(), 1));
}

TEST(Team, TakesATemporaryAConstAndAMutableBody) {
  std::atomic<int> calls{0};
  const auto constant = [&calls](int, int) { ++calls; };
  auto lvalue = [&calls](int, int) { ++calls; };
  run_team(2, constant);
  run_team(2, lvalue);
  run_team(2, [&calls](int, int) { ++calls; });
  EXPECT_EQ(calls, 6);
}

TEST(Share, CoversEverythingOnceInOrderWithCutsOnTheGrain) {
  for (const std::size_t n : {0u, 1u, 2u, 7u, 15u, 16u, 17u, 63u, 64u, 65u, 1000u, 4096u, 100003u})
    for (const std::size_t grain : {1u, 2u, 3u, 8u, 16u, 64u, 4096u})
      for (int threads = 1; threads <= 9; ++threads) {
        std::size_t next = 0;
        for (int thread = 0; thread < threads; ++thread) {
          const Range part = share(n, thread, threads, grain);
          ASSERT_EQ(part.begin, next) << n << " by " << grain << ", thread " << thread << " of " << threads;
          ASSERT_LE(part.begin, part.end);
          ASSERT_TRUE(part.begin % grain == 0 || part.begin == n);
          next = part.end;
        }
        ASSERT_EQ(next, n) << "grain " << grain << ", threads " << threads;
      }
}

TEST(Share, NoThreadHasMoreThanOneGrainAboveAnother) {
  for (const std::size_t n : {1u, 5u, 64u, 100u, 1000u, 4097u})
    for (const std::size_t grain : {1u, 7u, 16u})
      for (int threads = 1; threads <= 9; ++threads) {
        const std::size_t blocks = (n + grain - 1) / grain, all = static_cast<std::size_t>(threads);
        for (int thread = 0; thread < threads; ++thread) {
          const std::size_t mine = (share(n, thread, threads, grain).size() + grain - 1) / grain;
          ASSERT_GE(mine, blocks / all);
          ASSERT_LE(mine, (blocks + all - 1) / all);
        }
      }
}

TEST(AvailableThreads, IsAtLeastOne) { EXPECT_GE(available_threads(), 1); }

}  // namespace
}  // namespace halfwave
