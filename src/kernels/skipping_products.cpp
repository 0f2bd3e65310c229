#include "kernels/skipping_products.h"

#include <algorithm>

#include "kernels/panels.h"
#include "kernels/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/skipping_products.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/skipping_rows-inl.h"
#include "kernels/vector_counts-inl.h"

HWY_BEFORE_NAMESPACE();
namespace halfwave {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Groups of rows that go through the blocks together; between blocks their rows of the result are held in
/// one piece, where neighbouring rows are neighbouring lines, and not at the distance of the result's rows.
constexpr std::size_t kGroupsHeld = 16;

/// Into the L2 cache: what is fetched here is used when the whole block is done.
HWY_INLINE void fetch(const Companions& companions, std::size_t begin, std::size_t floats) {
  for (std::size_t i = 0; i < companions.count; ++i)
    for (std::size_t j = 0; j < floats; j += kLineFloats)
      __builtin_prefetch(companions.arrays[i] + begin + j, 0, 2);
}

/// What row `row` of the result begins with.
template <std::size_t VN>
HWY_INLINE void begin_row(ProductStart start, std::size_t row, V* sum) {
  const D d;
  if (!start.row) {
    for (std::size_t v = 0; v < VN; ++v) sum[v] = hn::Zero(d);
    return;
  }
  const V scale = hn::Set(d, start.scale ? start.scale[row] : 1.0f);
  for (std::size_t v = 0; v < VN; ++v) sum[v] = hn::Mul(scale, hn::LoadU(d, start.row + v * hn::Lanes(d)));
}

/// VN vectors of the panel's columns, block by block.
template <std::size_t VN>
HWY_INLINE void product_columns(const NonzeroLists& a, Range groups, const float* HWY_RESTRICT panel,
                                std::size_t width, ProductStart start, float* HWY_RESTRICT c,
                                std::size_t c_stride, const Companions& companions) {
  const D d;
  const std::size_t lanes = hn::Lanes(d), held_stride = VN * lanes;
  alignas(kAlignment) float held[kGroupsHeld * NonzeroLists::kRows * Panels::kWidth];
  for (std::size_t block = 0; block < a.blocks(); ++block, panel += NonzeroLists::kColumns * width) {
    const bool last = block + 1 == a.blocks();
    // Behind the last block comes the first of the next panel.
    NextBlock next(a.blocks() > 1 ? panel + NonzeroLists::kColumns * width : nullptr, width,
                   groups.size() * NonzeroLists::kRows);
    std::size_t row = 0;  // of c
    for (std::size_t group = groups.begin; group < groups.end; ++group) {
      const std::uint32_t* starts = a.starts(group, block);
      const Nonzero* const entries = a.entries(group, block);
      for (std::size_t left = a.rows_of(group).size(); left > 0; --left, ++starts, ++row) {
        if (last && companions.count > 0) fetch(companions, row * width, width);
        next.fetch_some();
        float* const hold = held + row * held_stride;
        V sum[VN];
        if (block == 0)
          begin_row<VN>(start, row, sum);
        else
          for (std::size_t v = 0; v < VN; ++v) sum[v] = hn::LoadU(d, hold + v * lanes);
        add_entries<VN>(entries + starts[0], entries + starts[1], panel, width, sum);
        float* const to = last ? c + row * c_stride : hold;
        for (std::size_t v = 0; v < VN; ++v) hn::StoreU(sum[v], d, to + v * lanes);
      }
    }
  }
}

void SkippingProduct(const NonzeroLists& a, Range groups, const float* panel, std::size_t width,
                     ProductStart start, float* c, std::size_t c_stride, const Companions& companions) {
  const std::size_t lanes = hn::Lanes(D());
  for (std::size_t g = groups.begin; g < groups.end; g += kGroupsHeld) {
    const Range part{g, std::min(groups.end, g + kGroupsHeld)};
    const std::size_t row = (g - groups.begin) * NonzeroLists::kRows;
    for (std::size_t column = 0; column < width;) {
      const std::size_t vectors = std::min(kVectors, (width - column) / lanes);
      const ProductStart from{start.row ? start.row + column : nullptr,
                              start.scale ? start.scale + row : nullptr};
      Companions with;
      if (column == 0) {
        with = companions;
        for (std::size_t i = 0; i < with.count; ++i) with.arrays[i] += row * width;
      }
      const auto run = [&]<std::size_t VN>() HWY_ATTR {
        product_columns<VN>(a, part, panel + column, width, from, c + row * c_stride + column, c_stride,
                            with);
      };
      with_vectors<kVectors>(vectors, run);
      column += vectors * lanes;
    }
  }
}

/// y[columns] += Σ value[i] · row[i][columns], i < RN.
template <std::size_t RN>
HWY_INLINE void add_rows(const float* const* row, const float* value, Range columns, float* HWY_RESTRICT y) {
  const D d;
  V scale[RN];
  for (std::size_t i = 0; i < RN; ++i) scale[i] = hn::Set(d, value[i]);
  for (std::size_t j = columns.begin; j < columns.end; j += hn::Lanes(d)) {
    V sum = hn::LoadU(d, y + j);
    for (std::size_t i = 0; i < RN; ++i) sum = hn::MulAdd(scale[i], hn::LoadU(d, row[i] + j), sum);
    hn::StoreU(sum, d, y + j);
  }
}

void SkippingFew(const NonzeroLists& a, Range columns, const float* weights, std::size_t w_stride,
                 const float* start, float* y, std::size_t y_stride) {
  constexpr std::size_t kTogether = 6;  // rows read side by side; more do not come faster
  for (std::size_t m = 0; m < a.rows(); ++m, y += y_stride) {
    const std::size_t group = m / NonzeroLists::kRows, r = m % NonzeroLists::kRows;
    std::copy(start + columns.begin, start + columns.end, y + columns.begin);
    const float* rows[kTogether];
    float values[kTogether];
    std::size_t held = 0;
    for (std::size_t block = 0; block < a.blocks(); ++block) {
      const std::uint32_t* const starts = a.starts(group, block) + r;
      const Nonzero* const entries = a.entries(group, block);
      const float* const from = weights + block * NonzeroLists::kColumns * w_stride;
      for (std::size_t i = starts[0]; i < starts[1]; ++i) {
        rows[held] = from + entries[i].column * w_stride;
        values[held] = entries[i].value;
        if (++held < kTogether) continue;
        add_rows<kTogether>(rows, values, columns, y);
        held = 0;
      }
    }
    for (std::size_t i = 0; i < held; ++i) add_rows<1>(rows + i, values + i, columns, y);
  }
}

template <std::size_t VN>
HWY_INLINE void dots_of(const NonzeroLists& mask, std::size_t block, Range groups, const float* dy,
                        const float* panel, std::size_t width, std::size_t column, bool first, float* sums,
                        const float* following) {
  NextBlock next(following, width, groups.size() * NonzeroLists::kRows);
  for (std::size_t group = groups.begin; group < groups.end; ++group) {
    const Range rows = mask.rows_of(group);
    const std::uint32_t* starts = mask.starts(group, block);
    const Nonzero* const entries = mask.entries(group, block);
    float* const to = sums + mask.offset(group, block);
    for (std::size_t row = rows.begin; row < rows.end; ++row, ++starts) {
      next.fetch_some();
      row_dots<VN>(entries + starts[0], entries + starts[1], dy + row * width + column, panel + column, width,
                   first, to + starts[0]);
    }
  }
}

void MaskedDots(const NonzeroLists& mask, std::size_t block, Range groups, const float* dy,
                const float* panel, std::size_t width, bool first, float* sums, const float* next) {
  const std::size_t lanes = hn::Lanes(D());
  panel += block * NonzeroLists::kColumns * width;
  for (std::size_t column = 0; column < width;) {
    const std::size_t vectors = std::min(kVectors, (width - column) / lanes);
    const auto run = [&]<std::size_t VN>() HWY_ATTR {
      dots_of<VN>(mask, block, groups, dy, panel, width, column, first && column == 0, sums,
                  column == 0 ? next : nullptr);
    };
    with_vectors<kVectors>(vectors, run);
    column += vectors * lanes;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace halfwave
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace halfwave {

HWY_EXPORT(SkippingProduct);
HWY_EXPORT(SkippingFew);
HWY_EXPORT(MaskedDots);

void skipping_product(const NonzeroLists& a, Range groups, const float* panel, std::size_t width,
                      ProductStart start, float* c, std::size_t c_stride, const Companions& companions) {
  HWY_DYNAMIC_DISPATCH(SkippingProduct)(a, groups, panel, width, start, c, c_stride, companions);
}

void skipping_few(const NonzeroLists& a, Range columns, const float* weights, std::size_t w_stride,
                  const float* start, float* y, std::size_t y_stride) {
  HWY_DYNAMIC_DISPATCH(SkippingFew)(a, columns, weights, w_stride, start, y, y_stride);
}

void masked_dots(const NonzeroLists& mask, std::size_t block, Range groups, const float* dy,
                 const float* panel, std::size_t width, bool first, float* sums, const float* next) {
  HWY_DYNAMIC_DISPATCH(MaskedDots)(mask, block, groups, dy, panel, width, first, sums, next);
}

void scatter_block(const NonzeroLists& mask, std::size_t block, Range groups, const float* sums, float* dx,
                   std::size_t dx_stride) {
  const Range columns = mask.columns_of(block);
  for (std::size_t group = groups.begin; group < groups.end; ++group) {
    const Range rows = mask.rows_of(group);
    const std::uint32_t* const starts = mask.starts(group, block);
    const Nonzero* const entries = mask.entries(group, block);
    const float* const from = sums + mask.offset(group, block);
    for (std::size_t row = rows.begin; row < rows.end; ++row) {
      float* const to = dx + row * dx_stride + columns.begin;
      std::fill_n(to, round_up(columns.size(), kLineFloats), 0.0f);
      const std::size_t r = row - rows.begin;
      for (std::size_t i = starts[r]; i < starts[r + 1]; ++i) to[entries[i].column] = from[i];
    }
  }
}

const float* block_of(const float* weights, Panels shape, std::size_t panel, std::size_t block) {
  if (panel >= shape.count()) return nullptr;
  return weights + shape.offset(panel) + block * NonzeroLists::kColumns * shape.width(panel);
}

void masked_product(const NonzeroLists& mask, Range blocks, Range groups, const float* dy_panels,
                    const float* weights, Panels shape, float* sums, float* dx, std::size_t dx_stride) {
  const Panels dy_shape{mask.rows(), shape.columns};
  // A panel of dy is in the L2 cache while so many blocks use it.
  constexpr std::size_t kBlocks = 4;
  for (std::size_t begin = blocks.begin; begin < blocks.end; begin += kBlocks) {
    const std::size_t end = std::min(blocks.end, begin + kBlocks);
    for (std::size_t p = 0; p < shape.count(); ++p)
      for (std::size_t block = begin; block < end; ++block)
        masked_dots(mask, block, groups, dy_panels + dy_shape.offset(p), weights + shape.offset(p),
                    shape.width(p), p == 0, sums,
                    block + 1 < end ? block_of(weights, shape, p, block + 1)
                                    : block_of(weights, shape, p + 1, begin));
    for (std::size_t block = begin; block < end; ++block)
      scatter_block(mask, block, groups, sums, dx, dx_stride);
  }
}

}  // namespace halfwave
#endif
