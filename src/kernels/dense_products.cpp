#include "kernels/dense_products.h"

#include <algorithm>

#include "kernels/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/dense_products.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/vector_counts-inl.h"

HWY_BEFORE_NAMESPACE();
namespace halfwave {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

// The register tile: kRows rows by kVectors vectors of accumulators. 32 registers hold 6 × 4 (and 4 of B), 16
// hold 6 × 2; both are bound by the multiply-adds, not by the loads.
#if HWY_TARGET <= HWY_AVX3
constexpr std::size_t kRows = 6, kVectors = 4;
#elif HWY_TARGET == HWY_SCALAR
constexpr std::size_t kRows = 3, kVectors = 4;
#else
constexpr std::size_t kRows = 6, kVectors = 2;
#endif

/// Part of A's columns in which they lie at a fixed distance.
struct Segment {
  const float* data;
  std::size_t row_stride, k_stride, length;
};

/// A as an ordinary strided matrix.
struct StridedOperand {
  const float* data;
  std::size_t row_stride, k_stride, length;
  std::size_t segments() const { return 1; }
  Segment segment(std::size_t) const { return {data, row_stride, k_stride, length}; }
};

/// A as the weights in panels: rows are the layer's inputs, columns its outputs.
struct PanelOperand {
  const float* data;
  Panels shape;
  std::size_t segments() const { return shape.count(); }
  Segment segment(std::size_t p) const { return {data + shape.offset(p), shape.width(p), 1, shape.used(p)}; }
};

/// What a tile fetches besides its operands: nothing,
struct FetchNothing {
  HWY_INLINE void step(std::size_t) const {}
  FetchNothing at(std::size_t, std::size_t) const { return {}; }
};

/// or the companions of its part of C, `lines` cache lines of each from `offset` floats on, one line every
/// other step.
struct FetchCompanions {
  const Companions& companions;
  std::size_t offset = 0, lines = 0;
  HWY_INLINE void step(std::size_t k) const {
    if (k % 2 != 0 || k / 2 >= lines) return;
    for (std::size_t i = 0; i < companions.count; ++i)
      __builtin_prefetch(companions.arrays[i] + offset + k / 2 * kLineFloats, 0, 3);
  }
  FetchCompanions at(std::size_t from, std::size_t floats) const {
    return {companions, from, floats / kLineFloats};
  }
};

/// C[R, VN vectors] = A[row …, :] · B[:, column …] (+ start), B rows `b_stride` floats apart.
template <std::size_t R, std::size_t VN, class Operand, class Fetch>
HWY_INLINE void tile(const Operand& a, std::size_t row, const float* HWY_RESTRICT b, std::size_t b_stride,
                     ProductStart start, float* HWY_RESTRICT c, std::size_t c_stride, const Fetch& fetch) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  V sum[R][VN];
  for (std::size_t v = 0; v < VN; ++v) {
    const V first = start.row ? hn::LoadU(d, start.row + v * lanes) : hn::Zero(d);
    for (std::size_t r = 0; r < R; ++r)
      sum[r][v] = start.scale ? hn::Mul(hn::Set(d, start.scale[r]), first) : first;
  }
  for (std::size_t s = 0; s < a.segments(); ++s) {
    const Segment segment = a.segment(s);
    const float* HWY_RESTRICT from = segment.data + row * segment.row_stride;
    for (std::size_t k = 0; k < segment.length; ++k, b += b_stride) {
      fetch.step(k);
      V columns[VN];
      for (std::size_t v = 0; v < VN; ++v) columns[v] = hn::LoadU(d, b + v * lanes);
      for (std::size_t r = 0; r < R; ++r) {
        const V scale = hn::Set(d, from[r * segment.row_stride + k * segment.k_stride]);
        for (std::size_t v = 0; v < VN; ++v) sum[r][v] = hn::MulAdd(scale, columns[v], sum[r][v]);
      }
    }
  }
  for (std::size_t r = 0; r < R; ++r)
    for (std::size_t v = 0; v < VN; ++v) hn::StoreU(sum[r][v], d, c + r * c_stride + v * lanes);
}

template <std::size_t VN, class Operand, class Fetch>
HWY_INLINE void tile_of_rows(std::size_t rows, const Operand& a, std::size_t row, const float* b,
                             std::size_t b_stride, ProductStart start, float* c, std::size_t c_stride,
                             const Fetch& fetch) {
  switch (rows) {
    case 1:
      return tile<1, VN>(a, row, b, b_stride, start, c, c_stride, fetch);
    case 2:
      return tile<2, VN>(a, row, b, b_stride, start, c, c_stride, fetch);
    case 3:
      return tile<3, VN>(a, row, b, b_stride, start, c, c_stride, fetch);
#if HWY_TARGET != HWY_SCALAR
    case 4:
      return tile<4, VN>(a, row, b, b_stride, start, c, c_stride, fetch);
    case 5:
      return tile<5, VN>(a, row, b, b_stride, start, c, c_stride, fetch);
    case 6:
      return tile<6, VN>(a, row, b, b_stride, start, c, c_stride, fetch);
#endif
    default:
      return;
  }
}

/// C = A[rows]·B for one panel of B, `width` floats wide (a multiple of 16). c points at row rows.begin.
template <class Operand, class Fetch>
HWY_INLINE void panel_product(const Operand& a, Range rows, const float* b, std::size_t width,
                              ProductStart start, float* c, std::size_t c_stride, const Fetch& fetch) {
  if (rows.empty()) return;
  const std::size_t lanes = hn::Lanes(D()), tiles = (rows.size() + kRows - 1) / kRows;
  for (std::size_t t = 0; t < tiles; ++t) {  // tiles of nearly the same height: no slow remainder
    const std::size_t first = rows.size() * t / tiles, last = rows.size() * (t + 1) / tiles;
    float* c_row = c + first * c_stride;
    std::size_t column = 0;
    while (column < width) {
      const std::size_t vectors = std::min(kVectors, (width - column) / lanes);
      const ProductStart from{start.row ? start.row + column : nullptr,
                              start.scale ? start.scale + first : nullptr};
      const auto run = [&]<std::size_t VN>() HWY_ATTR {
        tile_of_rows<VN>(last - first, a, rows.begin + first, b + column, width, from, c_row + column,
                         c_stride, fetch.at(first * c_stride, column == 0 ? (last - first) * c_stride : 0));
      };
      with_vectors<kVectors>(vectors, run);
      column += vectors * lanes;
    }
  }
}

void Forward(const float* x, std::size_t x_stride, const float* weights, const float* bias, Panels shape,
             float* y, std::size_t y_stride, Range rows, Range panels) {
  const StridedOperand a{x, x_stride, 1, shape.rows};
  for (std::size_t p = panels.begin; p < panels.end; ++p)
    panel_product(a, rows, weights + shape.offset(p), shape.width(p),
                  {bias ? bias + p * Panels::kWidth : nullptr},
                  y + rows.begin * y_stride + p * Panels::kWidth, y_stride, FetchNothing());
}

void WeightGradient(const float* x, std::size_t x_stride, const float* dy_panels, std::size_t batch,
                    Panels shape, std::size_t panel, Range inputs, ProductStart start, float* dw,
                    const Companions& companions) {
  const StridedOperand a{x, 1, x_stride, batch};
  const std::size_t width = shape.width(panel);
  panel_product(a, inputs, dy_panels + Panels{batch, shape.columns}.offset(panel), width, start, dw, width,
                FetchCompanions{companions});
}

/// to[column][row] = from[row][column], number by number.
HWY_INLINE void transpose_numbers(const float* from, std::size_t from_stride, std::size_t rows,
                                  std::size_t columns, float* to, std::size_t to_stride) {
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j) to[j * to_stride + i] = from[i * from_stride + j];
}

#if HWY_TARGET == HWY_SCALAR
HWY_INLINE void transpose(const float* from, std::size_t from_stride, std::size_t rows, std::size_t columns,
                          float* to, std::size_t to_stride) {
  transpose_numbers(from, from_stride, rows, columns, to, to_stride);
}
#else
HWY_INLINE void transpose_4x4(const float* from, std::size_t from_stride, float* to, std::size_t to_stride) {
  const hn::FixedTag<float, 4> d4;
  const hn::Repartition<double, decltype(d4)> d2;
  const auto a = hn::LoadU(d4, from), b = hn::LoadU(d4, from + from_stride),
             c = hn::LoadU(d4, from + 2 * from_stride), e = hn::LoadU(d4, from + 3 * from_stride);
  const auto ab0 = hn::BitCast(d2, hn::InterleaveLower(d4, a, b)),
             ab1 = hn::BitCast(d2, hn::InterleaveUpper(d4, a, b)),
             ce0 = hn::BitCast(d2, hn::InterleaveLower(d4, c, e)),
             ce1 = hn::BitCast(d2, hn::InterleaveUpper(d4, c, e));
  hn::StoreU(hn::BitCast(d4, hn::InterleaveLower(d2, ab0, ce0)), d4, to);
  hn::StoreU(hn::BitCast(d4, hn::InterleaveUpper(d2, ab0, ce0)), d4, to + to_stride);
  hn::StoreU(hn::BitCast(d4, hn::InterleaveLower(d2, ab1, ce1)), d4, to + 2 * to_stride);
  hn::StoreU(hn::BitCast(d4, hn::InterleaveUpper(d2, ab1, ce1)), d4, to + 3 * to_stride);
}

/// to[column][row] = from[row][column]. In blocks of 16 × 16: rows of a matrix are often a power of two
/// apart, where few of them fit into the cache at once, so each line must be used whole while it is there;
/// four lines at a time on the side that is further apart.
HWY_INLINE void transpose(const float* from, std::size_t from_stride, std::size_t rows, std::size_t columns,
                          float* to, std::size_t to_stride) {
  constexpr std::size_t kBlock = kLineFloats;
  for (std::size_t i = 0; i < rows; i += kBlock)
    for (std::size_t j = 0; j < columns; j += kBlock) {
      const float* f = from + i * from_stride + j;
      float* t = to + j * to_stride + i;
      if (rows - i < kBlock || columns - j < kBlock) {
        transpose_numbers(f, from_stride, std::min(kBlock, rows - i), std::min(kBlock, columns - j), t,
                          to_stride);
        continue;
      }
      for (std::size_t far = 0; far < kBlock; far += 4)
        for (std::size_t near = 0; near < kBlock; near += 4) {
          const std::size_t r = from_stride > to_stride ? far : near,
                            c = from_stride > to_stride ? near : far;
          transpose_4x4(f + r * from_stride + c, from_stride, t + c * to_stride + r, to_stride);
        }
    }
}
#endif

void InputGradient(const float* dy_transposed, const float* weights, std::size_t batch, Panels shape,
                   float* dx, std::size_t dx_stride, Range inputs) {
  // Inputs at a time: dxᵀ of the block stays in the L1 cache until it is turned round.
  constexpr std::size_t kBlock = 48;
  alignas(kAlignment) float block[kBlock * Panels::kWidth];
  const PanelOperand a{weights, shape};
  const Panels dy{shape.columns, batch};
  for (std::size_t p = 0; p < dy.count(); ++p) {
    const std::size_t width = dy.width(p);
    for (std::size_t i = inputs.begin; i < inputs.end; i += kBlock) {
      const Range rows{i, std::min(inputs.end, i + kBlock)};
      panel_product(a, rows, dy_transposed + dy.offset(p), width, {}, block, width, FetchNothing());
      transpose(block, width, rows.size(), dy.used(p), dx + p * Panels::kWidth * dx_stride + i, dx_stride);
    }
  }
}

void TransposeToPanels(const float* matrix, std::size_t stride, std::size_t batch, std::size_t out,
                       Range panels, float* transposed) {
  const Panels shape{out, batch};
  for (std::size_t p = panels.begin; p < panels.end; ++p) {
    float* to = transposed + shape.offset(p);
    transpose(matrix + p * Panels::kWidth * stride, stride, shape.used(p), out, to, shape.width(p));
    if (shape.used(p) < shape.width(p))
      for (std::size_t o = 0; o < out; ++o)
        std::fill(to + o * shape.width(p) + shape.used(p), to + (o + 1) * shape.width(p), 0.0f);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace halfwave
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace halfwave {

HWY_EXPORT(Forward);
HWY_EXPORT(WeightGradient);
HWY_EXPORT(InputGradient);
HWY_EXPORT(TransposeToPanels);

void dense_forward(const float* x, std::size_t x_stride, const float* weights, const float* bias,
                   Panels shape, float* y, std::size_t y_stride, Range rows, Range panels) {
  HWY_DYNAMIC_DISPATCH(Forward)(x, x_stride, weights, bias, shape, y, y_stride, rows, panels);
}

void dense_weight_gradient(const float* x, std::size_t x_stride, const float* dy_panels, std::size_t batch,
                           Panels shape, std::size_t panel, Range inputs, ProductStart start, float* dw,
                           const Companions& companions) {
  HWY_DYNAMIC_DISPATCH(WeightGradient)
  (x, x_stride, dy_panels, batch, shape, panel, inputs, start, dw, companions);
}

void dense_input_gradient(const float* dy_transposed, const float* weights, std::size_t batch, Panels shape,
                          float* dx, std::size_t dx_stride, Range inputs) {
  HWY_DYNAMIC_DISPATCH(InputGradient)(dy_transposed, weights, batch, shape, dx, dx_stride, inputs);
}

void transpose_to_panels(const float* matrix, std::size_t stride, std::size_t batch, std::size_t out,
                         Range panels, float* transposed) {
  HWY_DYNAMIC_DISPATCH(TransposeToPanels)(matrix, stride, batch, out, panels, transposed);
}

}  // namespace halfwave
#endif
