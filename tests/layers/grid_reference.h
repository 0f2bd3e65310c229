#pragma once
// What layers that work on grids or join branches compute, written a second time in double: number by number,
// from the definition.
#include <limits>
#include <string_view>

#include "layers/matrix_reference.h"

namespace halfwave {

/// One direction of a grid with windows on it.
struct WindowAxis {
  std::size_t size, kernel, stride, dilation;
  std::ptrdiff_t before;  ///< empty positions before the grid's first
  std::size_t windows;

  /// The position under tap `tap` of a window, or -1 outside of the grid.
  std::ptrdiff_t at(std::size_t window, std::size_t tap) const {
    const std::ptrdiff_t position = static_cast<std::ptrdiff_t>(window * stride + tap * dilation) - before;
    return position < static_cast<std::ptrdiff_t>(size) ? std::max<std::ptrdiff_t>(position, -1) : -1;
  }
};

/// A field of a layer by its name; fallback where the kind has none.
inline double field_named(const Layer& layer, std::string_view name, double fallback) {
  for (std::size_t i = 0; i < layer.fields().size(); ++i)
    if (layer.info().fields[i].name == name) return layer.field(i);
  return fallback;
}

/// The number of a pair for the grid's height or width: the second, where it is given, is the width's.
inline double pair_named(const Layer& layer, std::string_view name, bool along_width, double fallback) {
  const std::string second = std::string(name) + "_width";
  for (std::size_t i = 0; i < layer.fields().size() && along_width; ++i)
    if (layer.info().fields[i].name == second && layer.field(i) != layer.info().fields[i].value)
      return layer.field(i);
  return field_named(layer, name, fallback);
}

inline WindowAxis window_axis(const Layer& layer, bool along_width) {
  const std::size_t size = along_width ? layer.input().width : layer.input().height;
  if (layer.input().rank == 1 && !along_width) return {1, 1, 1, 1, 0, 1};
  if (layer.fields().empty()) return {size, size, 1, 1, 0, 1};  // a global pool
  const auto number = [&](std::string_view name, double fallback) {
    return static_cast<std::ptrdiff_t>(pair_named(layer, name, along_width, fallback));
  };
  const std::ptrdiff_t n = static_cast<std::ptrdiff_t>(size), kernel = number("kernel", 1),
                       dilation = number("dilation", 1), padding = number("padding", 0);
  const std::ptrdiff_t stride = number("stride", 0) > 0 ? number("stride", 0) : kernel;
  const std::ptrdiff_t span = (kernel - 1) * dilation + 1;
  std::ptrdiff_t before = padding, windows = (n + 2 * padding - span) / stride + 1;
  if (padding < 0) {  // "same"
    windows = (n + stride - 1) / stride;
    before = std::max<std::ptrdiff_t>(0, (windows - 1) * stride + span - n) / 2;
  }
  return {size,
          static_cast<std::size_t>(kernel),
          static_cast<std::size_t>(stride),
          static_cast<std::size_t>(dilation),
          before,
          static_cast<std::size_t>(windows)};
}

/// Rows of an example before and after; calls place(row of y, window) with the rows of x under each tap.
struct Window {
  std::size_t row;                   ///< of y
  std::vector<std::ptrdiff_t> taps;  ///< the row of x under each tap, or -1
};
inline std::vector<Window> windows_of(const Layer& layer, std::size_t batch) {
  const WindowAxis y = window_axis(layer, false), x = window_axis(layer, true);
  std::vector<Window> windows;
  for (std::size_t example = 0; example < batch; ++example)
    for (std::size_t wy = 0; wy < y.windows; ++wy)
      for (std::size_t wx = 0; wx < x.windows; ++wx) {
        Window& window = windows.emplace_back(Window{windows.size(), {}});
        for (std::size_t ky = 0; ky < y.kernel; ++ky)
          for (std::size_t kx = 0; kx < x.kernel; ++kx) {
            const std::ptrdiff_t py = y.at(wy, ky), px = x.at(wx, kx);
            const auto first = static_cast<std::ptrdiff_t>(example * layer.input().positions());
            window.taps.push_back(
                py < 0 || px < 0 ? -1 : first + py * static_cast<std::ptrdiff_t>(layer.input().width) + px);
          }
      }
  return windows;
}

/// tensors: weight [out, in / groups, taps], bias [out] unless it is left out.
inline Matrix conv_reference(const ReferenceInput& in) {
  const std::size_t out = in.layer.outputs(),
                    groups = static_cast<std::size_t>(field_named(in.layer, "groups", 1));
  const std::size_t inputs = in.x.columns / groups, outputs = out / groups;
  const std::vector<Window> windows = windows_of(in.layer, in.context.batch);
  Matrix y(windows.size(), out);
  for (const Window& window : windows)
    for (std::size_t o = 0; o < out; ++o) {
      double& sum = y(window.row, o) = in.tensors.size() > 1 ? in.tensors[1][o] : 0.0;
      for (std::size_t i = 0; i < inputs; ++i)
        for (std::size_t t = 0; t < window.taps.size(); ++t)
          if (window.taps[t] >= 0)
            sum += in.x(static_cast<std::size_t>(window.taps[t]), o / outputs * inputs + i) *
                   in.tensors[0][(o * inputs + i) * window.taps.size() + t];
    }
  return y;
}

inline Matrix max_pool_reference(const ReferenceInput& in) {
  const std::vector<Window> windows = windows_of(in.layer, in.context.batch);
  Matrix y(windows.size(), in.x.columns);
  std::fill(y.numbers.begin(), y.numbers.end(), -std::numeric_limits<double>::infinity());
  for (const Window& window : windows)
    for (const std::ptrdiff_t row : window.taps)
      for (std::size_t j = 0; j < y.columns && row >= 0; ++j)
        y(window.row, j) = std::max(y(window.row, j), in.x(static_cast<std::size_t>(row), j));
  return y;
}

inline Matrix average_pool_reference(const ReferenceInput& in) {
  const std::vector<Window> windows = windows_of(in.layer, in.context.batch);
  Matrix y(windows.size(), in.x.columns);
  for (const Window& window : windows) {
    const auto inside =
        static_cast<double>(std::ranges::count_if(window.taps, [](auto row) { return row >= 0; }));
    for (const std::ptrdiff_t row : window.taps)
      for (std::size_t j = 0; j < y.columns && row >= 0; ++j)
        y(window.row, j) += in.x(static_cast<std::size_t>(row), j) / inside;
  }
  return y;
}

inline Matrix residual_reference(const ReferenceInput& in) {
  Matrix y = *in.joined[0];
  for (std::size_t b = 1; b < in.joined.size(); ++b)
    for (std::size_t k = 0; k < y.numbers.size(); ++k) y.numbers[k] += in.joined[b]->numbers[k];
  return y;
}

inline Matrix concat_reference(const ReferenceInput& in) {
  Matrix y(in.joined[0]->rows, in.layer.outputs());
  for (std::size_t i = 0; i < y.rows; ++i) {
    std::size_t j = 0;
    for (const Matrix* branch : in.joined)
      for (std::size_t k = 0; k < branch->columns; ++k) y(i, j++) = (*branch)(i, k);
  }
  return y;
}

/// The product of the branches; one of a single position belongs to all of its example.
inline Matrix multiply_reference(const ReferenceInput& in) {
  const std::size_t positions = in.layer.output().positions();
  Matrix y(in.context.batch * positions, in.x.columns);
  for (std::size_t i = 0; i < y.rows; ++i)
    for (std::size_t j = 0; j < y.columns; ++j) {
      y(i, j) = 1;
      for (const Matrix* branch : in.joined)
        y(i, j) *= (*branch)(branch->rows < y.rows ? i / positions : i, j);
    }
  return y;
}

/// Position by position the numbers stay in order; channel by channel they do not.
inline Matrix flatten_reference(const ReferenceInput& in) {
  const std::size_t positions = in.layer.input().positions(), channels = in.x.columns;
  Matrix y(in.context.batch, positions * channels);
  for (std::size_t i = 0; i < in.x.rows; ++i)
    for (std::size_t c = 0; c < channels; ++c)
      y(i / positions,
        in.layer.field(0) != 0 ? c * positions + i % positions : i % positions * channels + c) = in.x(i, c);
  return y;
}

inline Matrix unflatten_reference(const ReferenceInput& in) {
  const std::size_t positions = in.layer.output().positions(), channels = in.layer.outputs();
  Matrix y(in.context.batch * positions, channels);
  for (std::size_t i = 0; i < y.rows; ++i)
    for (std::size_t c = 0; c < channels; ++c)
      y(i, c) =
          in.x(i / positions, field_named(in.layer, "channels_first", 0) != 0 ? c * positions + i % positions
                                                                              : i % positions * channels + c);
  return y;
}

/// Calls visit(row of y, example, y, x) for every position of the output.
template <class Visit>
void for_outputs(const ReferenceInput& in, Visit&& visit) {
  const Shape& shape = in.layer.output();
  for (std::size_t row = 0; row < in.context.batch * shape.positions(); ++row)
    visit(row, row / shape.positions(), static_cast<std::ptrdiff_t>(row % shape.positions() / shape.width),
          static_cast<std::ptrdiff_t>(row % shape.width));
}

inline Matrix pad_reference(const ReferenceInput& in) {
  const Shape& from = in.layer.input();
  const auto side = [&](std::string_view name) {
    return static_cast<std::ptrdiff_t>(field_named(in.layer, name, 0));
  };
  Matrix y(in.context.batch * in.layer.output().positions(), in.x.columns);
  for_outputs(in, [&](std::size_t row, std::size_t example, std::ptrdiff_t v, std::ptrdiff_t h) {
    v -= side("top");
    h -= side("left");
    const bool inside = v >= 0 && h >= 0 && v < static_cast<std::ptrdiff_t>(from.height) &&
                        h < static_cast<std::ptrdiff_t>(from.width);
    const std::size_t at = example * from.positions() +
                           static_cast<std::size_t>(v * static_cast<std::ptrdiff_t>(from.width) + h);
    for (std::size_t c = 0; c < y.columns; ++c)
      y(row, c) =
          inside ? in.x(at, c) : static_cast<double>(static_cast<float>(field_named(in.layer, "value", 0)));
  });
  return y;
}

inline Matrix upsample_reference(const ReferenceInput& in) {
  const Shape& from = in.layer.input();
  const auto down =
                 static_cast<std::ptrdiff_t>(from.rank == 1 ? 1 : pair_named(in.layer, "factor", false, 1)),
             right = static_cast<std::ptrdiff_t>(pair_named(in.layer, "factor", true, 1));
  Matrix y(in.context.batch * in.layer.output().positions(), in.x.columns);
  for_outputs(in, [&](std::size_t row, std::size_t example, std::ptrdiff_t v, std::ptrdiff_t h) {
    const auto at = static_cast<std::size_t>(v / down * static_cast<std::ptrdiff_t>(from.width) + h / right);
    for (std::size_t c = 0; c < y.columns; ++c) y(row, c) = in.x(example * from.positions() + at, c);
  });
  return y;
}

/// Each number of x is spread over a window of y. tensors: weight [in, out / groups, taps], bias [out] unless
/// it is left out.
inline Matrix conv_transpose_reference(const ReferenceInput& in) {
  const Shape &from = in.layer.input(), &to = in.layer.output();
  const auto number = [&](std::string_view name, bool along_width, std::ptrdiff_t one) {
    return !along_width && from.rank == 1
               ? one
               : static_cast<std::ptrdiff_t>(pair_named(in.layer, name, along_width, 0));
  };
  const std::ptrdiff_t kernel_y = number("kernel", false, 1), kernel_x = number("kernel", true, 1);
  const auto groups = static_cast<std::size_t>(field_named(in.layer, "groups", 1));
  const std::size_t ins = from.channels / groups, outs = to.channels / groups,
                    taps = static_cast<std::size_t>(kernel_y * kernel_x);
  Matrix y(in.context.batch * to.positions(), to.channels);
  for (std::size_t i = 0; i < y.rows; ++i)
    for (std::size_t o = 0; o < y.columns; ++o) y(i, o) = in.tensors.size() > 1 ? in.tensors[1][o] : 0.0;
  for (std::size_t row = 0; row < in.x.rows; ++row)
    for (std::ptrdiff_t ky = 0; ky < kernel_y; ++ky)
      for (std::ptrdiff_t kx = 0; kx < kernel_x; ++kx) {
        const auto place = [&](std::size_t at, std::ptrdiff_t tap, bool along_width) {
          return static_cast<std::ptrdiff_t>(at) * number("stride", along_width, 1) +
                 tap * number("dilation", along_width, 1) - number("padding", along_width, 0);
        };
        const std::ptrdiff_t v = place(row % from.positions() / from.width, ky, false),
                             h = place(row % from.width, kx, true);
        if (v < 0 || h < 0 || v >= static_cast<std::ptrdiff_t>(to.height) ||
            h >= static_cast<std::ptrdiff_t>(to.width))
          continue;
        const std::size_t at = row / from.positions() * to.positions() +
                               static_cast<std::size_t>(v) * to.width + static_cast<std::size_t>(h);
        const auto tap = static_cast<std::size_t>(ky * kernel_x + kx);
        for (std::size_t i = 0; i < from.channels; ++i)
          for (std::size_t o = 0; o < outs; ++o)
            y(at, i / ins * outs + o) += in.x(row, i) * in.tensors[0][(i * outs + o) * taps + tap];
      }
  return y;
}

/// tensors: factor and shift, unless they are left out.
inline Matrix scale_reference(const ReferenceInput& in) {
  const bool factor = in.layer.field(0) != 0, shift = in.layer.field(1) != 0;
  Matrix y = in.x;
  for (std::size_t i = 0; i < y.rows; ++i)
    for (std::size_t j = 0; j < y.columns; ++j) {
      if (factor) y(i, j) *= in.tensors[0][j];
      if (shift) y(i, j) += in.tensors.back()[j];
    }
  return y;
}

/// tensors: scale, bias; field: epsilon.
inline Matrix layer_norm_reference(const ReferenceInput& in) {
  const auto n = static_cast<double>(in.x.columns);
  Matrix y = in.x;
  for (std::size_t i = 0; i < y.rows; ++i) {
    double mean = 0, variance = 0;
    for (std::size_t j = 0; j < y.columns; ++j) mean += in.x(i, j) / n;
    for (std::size_t j = 0; j < y.columns; ++j) variance += (in.x(i, j) - mean) * (in.x(i, j) - mean) / n;
    for (std::size_t j = 0; j < y.columns; ++j)
      y(i, j) =
          (in.x(i, j) - mean) / std::sqrt(variance + in.layer.field(0)) * in.tensors[0][j] + in.tensors[1][j];
  }
  return y;
}

}  // namespace halfwave
