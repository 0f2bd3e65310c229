#pragma once
#include <cstddef>

#include "core/aligned.h"

namespace halfwave {

/// How a dense layer's weights [in, out] are stored: in panels of 64 output columns, one after the other. A
/// panel holds `in` rows of `width` floats; the last panel is only as wide as it must be, rounded up to 16,
/// and its padding is zero. Every product of the layer then reads memory in order and needs no copy of the
/// weights (docs/decisions.md).
struct Panels {
  static constexpr std::size_t kWidth = 64;

  std::size_t rows = 0;     ///< in
  std::size_t columns = 0;  ///< out

  std::size_t count() const { return (columns + kWidth - 1) / kWidth; }
  /// Columns of panel p that carry numbers.
  std::size_t used(std::size_t p) const {
    return columns - p * kWidth < kWidth ? columns - p * kWidth : kWidth;
  }
  /// Floats from one row of panel p to the next.
  std::size_t width(std::size_t p) const { return round_up(used(p), kLineFloats); }
  /// Floats before panel p.
  std::size_t offset(std::size_t p) const { return p * kWidth * rows; }
  /// Floats of all panels.
  std::size_t size() const { return rows * round_up(columns, kLineFloats); }
};

/// Row-major [rows, columns] with `stride` floats a row, into panels first … last-1; the padding becomes
/// zero.
void pack_panels(const float* matrix, std::size_t stride, Panels shape, std::size_t first, std::size_t last,
                 float* panels);

/// The whole of `panels`, back into row-major [rows, columns] without padding.
void unpack_panels(const float* panels, Panels shape, float* matrix);

}  // namespace halfwave
