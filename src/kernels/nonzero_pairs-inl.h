// Lists of the numbers that are not zero; included once per instruction set.
#if defined(HALFWAVE_KERNELS_NONZERO_PAIRS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFWAVE_KERNELS_NONZERO_PAIRS_INL_H
#undef HALFWAVE_KERNELS_NONZERO_PAIRS_INL_H
#else
#define HALFWAVE_KERNELS_NONZERO_PAIRS_INL_H
#endif

#include <hwy/highway.h>

#include <bit>
#include <cstddef>
#include <cstdint>

#include "kernels/nonzero_lists.h"

HWY_BEFORE_NAMESPACE();
namespace halfwave::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Numbers that are not zero among the first `count`; NaN is not zero, though Ne would say so.
template <class D>
HWY_INLINE hn::Mask<D> nonzeros(D d, hn::Vec<D> numbers, std::size_t count) {
  const auto listed = hn::Not(hn::Eq(numbers, hn::Zero(d)));
  return count >= hn::Lanes(d) ? listed : hn::And(listed, hn::FirstN(d, count));
}

/// Writes pairs of column and value, a whole vector of them, of which only the first may count: a branch
/// would be foreseen half of the time.
#if HWY_TARGET == HWY_SCALAR
template <class DU>
HWY_INLINE void store_pairs(DU, hn::Vec<DU> columns, hn::Vec<DU> values, Nonzero* to) {
  *to = {hn::GetLane(columns), std::bit_cast<float>(hn::GetLane(values))};
}
#else
template <class DH>
HWY_INLINE void store_half(DH, hn::Vec<DH> columns, hn::Vec<DH> values, Nonzero* to) {
  const hn::Rebind<std::uint64_t, DH> pairs;
  hn::StoreU(hn::Or(hn::PromoteTo(pairs, columns), hn::ShiftLeft<32>(hn::PromoteTo(pairs, values))), pairs,
             reinterpret_cast<std::uint64_t*>(to));
}

template <class DU>
HWY_INLINE void store_pairs(DU, hn::Vec<DU> columns, hn::Vec<DU> values, Nonzero* to) {
  const hn::Half<DU> half;
  store_half(half, hn::LowerHalf(half, columns), hn::LowerHalf(half, values), to);
  store_half(half, hn::UpperHalf(half, columns), hn::UpperHalf(half, values), to + hn::Lanes(half));
}
#endif

/// Lists the non-zero among `count` numbers, of which whole vectors can be read; column_of(j) is a vector of
/// what the numbers from j on are called. How many there are; room is needed for a vector more.
template <class ColumnOf>
HWY_INLINE std::size_t list_numbers(const float* from, std::size_t count, ColumnOf&& column_of, Nonzero* to) {
  const hn::ScalableTag<float> d;
  const hn::RebindToUnsigned<decltype(d)> du;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t at = 0;
  for (std::size_t j = 0; j < count; j += lanes) {
    const auto value = hn::LoadU(d, from + j);
    const auto listed = nonzeros(d, value, count - j);
    store_pairs(du, hn::Compress(column_of(j), hn::RebindMask(du, listed)),
                hn::BitCast(du, hn::Compress(value, listed)), to + at);
    at += hn::CountTrue(d, listed);
  }
  return at;
}

}  // namespace halfwave::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
