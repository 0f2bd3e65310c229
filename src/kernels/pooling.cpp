#include "kernels/pooling.h"

#include <type_traits>

#include "kernels/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pooling.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace halfwave {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using DI = hn::RebindToSigned<D>;
using V = hn::Vec<D>;
using VI = hn::Vec<DI>;

/// Winners as the kernels see them, 32 bits wide, from and to memory.
template <class Winner>
HWY_INLINE VI load_winners(const Winner* from) {
  if constexpr (sizeof(Winner) == 4)
    return hn::LoadU(DI(), from);
  else
    return hn::PromoteTo(DI(), hn::LoadU(hn::Rebind<Winner, DI>(), from));
}
template <class Winner>
HWY_INLINE void store_winners(VI winners, Winner* to) {
  if constexpr (sizeof(Winner) == 4)
    hn::StoreU(winners, DI(), to);
  else
    hn::StoreU(hn::DemoteTo(hn::Rebind<Winner, DI>(), winners), hn::Rebind<Winner, DI>(), to);
}

/// Calls line(example, y, range of x, first row) for the lines, or parts of them, that `rows` of a matrix
/// [examples · height · width] are.
template <class Line>
HWY_INLINE void for_lines(std::size_t height, std::size_t width, Range rows, Line&& line) {
  for (std::size_t row = rows.begin, end; row < rows.end; row = end) {
    const std::size_t number = row / width, begin = number * width;
    end = begin + width < rows.end ? begin + width : rows.end;
    line(number / height, number % height, Range{row - begin, end - begin}, row);
  }
}

/// A row of y.
struct Window {
  std::size_t first;  ///< row of x where its example begins
  std::size_t y, x;   ///< its place
  Range ys, xs;       ///< what it covers
  std::size_t row;    ///< of y
};

/// Calls make(window) for each row of y.
template <class Make>
HWY_INLINE void for_windows(const PoolWindows& windows, Range rows, Make&& make) {
  for_lines(windows.y.windows, windows.x.windows, rows,
            [&](std::size_t example, std::size_t y, Range line, std::size_t row) HWY_ATTR {
              const Range ys = windows.y.positions_of(y);
              for (std::size_t x = line.begin; x < line.end; ++x, ++row)
                make(Window{example * windows.positions(), y, x, ys, windows.x.positions_of(x), row});
            });
}

/// A row of dx.
struct Position {
  std::size_t first;  ///< row of y where its example begins
  std::size_t y, x;   ///< its place
  Range ys, xs;       ///< the windows that it is in
  std::size_t row;    ///< of x
};

/// Calls make(position) for each row of dx.
template <class Make>
HWY_INLINE void for_positions(const PoolWindows& windows, Range rows, Make&& make) {
  for_lines(windows.y.size, windows.x.size, rows,
            [&](std::size_t example, std::size_t y, Range line, std::size_t row) HWY_ATTR {
              const Range ys = windows.y.windows_of(y);
              for (std::size_t x = line.begin; x < line.end; ++x, ++row)
                make(Position{example * windows.windows(), y, x, ys, windows.x.windows_of(x), row});
            });
}

/// Winner: what the winning taps are stored as, or void: nobody wants them.
template <class Winner>
void MaxPoolOf(const float* x, std::size_t stride, const PoolWindows& windows, Range rows, float* y,
               Winner* winners) {
  constexpr bool kWinners = !std::is_void_v<Winner>;
  const D d;
  const DI di;
  const std::size_t width = windows.x.size;
  for_windows(windows, rows, [&](const Window& window) HWY_ATTR {
    const auto tap_at = [&](std::size_t py) HWY_ATTR {  // of the line's first position
      const std::size_t tap =
          windows.y.tap(py, window.y) * windows.x.kernel + windows.x.tap(window.xs.begin, window.x);
      return hn::Set(di, static_cast<std::int32_t>(tap));
    };
    for (std::size_t j = 0; j < stride; j += hn::Lanes(d)) {
      const float* line = x + (window.first + window.ys.begin * width + window.xs.begin) * stride + j;
      V best = hn::LoadU(d, line);
      VI winner = tap_at(window.ys.begin);
      for (std::size_t py = window.ys.begin; py < window.ys.end; ++py, line += width * stride) {
        VI tap = tap_at(py);
        const float* from = line;
        for (std::size_t px = window.xs.begin; px < window.xs.end; ++px, from += stride) {
          const V value = hn::LoadU(d, from);
          const auto wins = hn::Or(hn::Gt(value, best), hn::IsNaN(value));
          best = hn::IfThenElse(wins, value, best);
          if constexpr (kWinners) {
            winner = hn::IfThenElse(hn::RebindMask(di, wins), tap, winner);
            tap = hn::Add(tap, hn::Set(di, 1));
          }
        }
      }
      hn::StoreU(best, d, y + window.row * stride + j);
      if constexpr (kWinners) store_winners(winner, winners + window.row * stride + j);
    }
  });
}

void MaxPool(const float* x, std::size_t stride, const PoolWindows& windows, Range rows, float* y,
             void* winners) {
  if (!winners) return MaxPoolOf<void>(x, stride, windows, rows, y, nullptr);
  switch (winner_bytes(windows.taps())) {
    case 1:
      return MaxPoolOf(x, stride, windows, rows, y, static_cast<std::uint8_t*>(winners));
    case 2:
      return MaxPoolOf(x, stride, windows, rows, y, static_cast<std::uint16_t*>(winners));
    default:
      return MaxPoolOf(x, stride, windows, rows, y, static_cast<std::int32_t*>(winners));
  }
}

template <class Winner>
void MaxPoolBackwardOf(const Winner* winners, const float* dy, std::size_t stride, const PoolWindows& windows,
                       Range rows, float* dx) {
  const D d;
  const DI di;
  for_positions(windows, rows, [&](const Position& at) HWY_ATTR {
    for (std::size_t j = 0; j < stride; j += hn::Lanes(d)) {
      V sum = hn::Zero(d);
      for (std::size_t wy = at.ys.begin; wy < at.ys.end; ++wy)
        for (std::size_t wx = at.xs.begin; wx < at.xs.end; ++wx) {
          const std::size_t from = (at.first + wy * windows.x.windows + wx) * stride + j,
                            tap = windows.y.tap(at.y, wy) * windows.x.kernel + windows.x.tap(at.x, wx);
          const auto won = hn::Eq(load_winners(winners + from), hn::Set(di, static_cast<std::int32_t>(tap)));
          sum = hn::Add(sum, hn::IfThenElseZero(hn::RebindMask(d, won), hn::LoadU(d, dy + from)));
        }
      hn::StoreU(sum, d, dx + at.row * stride + j);
    }
  });
}

void MaxPoolBackward(const void* winners, const float* dy, std::size_t stride, const PoolWindows& windows,
                     Range rows, float* dx) {
  switch (winner_bytes(windows.taps())) {
    case 1:
      return MaxPoolBackwardOf(static_cast<const std::uint8_t*>(winners), dy, stride, windows, rows, dx);
    case 2:
      return MaxPoolBackwardOf(static_cast<const std::uint16_t*>(winners), dy, stride, windows, rows, dx);
    default:
      return MaxPoolBackwardOf(static_cast<const std::int32_t*>(winners), dy, stride, windows, rows, dx);
  }
}

/// Line by line of the window, and those sums together: many numbers keep their precision.
void AveragePool(const float* x, std::size_t stride, const PoolWindows& windows, Range rows, float* y) {
  const D d;
  const std::size_t width = windows.x.size;
  for_windows(windows, rows, [&](const Window& window) HWY_ATTR {
    const V share = hn::Set(d, 1.0f / static_cast<float>(window.ys.size() * window.xs.size()));
    for (std::size_t j = 0; j < stride; j += hn::Lanes(d)) {
      V sum = hn::Zero(d);
      for (std::size_t py = window.ys.begin; py < window.ys.end; ++py) {
        const float* from = x + (window.first + py * width + window.xs.begin) * stride + j;
        V line = hn::Zero(d);
        for (std::size_t px = window.xs.begin; px < window.xs.end; ++px, from += stride)
          line = hn::Add(line, hn::LoadU(d, from));
        sum = hn::Add(sum, line);
      }
      hn::StoreU(hn::Mul(sum, share), d, y + window.row * stride + j);
    }
  });
}

void AveragePoolBackward(const float* dy, std::size_t stride, const PoolWindows& windows, Range rows,
                         float* dx) {
  const D d;
  for_positions(windows, rows, [&](const Position& at) HWY_ATTR {
    for (std::size_t j = 0; j < stride; j += hn::Lanes(d)) {
      V sum = hn::Zero(d);
      for (std::size_t wy = at.ys.begin; wy < at.ys.end; ++wy)
        for (std::size_t wx = at.xs.begin; wx < at.xs.end; ++wx) {
          const std::size_t from = (at.first + wy * windows.x.windows + wx) * stride + j,
                            count = windows.y.positions_of(wy).size() * windows.x.positions_of(wx).size();
          const V share = hn::Set(d, 1.0f / static_cast<float>(count));
          sum = hn::MulAdd(hn::LoadU(d, dy + from), share, sum);
        }
      hn::StoreU(sum, d, dx + at.row * stride + j);
    }
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace halfwave
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace halfwave {

HWY_EXPORT(MaxPool);
HWY_EXPORT(MaxPoolBackward);
HWY_EXPORT(AveragePool);
HWY_EXPORT(AveragePoolBackward);

void max_pool(const float* x, std::size_t stride, const PoolWindows& windows, Range rows, float* y,
              void* winners) {
  HWY_DYNAMIC_DISPATCH(MaxPool)(x, stride, windows, rows, y, winners);
}
void max_pool_backward(const void* winners, const float* dy, std::size_t stride, const PoolWindows& windows,
                       Range rows, float* dx) {
  HWY_DYNAMIC_DISPATCH(MaxPoolBackward)(winners, dy, stride, windows, rows, dx);
}
void average_pool(const float* x, std::size_t stride, const PoolWindows& windows, Range rows, float* y) {
  HWY_DYNAMIC_DISPATCH(AveragePool)(x, stride, windows, rows, y);
}
void average_pool_backward(const float* dy, std::size_t stride, const PoolWindows& windows, Range rows,
                           float* dx) {
  HWY_DYNAMIC_DISPATCH(AveragePoolBackward)(dy, stride, windows, rows, dx);
}

}  // namespace halfwave
#endif
