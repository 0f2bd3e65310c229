#include "core/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

namespace halfwave {
namespace {

constexpr std::size_t kWays = 2;  // counts side by side: the same bucket twice in a row need not wait

/// The limits of the buckets above zero, and a table that leads to a number's bucket by its upper bits.
struct Limits {
  static constexpr int kShift = 19;  // leaves the exponent and 4 bits: steps of at most a sixteenth
  static constexpr float kEnd = std::numeric_limits<float>::infinity();

  std::vector<double> values;
  std::vector<float> floats;         ///< the smallest float that is not below each value; kEnd at the end
  std::vector<std::uint16_t> first;  ///< by upper bits: limits that no such number is below

  Limits() {
    for (double value = 1e-12; value < 1e20; value *= 1.1) {
      values.push_back(value);
      const auto near = static_cast<float>(value);
      floats.push_back(static_cast<double>(near) < value ? std::nextafter(near, kEnd) : near);
    }
    floats.push_back(kEnd);
    for (std::uint32_t bits = 0; bits <= std::bit_cast<std::uint32_t>(kEnd) >> kShift; ++bits) {
      const auto lowest = std::bit_cast<float>(bits << kShift);
      const auto end = std::upper_bound(floats.begin(), floats.end() - 1, lowest);
      first.push_back(static_cast<std::uint16_t>(end - floats.begin()));
    }
  }

  /// How many limits the (finite) size of a number is not below. Its step has one limit at most, for buckets
  /// grow by more than a step.
  std::size_t bucket(float x) const {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(x) & 0x7fffffffu;
    const std::size_t i = first[bits >> kShift];
    return i + (std::bit_cast<float>(bits) >= floats[i] ? 1 : 0);
  }
  /// Buckets on one side of zero.
  std::size_t buckets() const { return floats.size(); }
};

const Limits& limits() {
  static const Limits made;
  return made;
}

/// The bits say so: arithmetic would have the compiler keep their order.
bool is_finite(float x) {
  return (std::bit_cast<std::uint32_t>(x) & 0x7fffffffu) < std::bit_cast<std::uint32_t>(Limits::kEnd);
}

bool all_finite(std::span<const float> numbers) {
  std::uint32_t largest = 0;
  for (const float x : numbers) largest = std::max(largest, std::bit_cast<std::uint32_t>(x) & 0x7fffffffu);
  return largest < std::bit_cast<std::uint32_t>(Limits::kEnd);
}

template <class Values>
double total(const Values& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

}  // namespace

Histogram::Histogram() : counts_(kWays * 2 * limits().buckets()) {
  lowest_.fill(std::numeric_limits<float>::infinity());
  highest_.fill(-std::numeric_limits<float>::infinity());
}

void Histogram::add(std::span<const float> numbers) {
  constexpr std::size_t kBlock = 512;  // stays in the cache from pass to pass
  for (std::size_t begin = 0; begin < numbers.size(); begin += kBlock) {
    std::span<const float> block = numbers.subspan(begin, std::min(kBlock, numbers.size() - begin));
    std::array<float, kBlock> kept;
    if (!all_finite(block)) block = {kept.begin(), std::ranges::copy_if(block, kept.begin(), is_finite).out};
    count_finite(block);
    sum_finite(block);
  }
}

void Histogram::count_finite(std::span<const float> numbers) {
  const Limits& table = limits();
  const std::size_t side = table.buckets();
  std::uint64_t* const counts = counts_.data();
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const std::size_t negative = numbers[i] < 0.0f ? 1 : 0;
    ++counts[(i % kWays * 2 + negative) * side + table.bucket(numbers[i])];
  }
  count_ += numbers.size();
}

void Histogram::sum_finite(std::span<const float> numbers) {
  Lanes<double> sums = sums_, squares = squares_;  // of its own: in registers
  Lanes<float> lowest = lowest_, highest = highest_;
  const auto add_to = [&](std::size_t lane, float x) {
    const auto value = static_cast<double>(x);
    sums[lane] += value;
    squares[lane] += value * value;
    lowest[lane] = x < lowest[lane] ? x : lowest[lane];
    highest[lane] = x > highest[lane] ? x : highest[lane];
  };
  const std::size_t whole = numbers.size() - numbers.size() % kLanes;
  for (std::size_t i = 0; i < whole; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) add_to(lane, numbers[i + lane]);
  for (std::size_t i = whole; i < numbers.size(); ++i) add_to(i - whole, numbers[i]);
  sums_ = sums;
  squares_ = squares;
  lowest_ = lowest;
  highest_ = highest;
}

double Histogram::sum() const { return total(sums_); }
double Histogram::sum_of_squares() const { return total(squares_); }
double Histogram::min() const { return static_cast<double>(std::ranges::min(lowest_)); }
double Histogram::max() const { return static_cast<double>(std::ranges::max(highest_)); }

std::vector<Histogram::Bucket> Histogram::buckets() const {
  const std::vector<double>& values = limits().values;
  const std::size_t side = limits().buckets();
  std::vector<Bucket> buckets;
  const auto append = [&](double limit, std::size_t negative, std::size_t bucket) {
    std::uint64_t count = 0;
    for (std::size_t way = 0; way < kWays; ++way) count += counts_[(way * 2 + negative) * side + bucket];
    if (count == 0 && !buckets.empty() && buckets.back().count == 0.0)
      buckets.back().limit = limit;
    else
      buckets.push_back({limit, static_cast<double>(count)});
  };
  for (std::size_t i = side; i-- > 0;) append(i == 0 ? 0.0 : -values[i - 1], 1, i);
  for (std::size_t i = 0; i < side; ++i)
    append(i == values.size() ? std::numeric_limits<double>::max() : values[i], 0, i);
  if (buckets.back().count == 0.0) buckets.pop_back();
  return buckets;
}

}  // namespace halfwave
