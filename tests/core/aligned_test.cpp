// Lost if these fail: the kernels' aligned loads and stores would fault, or two threads would share a cache
// line.
#include "core/aligned.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <numeric>
#include <utility>

namespace halfwave {
namespace {

template <class T>
bool aligned(const T* p) {
  return reinterpret_cast<std::uintptr_t>(p) % kAlignment == 0;
}

TEST(RoundUp, IsTheSmallestMultipleThatIsNotBelow) {
  for (std::size_t n = 0; n <= 200; ++n)
    for (const std::size_t multiple : {1u, 2u, 3u, 8u, 16u, 64u, 100u}) {
      const std::size_t rounded = round_up(n, multiple);
      ASSERT_EQ(rounded % multiple, 0u) << n << ", " << multiple;
      ASSERT_GE(rounded, n);
      ASSERT_LT(rounded - n, multiple);
    }
}

TEST(Alignment, ALineIsAWholeNumberOfFloats) { EXPECT_EQ(kLineFloats * sizeof(float), kAlignment); }

template <class T>
class AlignedVectorOf : public testing::Test {};
using Elements = testing::Types<char, std::uint16_t, float, double, std::uint64_t>;
TYPED_TEST_SUITE(AlignedVectorOf, Elements);

TYPED_TEST(AlignedVectorOf, IsAlignedAtEverySize) {
  for (std::size_t n = 1; n <= 300; ++n) ASSERT_TRUE(aligned(AlignedVector<TypeParam>(n).data())) << n;
}

TYPED_TEST(AlignedVectorOf, StaysAlignedAndKeepsItsValuesWhileItGrows) {
  AlignedVector<TypeParam> v;
  for (int i = 0; i < 100; ++i) {
    v.push_back(static_cast<TypeParam>(i));
    ASSERT_TRUE(aligned(v.data())) << i;
  }
  for (int i = 0; i < 100; ++i) ASSERT_EQ(v[static_cast<std::size_t>(i)], static_cast<TypeParam>(i));
}

TEST(AlignedVector, StartsAsZeros) {
  const AlignedVector<float> v(1000);
  EXPECT_EQ(std::accumulate(v.begin(), v.end(), 0.0f, [](float a, float x) { return a + (x != 0.0f); }),
            0.0f);
}

TEST(AlignedVector, MovesItsMemoryAndCopiesItsValues) {
  AlignedVector<float> v{1.0f, 2.0f, 3.0f};
  const float* data = v.data();
  AlignedVector<float> copy = v;
  EXPECT_NE(copy.data(), data);
  EXPECT_TRUE(aligned(copy.data()));
  AlignedVector<float> moved;
  moved = std::move(v);
  EXPECT_EQ(moved.data(), data);
  EXPECT_EQ(moved, copy);
}

TEST(AlignedVector, ASizeBeyondMemoryThrows) {
  AlignedVector<double> v;
  EXPECT_THROW(v.resize(v.max_size() + 1), std::length_error);
  EXPECT_EQ(v.size(), 0u);
}

}  // namespace
}  // namespace halfwave
