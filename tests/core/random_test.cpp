// Lost if these fail: resumed runs, and runs with other thread counts, would draw other numbers than they
// claim.
#include "core/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace halfwave {
namespace {

TEST(Random, MatchesThePublishedPhiloxVectors) {
  // kat_vectors of Random123 for philox4x32-10: counter and key all zero.
  const std::array<std::uint32_t, 4> zero{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
  EXPECT_EQ(Random(0, 0).block(0), zero);
  const std::array<std::uint32_t, 4> ones{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd};
  EXPECT_EQ(Random(UINT64_MAX, UINT64_MAX).block(UINT64_MAX), ones);
}

TEST(Random, PermutationHoldsEveryIndexOnceAndDependsOnTheStream) {
  std::vector<std::uint32_t> first(1000), second(1000), sorted(1000);
  Random(7, stream_id(Stream::shuffle, 1)).permutation(first);
  Random(7, stream_id(Stream::shuffle, 2)).permutation(second);
  EXPECT_NE(first, second);
  sorted = first;
  std::sort(sorted.begin(), sorted.end());
  for (std::uint32_t i = 0; i < 1000; ++i) EXPECT_EQ(sorted[i], i);
}

TEST(Random, NormalHasMeanZeroAndVarianceOne) {
  Random random(3, stream_id(Stream::initialise));
  double sum = 0, squares = 0;
  const int n = 200000;
  for (int i = 0; i < n; ++i) {
    const double z = random.normal();
    sum += z;
    squares += z * z;
  }
  EXPECT_NEAR(sum / n, 0.0, 0.01);
  EXPECT_NEAR(squares / n, 1.0, 0.015);
}

}  // namespace
}  // namespace halfwave
