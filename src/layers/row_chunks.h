#pragma once
#include <algorithm>
#include <cstddef>

#include "core/team.h"

namespace halfwave {

/// The rows of a convolution's result in chunks of whole multiples of `grain`: few enough rows for their sums
/// to stay in the L2 cache, and enough chunks to keep all threads busy to the end.
class RowChunks {
 public:
  RowChunks(std::size_t rows, int threads, std::size_t grain) : rows_(rows) {
    constexpr std::size_t kMost = 512;
    const std::size_t wanted =
        threads > 1 ? std::min(kMost, rows / (8 * static_cast<std::size_t>(threads))) : kMost;
    chunk_ = std::max<std::size_t>(wanted / grain, 1) * grain;
  }
  RowChunks(std::size_t rows, std::size_t chunk) : rows_(rows), chunk_(chunk) {}
  int count() const { return static_cast<int>((rows_ + chunk_ - 1) / chunk_); }
  Range rows(int i) const {
    const std::size_t begin = static_cast<std::size_t>(i) * chunk_;
    return {begin, std::min(rows_, begin + chunk_)};
  }

 private:
  std::size_t rows_, chunk_;
};

}  // namespace halfwave
