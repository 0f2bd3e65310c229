#include "kernels/peak.h"

#include "kernels/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/peak.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace halfwave {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Twelve chains: enough to fill two units of four or five cycles' latency, few enough for sixteen registers.
double MultiplyAdds(std::size_t rounds) {
  const hn::ScalableTag<float> d;
  constexpr std::size_t kChains = 12;
  hn::Vec<decltype(d)> sum[kChains];
  for (std::size_t i = 0; i < kChains; ++i) sum[i] = hn::Set(d, static_cast<float>(i));
  const auto factor = hn::Set(d, 0.999f), term = hn::Set(d, 0.001f);
  for (std::size_t round = 0; round < rounds; ++round)
    for (std::size_t i = 0; i < kChains; ++i) sum[i] = hn::MulAdd(sum[i], factor, term);
  auto total = sum[0];
  for (std::size_t i = 1; i < kChains; ++i) total = hn::Add(total, sum[i]);
  volatile float keep = hn::GetLane(total);  // the loop has a result
  static_cast<void>(keep);
  return 2.0 * static_cast<double>(rounds * kChains * hn::Lanes(d));
}

}  // namespace HWY_NAMESPACE
}  // namespace halfwave
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace halfwave {

HWY_EXPORT(MultiplyAdds);

double run_multiply_adds(std::size_t rounds) { return HWY_DYNAMIC_DISPATCH(MultiplyAdds)(rounds); }

}  // namespace halfwave
#endif
