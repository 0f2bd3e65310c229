// Lost if these fail: what people see of their weights and activations in TensorBoard is what is there.
#include "core/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "core/random.h"

namespace halfwave {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// TensorFlow's limits and its search (core/lib/histogram/histogram.cc), number by number.
std::map<double, double> counted_one_by_one(std::span<const float> numbers) {
  std::vector<double> limits{0.0};
  for (double v = 1e-12; v < 1e20; v *= 1.1) {
    limits.push_back(v);
    limits.push_back(-v);
  }
  limits.push_back(std::numeric_limits<double>::max());
  limits.push_back(-std::numeric_limits<double>::max());
  std::ranges::sort(limits);
  std::map<double, double> counts;
  for (const float x : numbers)
    if (std::isfinite(x)) counts[*std::ranges::upper_bound(limits, static_cast<double>(x))] += 1;
  return counts;
}

std::map<double, double> filled(const Histogram& histogram) {
  std::map<double, double> counts;
  for (const auto& [limit, count] : histogram.buckets())
    if (count > 0) counts[limit] = count;
  return counts;
}

Histogram of(std::span<const float> numbers) {
  Histogram histogram;
  histogram.add(numbers);
  return histogram;
}

TEST(Histogram, CountsAsTensorFlowDoes) {
  std::vector<float> numbers{0.0f, -0.0f, kInfinity, -kInfinity, std::nanf(""), 3e38f, -3e38f, 1e-45f};
  for (double v = 1e-12; v < 1e20; v *= 1.1) {  // at every limit, and beside it
    const auto near = static_cast<float>(v);
    for (const float x : {near, std::nextafter(near, 0.0f), std::nextafter(near, kInfinity)}) {
      numbers.push_back(x);
      numbers.push_back(-x);
    }
  }
  Random random(1, stream_id(Stream::data, 1));
  for (int i = 0; i < 20000; ++i) {
    const auto bits = static_cast<std::uint32_t>(random.uniform() * 4294967295.0);
    numbers.push_back(std::bit_cast<float>(bits));  // NaN and infinities among them
    numbers.push_back(static_cast<float>(random.normal()));
  }
  EXPECT_EQ(filled(of(numbers)), counted_one_by_one(numbers));
}

TEST(Histogram, MomentsAreThoseOfTheFiniteNumbers) {
  std::vector<float> numbers;
  double count = 0, sum = 0, squares = 0;
  Random random(2, stream_id(Stream::data, 1));
  for (int i = 0; i < 1001; ++i) {
    const auto x = static_cast<float>(3.0 + random.normal());
    numbers.push_back(i % 100 == 7 ? std::nanf("") : i % 100 == 50 ? -kInfinity : x);
    if (!std::isfinite(numbers.back())) continue;
    count += 1;
    sum += static_cast<double>(x);
    squares += static_cast<double>(x) * static_cast<double>(x);
  }
  const Histogram histogram = of(numbers);
  EXPECT_EQ(static_cast<double>(histogram.count()), count);
  EXPECT_NEAR(histogram.sum(), sum, 1e-9);
  EXPECT_NEAR(histogram.sum_of_squares(), squares, 1e-8);
  std::erase_if(numbers, [](float x) { return !std::isfinite(x); });
  EXPECT_EQ(histogram.min(), static_cast<double>(std::ranges::min(numbers)));
  EXPECT_EQ(histogram.max(), static_cast<double>(std::ranges::max(numbers)));
}

TEST(Histogram, ZerosHaveABucketOfTheirOwn) {
  std::vector<float> numbers(900, 0.0f);  // what a ReLU makes
  numbers.resize(1000, 0.5f);
  const auto buckets = of(numbers).buckets();
  ASSERT_EQ(buckets.size(), 4u);
  EXPECT_EQ(buckets[0].limit, 0.0);
  EXPECT_EQ(buckets[0].count, 0.0);
  EXPECT_EQ(buckets[1].limit, 1e-12);
  EXPECT_EQ(buckets[1].count, 900.0);
  EXPECT_EQ(buckets[2].count, 0.0) << "all that is empty between zero and a half is one bucket";
  EXPECT_LE(buckets[2].limit, 0.5);
  EXPECT_GT(buckets[3].limit, 0.5);
  EXPECT_EQ(buckets[3].count, 100.0);
}

TEST(Histogram, InPartsIsTheSameAsAtOnce) {
  std::vector<float> numbers;
  Random random(3, stream_id(Stream::data, 1));
  for (int i = 0; i < 500; ++i) numbers.push_back(static_cast<float>(random.normal()));
  Histogram parts;
  for (std::size_t i = 0, n = 1; i < numbers.size(); i += n, n = n % 19 + 1)
    parts.add(std::span(numbers).subspan(i, std::min(n, numbers.size() - i)));
  EXPECT_EQ(filled(parts), filled(of(numbers)));
  EXPECT_EQ(parts.count(), 500u);
  EXPECT_NEAR(parts.sum(), of(numbers).sum(), 1e-9);
}

TEST(Histogram, OfNothingIsEmpty) {
  EXPECT_EQ(of(std::vector<float>{std::nanf("")}).count(), 0u);
  EXPECT_TRUE(filled(Histogram()).empty());
}

}  // namespace
}  // namespace halfwave
