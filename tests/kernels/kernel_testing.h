#pragma once
// What the tests of kernels on matrices share: random numbers, buffers that notice writes outside, exact
// comparison.
#include "kernels/activation_testing.h"
// Highway's targets are chosen in the line above.
#include <bit>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/aligned.h"

namespace halfwave {

inline constexpr float kSentinel = -12345.678f;
inline constexpr double kFloatEpsilon = 0x1p-24;

/// Numbers of a test, each use with another seed.
class Draw {
 public:
  explicit Draw(std::uint64_t seed) : random_(seed, stream_id(Stream::data, 77)) {}
  float normal() { return static_cast<float>(random_.normal()); }
  double uniform(double low, double high) { return low + (high - low) * random_.uniform_double(); }
  /// low … high, both included.
  std::size_t size(std::size_t low, std::size_t high) {
    return low + static_cast<std::size_t>(random_.below(high - low + 1));
  }
  std::vector<float> normals(std::size_t n) {
    std::vector<float> numbers(n);
    for (float& x : numbers) x = normal();
    return numbers;
  }
  /// 0 = c0 < c1 < … = n with cuts on multiples of `grain`.
  std::vector<std::size_t> cuts(std::size_t n, std::size_t grain = 1) {
    std::vector<std::size_t> at{0};
    while (at.back() < n)
      at.push_back(std::min(n, at.back() + grain * size(1, std::max<std::size_t>(1, n / grain))));
    return at;
  }

 private:
  Random random_;
};

/// n floats, not aligned to a vector, between lines that must keep their sentinel.
class Guarded {
 public:
  explicit Guarded(std::size_t n, float fill = kSentinel) : n_(n), numbers_(n + 2 * kGuard, kSentinel) {
    std::fill_n(data(), n, fill);
  }
  explicit Guarded(const std::vector<float>& from) : Guarded(from.size()) {
    std::copy(from.begin(), from.end(), data());
  }
  float* data() { return numbers_.data() + kGuard; }
  const float* data() const { return numbers_.data() + kGuard; }
  float& operator[](std::size_t i) { return data()[i]; }
  float operator[](std::size_t i) const { return data()[i]; }
  bool intact() const {
    for (std::size_t i = 0; i < kGuard; ++i)
      if (numbers_[i] != kSentinel || numbers_[kGuard + n_ + i] != kSentinel) return false;
    return true;
  }
  std::vector<float> values() const { return {data(), data() + n_}; }

 private:
  static constexpr std::size_t kGuard = 37;
  std::size_t n_;
  std::vector<float> numbers_;
};

/// The same bits, so that NaN equals NaN and -0 is not 0.
inline bool same_bits(const float* a, const float* b, std::size_t n) {
  return std::memcmp(a, b, n * sizeof(float)) == 0;
}
inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && same_bits(a.data(), b.data(), a.size());
}

}  // namespace halfwave
