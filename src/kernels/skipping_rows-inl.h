// What the listed numbers of one row take part in; included once per instruction set.
#if defined(HALFWAVE_KERNELS_SKIPPING_ROWS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFWAVE_KERNELS_SKIPPING_ROWS_INL_H
#undef HALFWAVE_KERNELS_SKIPPING_ROWS_INL_H
#else
#define HALFWAVE_KERNELS_SKIPPING_ROWS_INL_H
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>

#include "core/aligned.h"
#include "kernels/nonzero_lists.h"
#include "kernels/panels.h"

HWY_BEFORE_NAMESPACE();
namespace halfwave::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

// Vectors of accumulators of a row: as much of a panel's 64 columns as the registers hold.
#if HWY_TARGET <= HWY_AVX3 || HWY_TARGET == HWY_SCALAR
constexpr std::size_t kVectors = 4;
#else
constexpr std::size_t kVectors = 8;
#endif

/// Where the registers hold a whole panel's columns its width is known from their number, and a row's address
/// needs no multiplication.
template <std::size_t VN>
HWY_INLINE std::size_t known_width(std::size_t width) {
  if constexpr (kVectors * hn::MaxLanes(D()) == Panels::kWidth)
    return VN * hn::MaxLanes(D());
  else
    return width;
}

/// Fetches the block that comes next while many rows go through this one, a few lines with each row. Sparse
/// rows come in no order that the processor could foresee. With few rows there is no time for it.
class NextBlock {
 public:
  /// `rows` go through this block; the next one has `lines` rows of `width` floats.
  NextBlock(const float* block, std::size_t width, std::size_t rows,
            std::size_t lines = NonzeroLists::kColumns)
      : next_(block),
        end_(block + (block && 4 * rows >= 3 * lines ? lines * width : 0)),
        step_(rows > 0 ? round_up(lines * width / rows, kLineFloats) : 0) {}
  HWY_INLINE void fetch_some() {
    for (const float* const stop = std::min(end_, next_ + step_); next_ < stop; next_ += kLineFloats)
      __builtin_prefetch(next_, 0, 2);
  }

 private:
  const float *next_, *end_;
  std::size_t step_;
};

/// Adds what the entries of one row take from a block of the panel.
template <std::size_t VN>
HWY_INLINE void add_entries(const Nonzero* entry, const Nonzero* end, const float* HWY_RESTRICT block,
                            std::size_t width, V* sum) {
  const D d;
  width = known_width<VN>(width);
  for (; entry != end; ++entry) {
    const float* const from = block + entry->column * width;
    const V value = hn::Set(d, entry->value);
    for (std::size_t v = 0; v < VN; ++v)
      sum[v] = hn::MulAdd(value, hn::LoadU(d, from + v * hn::Lanes(d)), sum[v]);
  }
}

/// Dot products at a time: four of them are turned from vectors into one vector of sums.
constexpr std::size_t kDots = 4;

/// Sums of each of four vectors, in 128 bits.
#if HWY_TARGET != HWY_SCALAR
template <class DV>
HWY_INLINE hn::Vec<hn::FixedTag<float, kDots>> fold(DV, hn::Vec<DV> v) {
  if constexpr (hn::MaxLanes(DV()) > kDots) {
    const hn::Half<DV> half;
    return fold(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  } else {
    return v;
  }
}

HWY_INLINE hn::Vec<hn::FixedTag<float, kDots>> sums_of(const V* q) {
  const D d;
  const hn::Repartition<double, D> pairs;
  const auto ab =
      hn::BitCast(pairs, hn::Add(hn::InterleaveLower(d, q[0], q[1]), hn::InterleaveUpper(d, q[0], q[1])));
  const auto ce =
      hn::BitCast(pairs, hn::Add(hn::InterleaveLower(d, q[2], q[3]), hn::InterleaveUpper(d, q[2], q[3])));
  return fold(d, hn::Add(hn::BitCast(d, hn::InterleaveLower(pairs, ab, ce)),
                         hn::BitCast(d, hn::InterleaveUpper(pairs, ab, ce))));
}
#endif

/// sums[i] (+)= q[i] for the first `count` of four.
HWY_INLINE void add_sums(const V* q, std::size_t count, bool first, float* sums) {
#if HWY_TARGET == HWY_SCALAR
  for (std::size_t i = 0; i < count; ++i) sums[i] = first ? hn::GetLane(q[i]) : sums[i] + hn::GetLane(q[i]);
#else
  const hn::FixedTag<float, kDots> d4;
  auto all = sums_of(q);
  if (!first) all = hn::Add(all, hn::LoadU(d4, sums));
  if (count == kDots)
    hn::StoreU(all, d4, sums);
  else
    hn::BlendedStore(all, hn::FirstN(d4, count), d4, sums);
#endif
}

/// One row's dots: dy with `vectors` vectors against the listed rows of the panel.
template <std::size_t VN>
HWY_INLINE void row_dots(const Nonzero* entry, const Nonzero* end, const float* HWY_RESTRICT dy,
                         const float* HWY_RESTRICT panel, std::size_t width, bool first,
                         float* HWY_RESTRICT sums) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  width = known_width<VN>(width);
  V y[VN];
  for (std::size_t v = 0; v < VN; ++v) y[v] = hn::LoadU(d, dy + v * lanes);
  for (; entry < end; entry += kDots, sums += kDots) {
    const auto count = std::min<std::size_t>(kDots, static_cast<std::size_t>(end - entry));
    const float* from[kDots];
    for (std::size_t i = 0; i < kDots; ++i) from[i] = panel + entry[i < count ? i : 0].column * width;
    V q[kDots];
    for (std::size_t i = 0; i < kDots; ++i) q[i] = hn::Mul(y[0], hn::LoadU(d, from[i]));
    for (std::size_t v = 1; v < VN; ++v)
      for (std::size_t i = 0; i < kDots; ++i)
        q[i] = hn::MulAdd(y[v], hn::LoadU(d, from[i] + v * lanes), q[i]);
    add_sums(q, count, first, sums);
  }
}

}  // namespace halfwave::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
