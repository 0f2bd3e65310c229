#pragma once
#include <array>
#include <cstdint>
#include <span>

namespace halfwave {

/// Counter-based random numbers (Philox4x32-10; Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
/// 2011). The number at (seed, stream, index) is a pure function of the three: a resumed run, or another
/// number of threads, draws the same numbers without any state being kept.
class Random {
 public:
  Random(std::uint64_t seed, std::uint64_t stream) : seed_(seed), stream_(stream) {}

  /// Four independent 32-bit numbers at position `index` of the stream.
  std::array<std::uint32_t, 4> block(std::uint64_t index) const;

  /// Sequential use: the next number of the stream.
  std::uint32_t next();
  /// Uniform in [0, 1), 24 bits.
  float uniform();
  /// Uniform in [0, 1), 53 bits.
  double uniform_double();
  /// Standard normal (Box-Muller in double).
  double normal();
  /// Uniform in 0 … n - 1, without bias. n > 0.
  std::uint64_t below(std::uint64_t n);

  /// 0 … n-1 in random order (Fisher-Yates).
  void permutation(std::span<std::uint32_t> out);

 private:
  std::uint64_t seed_, stream_;
  std::uint64_t index_ = 0;
  std::array<std::uint32_t, 4> buffer_{};
  unsigned used_ = 4;
};

/// The streams of one seed, so that no two uses ever share numbers; combine with an index below 2^48.
enum class Stream : std::uint64_t {
  initialise = 1,
  shuffle,
  split,
  dropout,
  data,
  augment,
  subset,
};
constexpr std::uint64_t stream_id(Stream use, std::uint64_t index = 0) {
  return (static_cast<std::uint64_t>(use) << 48) | index;
}

}  // namespace halfwave
