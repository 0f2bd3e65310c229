#pragma once
#include <cstddef>
#include <cstdint>

#include "core/team.h"

namespace halfwave {

/// Windows that move over a grid of positions, with `padding` empty positions around it; the windows make a
/// grid of their own. Every window covers some position of the grid: padding < kernel.
struct PoolWindows {
  struct Axis {
    std::size_t size, kernel, stride, padding;
    std::size_t windows;

    Axis(std::size_t positions, std::size_t length, std::size_t step, std::size_t empty)
        : size(positions),
          kernel(length),
          stride(step),
          padding(empty),
          windows((positions + 2 * empty - length) / step + 1) {}

    /// Positions of the grid in a window.
    Range positions_of(std::size_t window) const {
      const std::size_t begin = window * stride, end = begin + kernel;  // in the padded grid
      return {begin > padding ? begin - padding : 0, end - padding < size ? end - padding : size};
    }
    /// Windows that a position is in.
    Range windows_of(std::size_t position) const {
      const std::size_t at = position + padding, last = at / stride + 1;
      return {at < kernel ? 0 : (at - kernel) / stride + 1, last < windows ? last : windows};
    }
    /// Place of a position within a window that it is in.
    std::size_t tap(std::size_t position, std::size_t window) const {
      return position + padding - window * stride;
    }
  };
  Axis y, x;

  std::size_t positions() const { return y.size * x.size; }
  std::size_t windows() const { return y.windows * x.windows; }
  std::size_t taps() const { return y.kernel * x.kernel; }
};

// Matrices x [batch · positions, channels] and y [batch · windows, channels], channels last, both with
// `stride` floats a row, a multiple of 16; the padding of the rows is computed along. `rows` are rows of the
// result, each of which is made by itself: any cut into ranges gives the same bits.

/// Bytes that hold the place of a window's winner.
constexpr std::size_t winner_bytes(std::size_t taps) { return taps <= 1 << 8 ? 1 : taps <= 1 << 16 ? 2 : 4; }

/// The largest number of each window, by channel. `winners`, where given, is [batch · windows, stride]
/// numbers of winner_bytes(taps): the tap that won. As in PyTorch the first of several equal numbers wins,
/// and the last NaN wins over any number.
void max_pool(const float* x, std::size_t stride, const PoolWindows& windows, Range rows, float* y,
              void* winners);
/// dx = for each number the sum of dy over the windows that it won.
void max_pool_backward(const void* winners, const float* dy, std::size_t stride, const PoolWindows& windows,
                       Range rows, float* dx);

/// The mean of each window, by channel; what is outside of the grid is not counted.
void average_pool(const float* x, std::size_t stride, const PoolWindows& windows, Range rows, float* y);
/// dx = for each number the sum, over its windows, of dy / numbers in the window.
void average_pool_backward(const float* dy, std::size_t stride, const PoolWindows& windows, Range rows,
                           float* dx);

}  // namespace halfwave
