#include "kernels/conv_products.h"

#include <algorithm>
#include <array>

#include "kernels/dense_products.h"
#include "kernels/panels.h"
#include "kernels/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv_products.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/vector_counts-inl.h"

HWY_BEFORE_NAMESPACE();
namespace halfwave {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

// The register tile: rows by vectors of accumulators, as in dense_products.cpp. A narrow tile is not higher:
// its rows' addresses would no longer fit into registers.
#if HWY_TARGET <= HWY_AVX3
constexpr std::size_t kRows = 6, kVectors = 4;
#elif HWY_TARGET == HWY_SCALAR
constexpr std::size_t kRows = 3, kVectors = 4;
#else
constexpr std::size_t kRows = 6, kVectors = 2;
#endif

/// Writes the first `count` numbers of a vector.
HWY_INLINE void store(V v, std::size_t count, float* to) {
  const D d;
  if (count >= hn::Lanes(d))
    hn::StoreU(v, d, to);
  else
    hn::BlendedStore(v, hn::FirstN(d, count), d, to);
}

/// What a position in the padding reads.
alignas(64) constexpr float kNothing[64] = {};

/// sum[r] += from[r][0 … k_count-1] · b for the rows first … last-1 of a tile.
template <std::size_t kFirst, std::size_t kLast, std::size_t VN>
HWY_INLINE void add_tap(const float* const* from, std::size_t k_count, const float* HWY_RESTRICT b,
                        std::size_t b_stride, V (*sum)[VN]) {
  const D d;
  for (std::size_t k = 0; k < k_count; ++k, b += b_stride) {
    V weights[VN];
    for (std::size_t v = 0; v < VN; ++v) weights[v] = hn::LoadU(d, b + v * hn::Lanes(d));
    for (std::size_t r = kFirst; r < kLast; ++r) {
      const V x = hn::Set(d, from[r][k]);
      for (std::size_t v = 0; v < VN; ++v) sum[r][v] = hn::MulAdd(x, weights[v], sum[r][v]);
    }
  }
}

/// R rows by VN vectors. position: of the first row within its example, of which all are. A tap in the
/// padding takes no part where that is so for all rows of the tile, for the first or for the last: the rows
/// of a tile are neighbours in a row of the grid, so that this is nearly all of the padding. Elsewhere it
/// reads zeros.
template <std::size_t R, std::size_t VN>
HWY_INLINE void tile(const float* a, std::size_t a_stride, std::size_t k_count, const TapTable& table,
                     std::size_t position, const float* HWY_RESTRICT b, std::size_t b_stride,
                     std::size_t columns, const float* start, float* HWY_RESTRICT c, std::size_t c_stride) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  V sum[R][VN];
  for (std::size_t v = 0; v < VN; ++v) {
    const V first = start ? hn::LoadU(d, start + v * lanes) : hn::Zero(d);
    for (std::size_t r = 0; r < R; ++r) sum[r][v] = first;
  }
  const std::int32_t* source = table.source + position;
  for (std::size_t t = 0; t < table.taps; ++t, source += table.results, b += k_count * b_stride) {
    std::int32_t any = 0, all = -1;  // negative: some row, every row is padding
    const float* from[R];
    for (std::size_t r = 0; r < R; ++r) {
      any |= source[r], all &= source[r];
      from[r] = source[r] < 0 ? kNothing : a + static_cast<std::size_t>(source[r]) * a_stride;
    }
    if (all < 0) continue;
    if (any >= 0) {
      add_tap<0, R, VN>(from, k_count, b, b_stride, sum);
      continue;
    }
    const auto negative = std::count_if(source, source + R, [](std::int32_t s) { return s < 0; });
    if (negative == 1 && source[0] < 0) {
      add_tap<1, R, VN>(from, k_count, b, b_stride, sum);
    } else if (negative == 1 && source[R - 1] < 0) {
      add_tap<0, R - 1, VN>(from, k_count, b, b_stride, sum);
    } else {
      for (std::size_t k = 0; k < k_count; k += std::size(kNothing)) {
        const std::size_t part = std::min(k_count - k, std::size(kNothing));
        add_tap<0, R, VN>(from, part, b + k * b_stride, b_stride, sum);
        for (std::size_t r = 0; r < R; ++r)
          if (source[r] >= 0) from[r] += part;
      }
    }
  }
  for (std::size_t r = 0; r < R; ++r)
    for (std::size_t v = 0; v < VN && v * lanes < columns; ++v)
      store(sum[r][v], columns - v * lanes, c + r * c_stride + v * lanes);
}

// A first layer has few channels, so that a tap is hardly any work beside finding where it reads. Where the
// taps of a kernel row take neighbouring positions, the channels of these are one run of numbers once they
// stand without padding between them, and the runs of neighbouring results overlap: kernel row by kernel row
// the product is a dense one, whose rows begin `k` floats after each other.

/// What the lines of a row of the grid may come to: they stay in the L1 cache.
constexpr std::size_t kMostLines = 32, kMostLineFloats = 4096;
/// Accumulators of a tile that is one vector wide: enough of them to hide an addition's latency.
constexpr std::size_t kTallRows = HWY_TARGET <= HWY_AVX3 ? 12 : kRows;

/// The operands of one row of results: for each kernel row the channels of the positions that it reads. The
/// next row of results finds most of its lines here already.
class CompactLines {
 public:
  static bool fit(const TapTable& table, std::size_t k) {
    const std::size_t kernel_rows = table.taps / table.in_row;
    return k <= kFewChannels && table.in_row > 1 && table.before < table.result_columns &&
           kernel_rows <= kMostLines &&
           kernel_rows * (table.result_columns + table.in_row - 1) * k <= kMostLineFloats;
  }

  CompactLines(const float* a, std::size_t a_stride, std::size_t k, const TapTable& table)
      : a_(a),
        a_stride_(a_stride),
        k_(k),
        table_(table),
        count_(table.taps / table.in_row),
        run_(table.in_row * k) {
    std::fill_n(held_, count_, kNone);
  }

  /// For `results` results from column `first` on, of row `row` of the grid in an example.
  void gather(std::size_t example, std::size_t row, std::size_t first, std::size_t results) {
    if (first != first_ || results != results_) std::fill_n(held_, count_, kNone);
    first_ = first, results_ = results;
    std::size_t wanted[kMostLines];
    std::uint32_t kept = 0;  // places whose line is wanted again
    for (std::size_t ty = 0; ty < count_; ++ty) {
      // What the result reads by its first tap that takes the operand's first column.
      const std::int32_t begin = table_.tap(ty * table_.in_row)[row * table_.result_columns + table_.before];
      wanted[ty] = begin < 0 ? kNone : example * table_.operands + static_cast<std::size_t>(begin);
      lines_[ty] = nullptr;
      for (std::size_t place = 0; begin >= 0 && place < count_; ++place)
        if (held_[place] == wanted[ty]) lines_[ty] = at(place), kept |= std::uint32_t{1} << place;
    }
    for (std::size_t ty = 0, place = 0; ty < count_; ++ty) {
      if (wanted[ty] == kNone || lines_[ty]) continue;
      while (kept >> place & 1) ++place;
      held_[place] = wanted[ty];
      fill(a_ + wanted[ty] * a_stride_, at(place));
      lines_[ty] = at(place++);
    }
  }

  std::size_t count() const { return count_; }  ///< kernel rows
  std::size_t run() const { return run_; }      ///< floats that one result reads of a line
  /// Null where the kernel row is in the padding.
  const float* line(std::size_t ty) const { return lines_[ty]; }

 private:
  static constexpr std::size_t kNone = ~std::size_t{0};

  float* at(std::size_t place) { return numbers_ + place * (results_ + table_.in_row - 1) * k_; }

  void fill(const float* row, float* to) const {
    const std::size_t end = first_ + results_ + table_.in_row - 1, before = table_.before;
    const std::size_t begin = std::min(end, std::max(first_, before)),
                      inner = std::min(end, before + table_.operand_columns);
    to = std::fill_n(to, (begin - first_) * k_, 0.0f);
    const float* from = row + (begin - before) * a_stride_;
    for (std::size_t x = begin; x < inner; ++x, from += a_stride_)
      for (std::size_t i = 0; i < k_; ++i) *to++ = from[i];
    std::fill_n(to, (end - std::max(begin, inner)) * k_, 0.0f);
  }

  const float* a_;
  std::size_t a_stride_, k_;
  const TapTable& table_;
  std::size_t count_, run_, first_ = kNone, results_ = 0;
  std::size_t held_[kMostLines];  ///< by place: the operand's row that is there
  const float* lines_[kMostLines];
  alignas(64) float numbers_[kMostLineFloats];
};

/// R results, the first of them reading the lines from float `begin` on. K: k, where it is known, or 0.
template <std::size_t K, std::size_t R, std::size_t VN>
HWY_INLINE void compact_tile(const CompactLines& lines, std::size_t begin, std::size_t channels,
                             const float* HWY_RESTRICT b, std::size_t b_stride, std::size_t columns,
                             const float* start, float* HWY_RESTRICT c, std::size_t c_stride) {
  const D d;
  const std::size_t lanes = hn::Lanes(d), k = K > 0 ? K : channels;
  V sum[R][VN];
  for (std::size_t v = 0; v < VN; ++v) {
    const V first = start ? hn::LoadU(d, start + v * lanes) : hn::Zero(d);
    for (std::size_t r = 0; r < R; ++r) sum[r][v] = first;
  }
  for (std::size_t ty = 0; ty < lines.count(); ++ty) {
    if (!lines.line(ty)) continue;
    const float* HWY_RESTRICT from = lines.line(ty) + begin;
    const float* HWY_RESTRICT weights = b + ty * lines.run() * b_stride;
    for (std::size_t i = 0; i < lines.run(); ++i, ++from, weights += b_stride) {
      V w[VN];
      for (std::size_t v = 0; v < VN; ++v) w[v] = hn::LoadU(d, weights + v * lanes);
      for (std::size_t r = 0; r < R; ++r) {
        const V x = hn::Set(d, from[r * k]);
        for (std::size_t v = 0; v < VN; ++v) sum[r][v] = hn::MulAdd(x, w[v], sum[r][v]);
      }
    }
  }
  for (std::size_t r = 0; r < R; ++r)
    for (std::size_t v = 0; v < VN && v * lanes < columns; ++v)
      store(sum[r][v], columns - v * lanes, c + r * c_stride + v * lanes);
}

/// Calls run.operator()<R>() for a number of rows up to kRows.
template <class Run>
HWY_INLINE void with_rows(std::size_t count, Run&& run) {
  static_assert(kRows == 3 || kRows == 6);
  if (count == 1) return run.template operator()<1>();
  if (count == 2) return run.template operator()<2>();
  if (count == 3) return run.template operator()<3>();
  if constexpr (kRows >= 6) {
    if (count == 4) return run.template operator()<4>();
    if (count == 5) return run.template operator()<5>();
    if (count == 6) return run.template operator()<6>();
  }
}

/// Calls run.operator()<R>() for a number of rows up to kMost.
template <std::size_t kMost, class Run>
HWY_INLINE void with_rows_to(std::size_t count, Run&& run) {
  if constexpr (kMost > 1)
    if (count < kMost) return with_rows_to<kMost - 1>(count, run);
  run.template operator()<kMost>();
}

/// Calls one.operator()<R>(first) for tiles of nearly the same height: no slow remainder.
template <std::size_t kMost, class One>
HWY_INLINE void in_tiles(std::size_t count, One&& one) {
  const std::size_t tiles = (count + kMost - 1) / kMost;
  for (std::size_t i = 0; i < tiles; ++i) {
    const std::size_t first = count * i / tiles, last = count * (i + 1) / tiles;
    const auto run = [&]<std::size_t R>() HWY_ATTR { one.template operator()<R>(first); };
    with_rows_to<kMost>(last - first, run);
  }
}

/// ConvProduct where CompactLines fit.
template <std::size_t K>
void CompactConvProduct(const float* a, std::size_t a_stride, std::size_t k, const TapTable& table,
                        Range rows, const float* panel, std::size_t width, std::size_t columns,
                        const float* start, float* c, std::size_t c_stride) {
  const std::size_t lanes = hn::Lanes(D());
  CompactLines lines(a, a_stride, k, table);
  for (std::size_t row = rows.begin; row < rows.end;) {
    const std::size_t example = row / table.results, position = row - example * table.results;
    const std::size_t x = position % table.result_columns;
    const std::size_t count = std::min(rows.end - row, table.result_columns - x);
    lines.gather(example, position / table.result_columns, x, count);
    for (std::size_t column = 0; column < columns;) {
      const std::size_t vectors = std::min(kVectors, (width - column) / lanes);
      const auto run = [&]<std::size_t VN>() HWY_ATTR {
        const auto one = [&]<std::size_t R>(std::size_t first) HWY_ATTR {
          compact_tile<K, R, VN>(lines, first * k, k, panel + column, width, columns - column,
                                 start ? start + column : nullptr, c + (row + first) * c_stride + column,
                                 c_stride);
        };
        in_tiles<VN == 1 && K == 1 ? kTallRows : kRows>(count, one);
      };
      with_vectors<kVectors>(vectors, run);
      column += vectors * lanes;
    }
    row += count;
  }
}

void ConvProduct(const float* a, std::size_t a_stride, std::size_t k, const TapTable& table, Range rows,
                 const float* panel, std::size_t width, std::size_t columns, const float* start, float* c,
                 std::size_t c_stride) {
  if (CompactLines::fit(table, k))
    return (k == 1   ? CompactConvProduct<1>
            : k == 3 ? CompactConvProduct<3>
                     : CompactConvProduct<0>)(a, a_stride, k, table, rows, panel, width, columns, start, c,
                                              c_stride);
  const std::size_t lanes = hn::Lanes(D());
  // As far as a row of the grid where that is known, else as far as the example.
  const std::size_t together = table.result_columns > 1 ? table.result_columns : table.results;
  for (std::size_t row = rows.begin; row < rows.end;) {
    const std::size_t example = row / table.results, position = row - example * table.results;
    const std::size_t count = std::min(rows.end - row, together - position % together);
    const float* const from = a + example * table.operands * a_stride;
    for (std::size_t column = 0; column < columns;) {
      const std::size_t vectors = std::min(kVectors, (width - column) / lanes);
      const auto run = [&]<std::size_t VN>() HWY_ATTR {
        const std::size_t tiles = (count + kRows - 1) / kRows;
        for (std::size_t i = 0; i < tiles; ++i) {  // tiles of nearly the same height: no slow remainder
          const std::size_t first = count * i / tiles, last = count * (i + 1) / tiles;
          const auto one = [&]<std::size_t R>() HWY_ATTR {
            tile<R, VN>(from, a_stride, k, table, position + first, panel + column, width, columns - column,
                        start ? start + column : nullptr, c + (row + first) * c_stride + column, c_stride);
          };
          with_rows(last - first, one);
        }
      };
      with_vectors<kVectors>(vectors, run);
      column += vectors * lanes;
    }
    row += count;
  }
}

/// dW of R channels by VN vectors, over positions of one example.
template <std::size_t R, std::size_t VN>
HWY_INLINE void gradient_tile(const float* HWY_RESTRICT x, std::size_t x_stride, const std::int32_t* source,
                              Range positions, const float* HWY_RESTRICT dy, std::size_t dy_stride,
                              float* HWY_RESTRICT dw, std::size_t dw_stride) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  V sum[R][VN];
  for (std::size_t r = 0; r < R; ++r)
    for (std::size_t v = 0; v < VN; ++v) sum[r][v] = hn::LoadU(d, dw + r * dw_stride + v * lanes);
  for (std::size_t p = positions.begin; p < positions.end; ++p) {
    if (source[p] < 0) continue;
    const float* const from = x + static_cast<std::size_t>(source[p]) * x_stride;
    V slopes[VN];
    for (std::size_t v = 0; v < VN; ++v) slopes[v] = hn::LoadU(d, dy + p * dy_stride + v * lanes);
    for (std::size_t r = 0; r < R; ++r) {
      const V scale = hn::Set(d, from[r]);
      for (std::size_t v = 0; v < VN; ++v) sum[r][v] = hn::MulAdd(scale, slopes[v], sum[r][v]);
    }
  }
  for (std::size_t r = 0; r < R; ++r)
    for (std::size_t v = 0; v < VN; ++v) hn::StoreU(sum[r][v], d, dw + r * dw_stride + v * lanes);
}

void ConvWeightGradient(const float* x, std::size_t x_stride, std::size_t k, const TapTable& table,
                        Range examples, const float* dy, std::size_t dy_stride, std::size_t width,
                        float* dw) {
  constexpr std::size_t kPositions = 256;  // together; their rows of x and dy stay in the L2 cache
  const std::size_t lanes = hn::Lanes(D());
  for (std::size_t e = examples.begin; e < examples.end; ++e) {
    const float* const from = x + e * table.operands * x_stride;
    const float* const slopes = dy + e * table.results * dy_stride;
    for (std::size_t p = 0; p < table.results; p += kPositions) {
      const Range positions{p, std::min(table.results, p + kPositions)};
      for (std::size_t t = 0; t < table.taps; ++t)
        for (std::size_t column = 0; column < width;) {
          const std::size_t vectors = std::min(kVectors, (width - column) / lanes);
          const auto run = [&]<std::size_t VN>() HWY_ATTR {
            const std::size_t tiles = (k + kRows - 1) / kRows;
            for (std::size_t i = 0; i < tiles; ++i) {
              const std::size_t first = k * i / tiles, last = k * (i + 1) / tiles;
              const auto one = [&]<std::size_t R>() HWY_ATTR {
                gradient_tile<R, VN>(from + first, x_stride, table.tap(t), positions, slopes + column,
                                     dy_stride, dw + (t * k + first) * width + column, width);
              };
              with_rows(last - first, one);
            }
          };
          with_vectors<kVectors>(vectors, run);
          column += vectors * lanes;
        }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace halfwave
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace halfwave {

HWY_EXPORT(ConvProduct);
HWY_EXPORT(ConvWeightGradient);

void conv_product(const float* a, std::size_t a_stride, std::size_t k, const TapTable& table, Range rows,
                  const float* panel, std::size_t width, std::size_t columns, const float* start, float* c,
                  std::size_t c_stride) {
  HWY_DYNAMIC_DISPATCH(ConvProduct)
  (a, a_stride, k, table, rows, panel, width, columns, start, c, c_stride);
}

void conv_weight_gradient(const float* x, std::size_t x_stride, std::size_t k, const TapTable& table,
                          Range examples, const float* dy, std::size_t dy_stride, std::size_t width,
                          float* dw) {
  HWY_DYNAMIC_DISPATCH(ConvWeightGradient)(x, x_stride, k, table, examples, dy, dy_stride, width, dw);
}

void exchange_channels(const float* weights, std::size_t taps, std::size_t in, std::size_t out, Range panels,
                       float* exchanged) {
  const Panels from{taps * in, out}, to{taps * out, in};
  for (std::size_t p = panels.begin; p < panels.end; ++p)
    for (std::size_t t = 0; t < taps; ++t)
      for (std::size_t q = 0; q < from.count(); ++q)
        transpose_to_panels(
            weights + from.offset(q) + (t * in + p * Panels::kWidth) * from.width(q), from.width(q),
            to.used(p), from.used(q), {0, 1},
            exchanged + to.offset(p) + ((taps - 1 - t) * out + q * Panels::kWidth) * to.width(p));
}

}  // namespace halfwave
#endif
