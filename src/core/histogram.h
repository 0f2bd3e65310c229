#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace halfwave {

/// Numbers counted in buckets that grow by a tenth from ±1e-12 on. The buckets are those of TensorFlow's
/// histogram summaries (tensorflow/core/lib/histogram), each with its lower end and without its upper one, so
/// that zero is in [0, 1e-12).
class Histogram {
 public:
  /// `limit` is the upper end; the lower one is the limit before, or min().
  struct Bucket {
    double limit, count;
  };

  Histogram();
  /// Counts numbers, about one nanosecond each; NaN and infinities are left out.
  void add(std::span<const float> numbers);

  std::uint64_t count() const { return count_; }
  double sum() const;
  double sum_of_squares() const;
  /// Of at least one number.
  double min() const;
  double max() const;
  /// In ascending order, from an empty one below the lowest number (which gives its bucket a lower end) to
  /// that of the highest; empty ones between them are put together. Their counts make count().
  std::vector<Bucket> buckets() const;

 private:
  static constexpr std::size_t kLanes = 4;  // sums side by side, for the compiler to make vectors of
  template <class Value>
  using Lanes = std::array<Value, kLanes>;

  void count_finite(std::span<const float> numbers);
  void sum_finite(std::span<const float> numbers);

  std::vector<std::uint64_t> counts_;  ///< [way, negative, bucket by size]
  std::uint64_t count_ = 0;
  Lanes<double> sums_{}, squares_{};
  Lanes<float> lowest_, highest_;
};

}  // namespace halfwave
