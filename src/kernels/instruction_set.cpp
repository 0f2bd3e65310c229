#include "kernels/instruction_set.h"

#include "kernels/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/instruction_set.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace halfwave {
namespace HWY_NAMESPACE {

/// Highway calls AVX-512 AVX3.
const char* Name() { return HWY_TARGET == HWY_AVX3 ? "AVX-512" : hwy::TargetName(HWY_TARGET); }

}  // namespace HWY_NAMESPACE
}  // namespace halfwave
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace halfwave {

HWY_EXPORT(Name);

const char* instruction_set() { return HWY_DYNAMIC_DISPATCH(Name)(); }

}  // namespace halfwave
#endif
