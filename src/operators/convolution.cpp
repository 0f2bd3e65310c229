#include "operators/convolution.h"

#include <algorithm>
#include <type_traits>

#include "kernels/dense_products.h"

namespace halfwave {
namespace {

/// Fewer channels of the output than this for the same input, as in a depthwise convolution, do not pay for
/// gathering the input into a matrix.
constexpr std::size_t kFewRows = 4;

/// Plane `plane` of y = Σ over channels and taps, a row of places at a time.
template <class T>
void convolve_plane(const Convolution& c, std::size_t plane, const T* x, const T* weights, T* y) {
  const std::size_t channel = plane % (c.groups * c.out_channels), group = channel / c.out_channels,
                    image = plane / (c.groups * c.out_channels), taps = c.taps(), places = c.in_places();
  const T* from = x + (image * c.groups + group) * c.in_channels * places;
  const T* scales = weights + channel * c.in_channels * taps;
  T* to = y + plane * c.out_places();
  const auto step = static_cast<std::size_t>(c.windows.back().stride);
  for (std::size_t k = 0; k < c.in_channels; ++k, from += places, scales += taps)
    for_taps(c.windows, [&](std::size_t t, std::span<const std::int64_t> tap) {
      const T scale = scales[t];
      for_rows(c.windows, tap, [&](std::size_t out, std::size_t in, std::size_t count) {
        if (step == 1)
          for (std::size_t i = 0; i < count; ++i) to[out + i] += scale * from[in + i];
        else
          for (std::size_t i = 0; i < count; ++i) to[out + i] += scale * from[in + i * step];
      });
    });
}

/// Plane `plane` of the transposed map.
template <class T>
void transpose_plane(const Convolution& c, std::size_t plane, const T* x, const T* weights, T* y) {
  const std::size_t channel = plane % (c.groups * c.in_channels), group = channel / c.in_channels,
                    image = plane / (c.groups * c.in_channels), taps = c.taps(), places = c.out_places();
  const T* from = x + (image * c.groups + group) * c.out_channels * places;
  const T* scales = weights + (group * c.out_channels * c.in_channels + channel % c.in_channels) * taps;
  T* to = y + plane * c.in_places();
  const auto step = static_cast<std::size_t>(c.windows.back().stride);
  for (std::size_t k = 0; k < c.out_channels; ++k, from += places, scales += c.in_channels * taps)
    for_taps(c.windows, [&](std::size_t t, std::span<const std::int64_t> tap) {
      const T scale = scales[t];
      for_rows(c.windows, tap, [&](std::size_t out, std::size_t in, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) to[in + i * step] += scale * from[out + i];
      });
    });
}

/// Every plane of [batch, channels, places] begins with its channel's bias.
template <class T>
void fill_bias(std::span<const T> bias, std::size_t places, std::span<T> y) {
  if (bias.empty()) return;
  for (std::size_t plane = 0; plane * places < y.size(); ++plane)
    std::fill_n(y.begin() + static_cast<std::ptrdiff_t>(plane * places), places, bias[plane % bias.size()]);
}

// --- Convolutions as products (float): the places under a panel of 64 windows become a matrix [in_channels ·
// taps, 64], which the weights [out_channels, in_channels · taps] are multiplied with.

/// Windows of a panel that lie in one row of the output.
struct Segment {
  std::size_t column, count;        ///< in the panel
  std::vector<std::int64_t> place;  ///< of the first window, an index for each axis
};

std::vector<Segment> segments_of(std::span<const Window> windows, Range panel) {
  std::vector<Segment> segments;
  const auto row = static_cast<std::size_t>(windows.back().out);
  for (std::size_t at = panel.begin; at < panel.end;) {
    const std::size_t count = std::min(row - at % row, panel.end - at);
    Segment segment{at - panel.begin, count, std::vector<std::int64_t>(windows.size())};
    std::size_t rest = at;
    for (std::size_t i = windows.size(); i-- > 0;) {
      const auto length = static_cast<std::size_t>(windows[i].out);
      segment.place[i] = static_cast<std::int64_t>(rest % length);
      rest /= length;
    }
    segments.push_back(std::move(segment));
    at += count;
  }
  return segments;
}

/// Columns of a panel that are taken from places `in`, `in` + stride, … of a channel.
struct Piece {
  std::size_t column, count, in;
};

/// The pieces of a tap; the other columns are in the padding.
void pieces_of(std::span<const Window> windows, std::span<const Segment> segments,
               std::span<const std::int64_t> tap, std::vector<Piece>& pieces) {
  pieces.clear();
  const std::size_t last = windows.size() - 1;
  const Range reach = windows[last].reach(tap[last]);
  for (const Segment& segment : segments) {
    std::int64_t in = 0;
    bool inside = true;
    for (std::size_t i = 0; i < last && inside; ++i) {
      const std::int64_t at = segment.place[i] * windows[i].stride + windows[i].place(tap[i]);
      inside = at >= 0 && at < windows[i].in;
      in = in * windows[i].in + at;
    }
    const auto begin = static_cast<std::size_t>(segment.place[last]);
    const std::size_t first = std::max(begin, reach.begin), end = std::min(begin + segment.count, reach.end);
    if (!inside || first >= end) continue;
    in = in * windows[last].in + static_cast<std::int64_t>(first) * windows[last].stride +
         windows[last].place(tap[last]);
    pieces.push_back({segment.column + first - begin, end - first, static_cast<std::size_t>(in)});
  }
}

/// The matrix of a panel of windows: rows of `width` floats, one for each channel and tap.
void gather_panel(const Convolution& c, const float* x, Range panel, std::size_t width, float* matrix) {
  const std::vector<Segment> segments = segments_of(c.windows, panel);
  const std::size_t taps = c.taps(), places = c.in_places();
  const auto step = static_cast<std::size_t>(c.windows.back().stride);
  std::vector<Piece> pieces;
  for_taps(c.windows, [&](std::size_t t, std::span<const std::int64_t> tap) {
    pieces_of(c.windows, segments, tap, pieces);
    std::size_t covered = 0;
    for (const Piece& piece : pieces) covered += piece.count;
    for (std::size_t k = 0; k < c.in_channels; ++k) {
      float* row = matrix + (k * taps + t) * width;
      const float* from = x + k * places;
      if (covered < width) std::fill_n(row, width, 0.0f);
      for (const Piece& piece : pieces) {
        float* to = row + piece.column;
        if (step == 1)
          std::copy_n(from + piece.in, piece.count, to);
        else
          for (std::size_t i = 0; i < piece.count; ++i) to[i] = from[piece.in + i * step];
      }
    }
  });
}

/// Panel `panel` of the windows of group `group` of all images. matrix and product: room for a panel.
void convolve_panel(const Convolution& c, std::size_t group, std::size_t panel, const float* x,
                    const float* weights, std::span<const float> bias, float* matrix, float* product,
                    float* y) {
  const std::size_t places = c.out_places(), depth = c.in_channels * c.taps();
  const Panels whole{depth, places};
  const std::size_t used = whole.used(panel), width = whole.width(panel),
                    channel = group % c.groups * c.out_channels;
  const std::size_t first = panel * Panels::kWidth;
  gather_panel(c, x + group * c.in_channels * c.in_places(), {first, first + used}, width, matrix);
  constexpr float kZero[Panels::kWidth] = {};
  dense_forward(weights + channel * depth, depth, matrix, kZero, {depth, width}, product, width,
                {0, c.out_channels}, {0, 1});
  for (std::size_t m = 0; m < c.out_channels; ++m) {
    const float start = bias.empty() ? 0.0f : bias[channel + m];
    const float* from = product + m * width;
    float* to = y + (group * c.out_channels + m) * places + first;
    for (std::size_t i = 0; i < used; ++i) to[i] = from[i] + start;
  }
}

void convolve_by_products(const Convolution& c, const float* x, const float* weights,
                          std::span<const float> bias, float* y, int threads) {
  const std::size_t panels = Panels{1, c.out_places()}.count();
  share_work(threads, c.batch * c.groups * panels, c.operations(), [&](Range mine) {
    AlignedVector<float> matrix(c.in_channels * c.taps() * Panels::kWidth),
        product(c.out_channels * Panels::kWidth);
    for (std::size_t i = mine.begin; i < mine.end; ++i)
      convolve_panel(c, i / panels, i % panels, x, weights, bias, matrix.data(), product.data(), y);
  });
}

/// The transposed map: weightsᵀ [in_channels · taps, out_channels] times x [out_channels, places], each row
/// of the product added where its tap lies.
void transpose_by_products(const Convolution& c, const float* x, const float* weights, float* y,
                           int threads) {
  const std::size_t rows = c.in_channels * c.taps(), depth = c.out_channels, places = c.out_places(),
                    taps = c.taps(), stride = round_up(places, kLineFloats);
  const auto step = static_cast<std::size_t>(c.windows.back().stride);
  const Panels shape{depth, places};
  AlignedVector<float> transposed(rows * depth), panels(shape.size()), zero(stride, 0.0f);
  for (std::size_t group = 0; group < c.batch * c.groups; ++group) {
    const float* from = weights + group % c.groups * depth * rows;
    for (std::size_t k = 0; k < depth; ++k)
      for (std::size_t r = 0; r < rows; ++r) transposed[r * depth + k] = from[k * rows + r];
    pack_panels(x + group * depth * places, places, shape, 0, shape.count(), panels.data());
    const double work = c.operations() / static_cast<double>(c.batch * c.groups);
    share_work(threads, c.in_channels, work, [&](Range mine) {
      AlignedVector<float> product(taps * stride);
      for (std::size_t m = mine.begin; m < mine.end; ++m) {
        dense_forward(transposed.data() + m * taps * depth, depth, panels.data(), zero.data(), shape,
                      product.data(), stride, {0, taps}, {0, shape.count()});
        float* to = y + (group * c.in_channels + m) * c.in_places();
        for_taps(c.windows, [&](std::size_t t, std::span<const std::int64_t> tap) {
          for_rows(c.windows, tap, [&](std::size_t out, std::size_t in, std::size_t count) {
            const float* row = product.data() + t * stride + out;
            for (std::size_t i = 0; i < count; ++i) to[in + i * step] += row[i];
          });
        });
      }
    });
  }
}

}  // namespace

std::size_t Convolution::in_places() const {
  std::size_t places = 1;
  for (const Window& w : windows) places *= static_cast<std::size_t>(w.in);
  return places;
}
std::size_t Convolution::out_places() const {
  std::size_t places = 1;
  for (const Window& w : windows) places *= static_cast<std::size_t>(w.out);
  return places;
}
std::size_t Convolution::taps() const {
  std::size_t taps = 1;
  for (const Window& w : windows) taps *= static_cast<std::size_t>(w.kernel);
  return taps;
}
double Convolution::operations() const {
  return static_cast<double>(batch * groups * in_channels) * static_cast<double>(out_channels * taps()) *
         static_cast<double>(out_places());
}

template <class T>
void convolve(const Convolution& c, std::span<const T> x, std::span<const T> weights, std::span<const T> bias,
              std::span<T> y, int threads) {
  if constexpr (std::is_same_v<T, float>)
    if (c.out_channels >= kFewRows && c.in_channels > 0)
      return convolve_by_products(c, x.data(), weights.data(), bias, y.data(), threads);
  fill_bias(bias, c.out_places(), y);
  share_work(threads, c.batch * c.groups * c.out_channels, c.operations(), [&](Range planes) {
    for (std::size_t plane = planes.begin; plane < planes.end; ++plane)
      convolve_plane(c, plane, x.data(), weights.data(), y.data());
  });
}

template <class T>
void convolve_transposed(const Convolution& c, std::span<const T> x, std::span<const T> weights,
                         std::span<const T> bias, std::span<T> y, int threads) {
  fill_bias(bias, c.in_places(), y);
  if constexpr (std::is_same_v<T, float>)
    if (c.out_channels >= kFewRows)
      return transpose_by_products(c, x.data(), weights.data(), y.data(), threads);
  share_work(threads, c.batch * c.groups * c.in_channels, c.operations(), [&](Range planes) {
    for (std::size_t plane = planes.begin; plane < planes.end; ++plane)
      transpose_plane(c, plane, x.data(), weights.data(), y.data());
  });
}

template void convolve(const Convolution&, std::span<const float>, std::span<const float>,
                       std::span<const float>, std::span<float>, int);
template void convolve(const Convolution&, std::span<const double>, std::span<const double>,
                       std::span<const double>, std::span<double>, int);
template void convolve_transposed(const Convolution&, std::span<const float>, std::span<const float>,
                                  std::span<const float>, std::span<float>, int);
template void convolve_transposed(const Convolution&, std::span<const double>, std::span<const double>,
                                  std::span<const double>, std::span<double>, int);

}  // namespace halfwave
