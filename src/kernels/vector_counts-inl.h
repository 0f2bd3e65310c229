// A number of vectors as a constant, so that they are registers; included once per instruction set.
#if defined(HALFWAVE_KERNELS_VECTOR_COUNTS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFWAVE_KERNELS_VECTOR_COUNTS_INL_H
#undef HALFWAVE_KERNELS_VECTOR_COUNTS_INL_H
#else
#define HALFWAVE_KERNELS_VECTOR_COUNTS_INL_H
#endif

#include <hwy/highway.h>

#include <cstddef>

HWY_BEFORE_NAMESPACE();
namespace halfwave::HWY_NAMESPACE {

/// Calls run.operator()<count>(), count at most kMost. Panels are multiples of 16 floats wide, so beyond four
/// vectors only even counts occur.
template <std::size_t kMost, class Run>
HWY_INLINE void with_vectors(std::size_t count, Run&& run) {
  static_assert(kMost == 2 || kMost == 4 || kMost == 8);
  if (count == 1) return run.template operator()<1>();
  if (count == 2) return run.template operator()<2>();
  if constexpr (kMost >= 4) {
    if (count == 3) return run.template operator()<3>();
    if (count == 4) return run.template operator()<4>();
  }
  if constexpr (kMost >= 8) {
    if (count == 6) return run.template operator()<6>();
    if (count == 8) return run.template operator()<8>();
  }
}

}  // namespace halfwave::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
