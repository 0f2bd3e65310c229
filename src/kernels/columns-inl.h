// Loops over the columns of a row, for kernels that work on matrices; included once per instruction set.
#if defined(HALFWAVE_KERNELS_COLUMNS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFWAVE_KERNELS_COLUMNS_INL_H
#undef HALFWAVE_KERNELS_COLUMNS_INL_H
#else
#define HALFWAVE_KERNELS_COLUMNS_INL_H
#endif

#include <hwy/highway.h>

#include <cstddef>

#include "core/team.h"

HWY_BEFORE_NAMESPACE();
namespace halfwave::HWY_NAMESPACE {

/// Calls column(vector tag, first column) for whole vectors, then number by number for what is left.
template <class Body>
HWY_INLINE void for_columns(Range columns, Body&& body) {
  const hwy::HWY_NAMESPACE::ScalableTag<float> d;
  const std::size_t lanes = hwy::HWY_NAMESPACE::Lanes(d);
  std::size_t j = columns.begin;
  for (; j + lanes <= columns.end; j += lanes) body(d, j);
  const hwy::HWY_NAMESPACE::CappedTag<float, 1> one;
  for (; j < columns.end; ++j) body(one, j);
}

}  // namespace halfwave::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
