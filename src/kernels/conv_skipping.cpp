#include "kernels/conv_skipping.h"

#include <algorithm>

#include "kernels/dense_products.h"
#include "kernels/panels.h"
#include "kernels/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv_skipping.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/nonzero_pairs-inl.h"
#include "kernels/skipping_rows-inl.h"
#include "kernels/vector_counts-inl.h"

HWY_BEFORE_NAMESPACE();
namespace halfwave {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Rows of the result that go through the taps together, held in one piece meanwhile: with a tap's weights in
/// the L1 cache they fit into the L2 cache.
constexpr std::size_t kRowsHeld = 512;

/// Calls body(first row, position of it in its example, example, count) for the parts of `rows` that are
/// within one example.
template <class Body>
HWY_INLINE void for_examples(Range rows, std::size_t positions, Body&& body) {
  for (std::size_t row = rows.begin; row < rows.end;) {
    const std::size_t example = row / positions, position = row - example * positions;
    const std::size_t count = std::min(rows.end - row, positions - position);
    body(row, position, example, count);
    row += count;
  }
}

/// The listed numbers of one row in one block.
struct Entries {
  const Nonzero *begin, *end;
  Entries(const NonzeroLists& lists, std::size_t row, std::size_t block) {
    const std::size_t group = row / NonzeroLists::kRows;
    const std::uint32_t* const starts = lists.starts(group, block) + row % NonzeroLists::kRows;
    const Nonzero* const entries = lists.entries(group, block);
    begin = entries + starts[0];
    end = entries + starts[1];
  }
};

/// The first `columns` numbers of VN vectors.
template <std::size_t VN>
HWY_INLINE void store_row(const float* from, std::size_t columns, float* to) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t v = 0; v < VN && v * lanes < columns; ++v) {
    const V sum = hn::LoadU(d, from + v * lanes);
    if (columns - v * lanes >= lanes)
      hn::StoreU(sum, d, to + v * lanes);
    else
      hn::BlendedStore(sum, hn::FirstN(d, columns - v * lanes), d, to + v * lanes);
  }
}

/// One tap and block, for rows that are held.
template <std::size_t VN>
HWY_INLINE void add_tap(const NonzeroLists& a, std::size_t block, const TapTable& table, std::size_t tap,
                        Range rows, const float* weights, std::size_t width, NextBlock& next, float* held) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  for_examples(rows, table.results,
               [&](std::size_t row, std::size_t position, std::size_t example, std::size_t count) HWY_ATTR {
                 const std::int32_t* const source = table.tap(tap) + position;
                 float* to = held + (row - rows.begin) * VN * lanes;
                 for (std::size_t p = 0; p < count; ++p, to += VN * lanes) {
                   next.fetch_some();
                   if (source[p] < 0) continue;
                   const Entries listed(a, example * table.operands + static_cast<std::size_t>(source[p]),
                                        block);
                   V sum[VN];
                   for (std::size_t v = 0; v < VN; ++v) sum[v] = hn::LoadU(d, to + v * lanes);
                   add_entries<VN>(listed.begin, listed.end, weights, width, sum);
                   for (std::size_t v = 0; v < VN; ++v) hn::StoreU(sum[v], d, to + v * lanes);
                 }
               });
}

template <std::size_t VN>
HWY_INLINE void product_rows(const NonzeroLists& a, const TapTable& table, Range rows, const float* panel,
                             std::size_t width, std::size_t columns, const float* start, float* c,
                             std::size_t c_stride) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  alignas(kAlignment) float held[kRowsHeld * Panels::kWidth];
  V first[VN];
  for (std::size_t v = 0; v < VN; ++v) first[v] = start ? hn::LoadU(d, start + v * lanes) : hn::Zero(d);
  for (std::size_t r = 0; r < rows.size(); ++r)
    for (std::size_t v = 0; v < VN; ++v) hn::StoreU(first[v], d, held + (r * VN + v) * lanes);
  for (std::size_t tap = 0; tap < table.taps; ++tap)
    for (std::size_t block = 0; block < a.blocks(); ++block) {
      const float* const weights = panel + (tap * a.columns() + block * NonzeroLists::kColumns) * width;
      const std::size_t used = a.columns_of(block).size();
      const bool last = tap + 1 == table.taps && block + 1 == a.blocks();
      NextBlock next(last ? nullptr : weights + used * width, width, rows.size(), used);
      add_tap<VN>(a, block, table, tap, rows, weights, width, next, held);
    }
  for (std::size_t r = 0; r < rows.size(); ++r)
    store_row<VN>(held + r * VN * lanes, columns, c + (rows.begin + r) * c_stride);
}

// Taps of a row together. A position of the operand serves as many neighbouring results as there are taps in
// a row: each entry is read once for all of them, and their sums move on through registers with the position.
// That needs those taps' weights in the L1 cache, for few columns at a time; with more channels than fit one
// tap after the other is faster.

constexpr std::size_t kMostSums = 12;           // vectors
constexpr std::size_t kMostWeights = 7 * 1024;  // floats: 28 KiB
constexpr std::size_t kHeldFloats = kRowsHeld * Panels::kWidth;

/// Vectors of columns at a time, or 0.
HWY_INLINE std::size_t row_vectors(const NonzeroLists& a, const TapTable& table, Range rows) {
  if ((table.in_row != 3 && table.in_row != 5) || a.blocks() > 1) return 0;
  if (rows.begin % table.result_columns != 0 || rows.end % table.result_columns != 0) return 0;
  const std::size_t lanes = hn::Lanes(D());
  for (std::size_t vectors = 4; vectors > 0; vectors /= 2)
    if (table.in_row * vectors <= kMostSums && a.columns() * table.in_row * vectors * lanes <= kMostWeights &&
        (table.result_columns + 2 * table.in_row) * vectors * lanes <= kHeldFloats)
      return vectors;
  return 0;
}

/// Grid rows of the result through one row of the kernel. held: for each of them its columns with `T` more on
/// either side, VN vectors a position. weights: [channels, T, VN vectors].
template <std::size_t T, std::size_t VN>
HWY_INLINE void add_kernel_row(const NonzeroLists& a, const TapTable& table, std::size_t kernel_row,
                               Range grid_rows, const float* HWY_RESTRICT weights, float* HWY_RESTRICT held) {
  const D d;
  const std::size_t lanes = hn::Lanes(d), rows = table.results / table.result_columns;
  const std::size_t pitch = (table.result_columns + 2 * T) * VN * lanes;
  const std::int32_t* const source = table.tap(kernel_row * T + table.before);  // of column 0: the first
  for (std::size_t r = grid_rows.begin; r < grid_rows.end; ++r) {
    const std::int32_t from = source[r % rows * table.result_columns];
    if (from < 0) continue;
    std::size_t row = r / rows * table.operands + static_cast<std::size_t>(from);
    // The window of results that operand column 0 takes part in, the last one first.
    float* to = held + (r - grid_rows.begin) * pitch + (T + table.before) * VN * lanes;
    V sum[T][VN];
    for (std::size_t t = 0; t < T; ++t)
      for (std::size_t v = 0; v < VN; ++v) sum[t][v] = hn::LoadU(d, to - t * VN * lanes + v * lanes);
    for (std::size_t x = 0; x < table.operand_columns; ++x, ++row) {
      const Entries listed(a, row, 0);
      for (const Nonzero* entry = listed.begin; entry != listed.end; ++entry) {
        const float* const w = weights + entry->column * (T * VN * lanes);
        const V value = hn::Set(d, entry->value);
        for (std::size_t t = 0; t < T; ++t)
          for (std::size_t v = 0; v < VN; ++v)
            sum[t][v] = hn::MulAdd(value, hn::LoadU(d, w + (t * VN + v) * lanes), sum[t][v]);
      }
      float* const done = to - (T - 1) * VN * lanes;
      to += VN * lanes;
      for (std::size_t v = 0; v < VN; ++v) {
        hn::StoreU(sum[T - 1][v], d, done + v * lanes);
        for (std::size_t t = T - 1; t > 0; --t) sum[t][v] = sum[t - 1][v];
        sum[0][v] = hn::LoadU(d, to + v * lanes);
      }
    }
    for (std::size_t t = 1; t < T; ++t)
      for (std::size_t v = 0; v < VN; ++v) hn::StoreU(sum[t][v], d, to - t * VN * lanes + v * lanes);
  }
}

/// VN vectors of the columns of some grid rows, few enough to be held.
template <std::size_t T, std::size_t VN>
HWY_INLINE void grid_rows_product(const NonzeroLists& a, const TapTable& table, Range grid_rows,
                                  const float* panel, std::size_t width, std::size_t columns,
                                  const float* start, float* c, std::size_t c_stride) {
  const D d;
  const std::size_t lanes = hn::Lanes(d), k_count = a.columns();
  const std::size_t pitch = table.result_columns + 2 * T;  // positions
  alignas(kAlignment) float held[kHeldFloats], weights[kMostWeights];
  for (std::size_t v = 0; v < VN; ++v) {
    const V first = start ? hn::LoadU(d, start + v * lanes) : hn::Zero(d);
    for (std::size_t i = 0; i < grid_rows.size() * pitch; ++i)
      hn::StoreU(first, d, held + (i * VN + v) * lanes);
  }
  for (std::size_t kernel_row = 0; kernel_row < table.taps / T; ++kernel_row) {
    for (std::size_t k = 0; k < k_count; ++k)
      for (std::size_t t = 0; t < T; ++t)
        for (std::size_t v = 0; v < VN; ++v)
          hn::StoreU(hn::LoadU(d, panel + ((kernel_row * T + t) * k_count + k) * width + v * lanes), d,
                     weights + ((k * T + t) * VN + v) * lanes);
    add_kernel_row<T, VN>(a, table, kernel_row, grid_rows, weights, held);
  }
  for (std::size_t r = 0; r < grid_rows.size(); ++r)
    for (std::size_t x = 0; x < table.result_columns; ++x)
      store_row<VN>(held + (r * pitch + T + x) * VN * lanes, columns,
                    c + ((grid_rows.begin + r) * table.result_columns + x) * c_stride);
}

template <std::size_t T>
HWY_INLINE void row_product(const NonzeroLists& a, const TapTable& table, Range rows, std::size_t most,
                            const float* panel, std::size_t width, std::size_t columns, const float* start,
                            float* c, std::size_t c_stride) {
  const std::size_t lanes = hn::Lanes(D());
  const std::size_t together = kHeldFloats / ((table.result_columns + 2 * T) * most * lanes);
  const Range all{rows.begin / table.result_columns, rows.end / table.result_columns};
  for (std::size_t r = all.begin; r < all.end; r += together) {
    const Range part{r, std::min(all.end, r + together)};
    for (std::size_t column = 0; column < columns;) {
      std::size_t vectors = most;
      while (vectors > (width - column) / lanes) vectors /= 2;
      const auto run = [&]<std::size_t VN>() HWY_ATTR {
        grid_rows_product<T, VN>(a, table, part, panel + column, width, columns - column,
                                 start ? start + column : nullptr, c + column, c_stride);
      };
      if (vectors == 1) run.template operator()<1>();
      if (vectors == 2) run.template operator()<2>();
      if constexpr (4 * T <= kMostSums)
        if (vectors == 4) run.template operator()<4>();
      column += vectors * lanes;
    }
  }
}

void SkippingConvProduct(const NonzeroLists& a, const TapTable& table, Range rows, const float* panel,
                         std::size_t width, std::size_t columns, const float* start, float* c,
                         std::size_t c_stride) {
  const std::size_t lanes = hn::Lanes(D());
  if (const std::size_t most = row_vectors(a, table, rows); most > 0) {
    if (table.in_row == 3)
      row_product<3>(a, table, rows, most, panel, width, columns, start, c, c_stride);
    else
      row_product<5>(a, table, rows, most, panel, width, columns, start, c, c_stride);
    return;
  }
  for (std::size_t row = rows.begin; row < rows.end; row += kRowsHeld) {
    const Range part{row, std::min(rows.end, row + kRowsHeld)};
    for (std::size_t column = 0; column < columns;) {
      const std::size_t vectors = std::min(kVectors, (width - column) / lanes);
      const auto run = [&]<std::size_t VN>() HWY_ATTR {
        product_rows<VN>(a, table, part, panel + column, width, columns - column,
                         start ? start + column : nullptr, c + column, c_stride);
      };
      with_vectors<kVectors>(vectors, run);
      column += vectors * lanes;
    }
  }
}

void MaskedConvDots(const NonzeroLists& mask, const TapTable& table, std::size_t block, Range groups,
                    const float* dy, std::size_t dy_stride, const float* panel, std::size_t width,
                    float* sums) {
  const std::size_t lanes = hn::Lanes(D());
  const Range rows{mask.rows_of(groups.begin).begin, mask.rows_of(groups.end - 1).end};
  for (std::size_t tap = 0; tap < table.taps; ++tap) {
    const float* const weights =
        panel + ((table.taps - 1 - tap) * mask.columns() + block * NonzeroLists::kColumns) * width;
    for (std::size_t column = 0; column < width;) {
      const std::size_t vectors = std::min(kVectors, (width - column) / lanes);
      const auto run = [&]<std::size_t VN>() HWY_ATTR {
        for_examples(
            rows, table.results,
            [&](std::size_t row, std::size_t position, std::size_t example, std::size_t count) HWY_ATTR {
              const std::int32_t* const source = table.tap(tap) + position;
              for (std::size_t p = 0; p < count; ++p, ++row) {
                if (source[p] < 0) continue;
                const std::size_t from = example * table.operands + static_cast<std::size_t>(source[p]);
                const std::size_t group = row / NonzeroLists::kRows;
                const Entries listed(mask, row, block);
                row_dots<VN>(listed.begin, listed.end, dy + from * dy_stride + column, weights + column,
                             width, false,
                             sums + mask.offset(group, block) + (listed.begin - mask.entries(group, block)));
              }
            });
      };
      with_vectors<kVectors>(vectors, run);
      column += vectors * lanes;
    }
  }
}

void ListPositions(const float* matrix, std::size_t stride, const std::uint32_t* names, std::size_t block,
                   const PositionLists& lists) {
  const hn::ScalableTag<float> d;
  const hn::RebindToUnsigned<decltype(d)> du;
  const std::size_t first = block * PositionLists::kRows;
  const std::size_t rows = std::min(lists.rows - first, PositionLists::kRows);
  alignas(kAlignment) std::uint32_t called[PositionLists::kRows] = {};
  for (std::size_t r = 0; r < rows; ++r) called[r] = names[r] - names[0];
  lists.bases[block] = names[0];
  std::uint32_t* start = lists.starts + block * (lists.channels + 1);
  Nonzero* const entries = lists.entries + block * lists.capacity();
  std::size_t at = 0;
  for (std::size_t begin = 0; begin < lists.channels; begin += Panels::kWidth) {  // in the L1 cache
    alignas(kAlignment) float turned[PositionLists::kRows * Panels::kWidth];
    const std::size_t channels = std::min(lists.channels - begin, Panels::kWidth);
    const Panels shape{channels, rows};
    transpose_to_panels(matrix + first * stride + begin, stride, rows, channels, {0, shape.count()}, turned);
    for (std::size_t k = 0; k < channels; ++k) {
      *start++ = static_cast<std::uint32_t>(at);
      for (std::size_t p = 0; p < shape.count(); ++p)
        at += list_numbers(
            turned + shape.offset(p) + k * shape.width(p), shape.used(p),
            [&](std::size_t j) HWY_ATTR { return hn::LoadU(du, called + p * Panels::kWidth + j); },
            entries + at);
    }
  }
  *start = static_cast<std::uint32_t>(at);
}

constexpr std::size_t kMostPositionSums = std::min<std::size_t>(kVectors, 4);  // of three taps in registers

/// Sums of T taps, whose grid rows are `step` floats apart, for every channel: an entry is read once for all
/// of them. sums: of the first tap; those of the next one are `tap` floats on.
template <std::size_t T, std::size_t VN>
HWY_INLINE void add_positions(const PositionLists& lists, std::size_t block, const float* HWY_RESTRICT grid,
                              std::ptrdiff_t step, std::size_t width, float* HWY_RESTRICT sums,
                              std::size_t tap) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  const std::uint32_t* const starts = lists.starts + block * (lists.channels + 1);
  const Nonzero* entry = lists.entries + block * lists.capacity();
  const Nonzero* const entries = entry;
  // Known only where these vectors are all of a row.
  const std::size_t pitch = kMostPositionSums == kVectors ? known_width<VN>(width) : width;
  for (std::size_t k = 0; k < lists.channels; ++k, sums += width) {
    V sum[T][VN];
    for (std::size_t t = 0; t < T; ++t)
      for (std::size_t v = 0; v < VN; ++v) sum[t][v] = hn::LoadU(d, sums + t * tap + v * lanes);
    for (const Nonzero* const end = entries + starts[k + 1]; entry != end; ++entry) {
      const float* from = grid + entry->column * pitch;
      const V value = hn::Set(d, entry->value);
      for (std::size_t t = 0; t < T; ++t, from += step)
        for (std::size_t v = 0; v < VN; ++v)
          sum[t][v] = hn::MulAdd(value, hn::LoadU(d, from + v * lanes), sum[t][v]);
    }
    for (std::size_t t = 0; t < T; ++t)
      for (std::size_t v = 0; v < VN; ++v) hn::StoreU(sum[t][v], d, sums + t * tap + v * lanes);
  }
}

/// Taps from `first` on that can go together: they are equally far apart.
HWY_INLINE std::size_t taps_together(const std::int32_t* offset, std::size_t first, std::size_t taps) {
  if (taps - first < 3 || offset[first + 2] - offset[first + 1] != offset[first + 1] - offset[first])
    return 1;
  return 3;
}

void SkippingConvGradient(const PositionLists& lists, Range blocks, const float* grid, std::size_t width,
                          std::size_t taps, const std::int32_t* offset, float* sums) {
  const std::size_t lanes = hn::Lanes(D()), tap = lists.channels * width;
  for (std::size_t block = blocks.begin; block < blocks.end; ++block)
    for (std::size_t t = 0, together; t < taps; t += together) {
      together = taps_together(offset, t, taps);
      const auto place = [&](std::size_t which) {
        return (static_cast<std::ptrdiff_t>(lists.bases[block]) + offset[which]) *
               static_cast<std::ptrdiff_t>(width);
      };
      const float* const from = grid + place(t);
      const std::ptrdiff_t step = together > 1 ? place(t + 1) - place(t) : 0;
      for (std::size_t column = 0; column < width;) {
        const std::size_t vectors = std::min(kMostPositionSums, (width - column) / lanes);
        const auto run = [&]<std::size_t VN>() HWY_ATTR {
          float* const to = sums + t * tap + column;
          if (together == 3)
            add_positions<3, VN>(lists, block, from + column, step, width, to, tap);
          else
            add_positions<1, VN>(lists, block, from + column, step, width, to, tap);
        };
        with_vectors<kMostPositionSums>(vectors, run);
        column += vectors * lanes;
      }
    }
}

}  // namespace HWY_NAMESPACE
}  // namespace halfwave
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace halfwave {

HWY_EXPORT(SkippingConvProduct);
HWY_EXPORT(MaskedConvDots);
HWY_EXPORT(ListPositions);
HWY_EXPORT(SkippingConvGradient);

void skipping_conv_product(const NonzeroLists& a, const TapTable& table, Range rows, const float* panel,
                           std::size_t width, std::size_t columns, const float* start, float* c,
                           std::size_t c_stride) {
  HWY_DYNAMIC_DISPATCH(SkippingConvProduct)(a, table, rows, panel, width, columns, start, c, c_stride);
}

void masked_conv_dots(const NonzeroLists& mask, const TapTable& table, std::size_t block, Range groups,
                      const float* dy, std::size_t dy_stride, const float* panel, std::size_t width,
                      float* sums) {
  HWY_DYNAMIC_DISPATCH(MaskedConvDots)(mask, table, block, groups, dy, dy_stride, panel, width, sums);
}

void list_positions(const float* matrix, std::size_t stride, const std::uint32_t* names, std::size_t block,
                    const PositionLists& lists) {
  HWY_DYNAMIC_DISPATCH(ListPositions)(matrix, stride, names, block, lists);
}

void skipping_conv_gradient(const PositionLists& lists, Range blocks, const float* grid, std::size_t width,
                            std::size_t taps, const std::int32_t* offset, float* sums) {
  HWY_DYNAMIC_DISPATCH(SkippingConvGradient)(lists, blocks, grid, width, taps, offset, sums);
}

PositionLists::PositionLists(float* memory, std::size_t all_rows, std::size_t all_channels)
    : rows(all_rows), channels(all_channels) {
  Placer placer(memory);
  bases = reinterpret_cast<std::uint32_t*>(placer.take(blocks()));
  starts = reinterpret_cast<std::uint32_t*>(placer.take(blocks() * (channels + 1)));
  entries = reinterpret_cast<Nonzero*>(placer.take(2 * blocks() * capacity()));
}

std::size_t PositionLists::floats(std::size_t rows, std::size_t channels) {
  const PositionLists lists(nullptr, rows, channels);
  return round_up(lists.blocks(), kLineFloats) + round_up(lists.blocks() * (channels + 1), kLineFloats) +
         2 * lists.blocks() * lists.capacity();
}

}  // namespace halfwave
#endif
