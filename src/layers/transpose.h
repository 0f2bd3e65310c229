#pragma once
#include <algorithm>
#include <cstddef>

namespace halfwave {

/// to[column · to_stride + row] = from[row · from_stride + column]; in squares as wide as a line of the
/// cache, so that no line is fetched twice.
inline void transpose(const float* from, std::size_t from_stride, std::size_t rows, std::size_t columns,
                      float* to, std::size_t to_stride) {
  constexpr std::size_t kSquare = 16;
  for (std::size_t r = 0; r < rows; r += kSquare)
    for (std::size_t c = 0; c < columns; c += kSquare) {
      const std::size_t last_row = std::min(rows, r + kSquare), last_column = std::min(columns, c + kSquare);
      for (std::size_t column = c; column < last_column; ++column)
        for (std::size_t row = r; row < last_row; ++row)
          to[column * to_stride + row] = from[row * from_stride + column];
    }
}

}  // namespace halfwave
