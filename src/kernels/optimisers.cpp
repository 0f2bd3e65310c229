#include "kernels/optimisers.h"

#include "kernels/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/optimisers.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace halfwave {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// body(tag, i) for whole vectors, then number by number.
template <class Body>
HWY_INLINE void for_each(std::size_t n, Body&& body) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) body(d, i);
  const hn::CappedTag<float, 1> one;
  for (; i < n; ++i) body(one, i);
}

void Sgd(const SgdStep step, float* HWY_RESTRICT w, const float* HWY_RESTRICT g, float* HWY_RESTRICT v,
         std::size_t n) {
  for_each(n, [&](auto d, std::size_t i) HWY_ATTR {
    const auto weight = hn::LoadU(d, w + i);
    auto change =
        hn::MulAdd(hn::Set(d, step.decay), weight, hn::Mul(hn::Set(d, step.scale), hn::LoadU(d, g + i)));
    if (step.momentum != 0.0f) {
      const auto momentum = hn::Set(d, step.momentum);
      const auto velocity = hn::MulAdd(momentum, hn::LoadU(d, v + i), change);
      hn::StoreU(velocity, d, v + i);
      change = step.nesterov ? hn::MulAdd(momentum, velocity, change) : velocity;
    }
    hn::StoreU(hn::NegMulAdd(hn::Set(d, step.rate), change, weight), d, w + i);
  });
}

void Adam(const AdamStep step, float* HWY_RESTRICT w, const float* HWY_RESTRICT g, float* HWY_RESTRICT m,
          float* HWY_RESTRICT v, std::size_t n) {
  for_each(n, [&](auto d, std::size_t i) HWY_ATTR {
    const auto weight = hn::LoadU(d, w + i);
    const auto gradient =
        hn::MulAdd(hn::Set(d, step.decay), weight, hn::Mul(hn::Set(d, step.scale), hn::LoadU(d, g + i)));
    const auto mean = hn::LoadU(d, m + i), square = hn::LoadU(d, v + i);
    const auto new_mean = hn::MulAdd(hn::Set(d, 1.0f - step.beta1), hn::Sub(gradient, mean), mean);
    const auto new_square = hn::MulAdd(hn::Set(d, 1.0f - step.beta2), hn::Mul(gradient, gradient),
                                       hn::Mul(hn::Set(d, step.beta2), square));
    hn::StoreU(new_mean, d, m + i);
    hn::StoreU(new_square, d, v + i);
    const auto root = hn::MulAdd(hn::Sqrt(new_square), hn::Set(d, step.correction), hn::Set(d, step.epsilon));
    const auto change = hn::Div(hn::Mul(hn::Set(d, step.rate), new_mean), root);
    hn::StoreU(hn::MulSub(hn::Set(d, step.shrink), weight, change), d, w + i);
  });
}

void Rmsprop(const RmspropStep step, float* HWY_RESTRICT w, const float* HWY_RESTRICT g,
             float* HWY_RESTRICT s, std::size_t n) {
  for_each(n, [&](auto d, std::size_t i) HWY_ATTR {
    const auto weight = hn::LoadU(d, w + i);
    const auto gradient =
        hn::MulAdd(hn::Set(d, step.decay), weight, hn::Mul(hn::Set(d, step.scale), hn::LoadU(d, g + i)));
    const auto square = hn::MulAdd(hn::Set(d, 1.0f - step.alpha), hn::Mul(gradient, gradient),
                                   hn::Mul(hn::Set(d, step.alpha), hn::LoadU(d, s + i)));
    hn::StoreU(square, d, s + i);
    const auto root = hn::Add(hn::Sqrt(square), hn::Set(d, step.epsilon));
    hn::StoreU(hn::Sub(weight, hn::Div(hn::Mul(hn::Set(d, step.rate), gradient), root)), d, w + i);
  });
}

void Average(float share, float* HWY_RESTRICT average, const float* HWY_RESTRICT w, std::size_t n) {
  for_each(n, [&](auto d, std::size_t i) HWY_ATTR {
    const auto before = hn::LoadU(d, average + i);
    hn::StoreU(hn::MulAdd(hn::Set(d, share), hn::Sub(hn::LoadU(d, w + i), before), before), d, average + i);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace halfwave
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace halfwave {

HWY_EXPORT(Sgd);
HWY_EXPORT(Adam);
HWY_EXPORT(Rmsprop);
HWY_EXPORT(Average);

void sgd_update(const SgdStep& step, float* w, const float* g, float* v, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(Sgd)(step, w, g, v, n);
}
void adam_update(const AdamStep& step, float* w, const float* g, float* m, float* v, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(Adam)(step, w, g, m, v, n);
}
void rmsprop_update(const RmspropStep& step, float* w, const float* g, float* s, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(Rmsprop)(step, w, g, s, n);
}
void average_update(float share, float* average, const float* w, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(Average)(share, average, w, n);
}

}  // namespace halfwave
#endif
