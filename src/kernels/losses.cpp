#include "kernels/losses.h"

#include <cmath>

#include "kernels/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/losses.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace halfwave {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// A row of logits, read in whole vectors: what stands in the padding counts as minus infinity.
struct LogitRow {
  const float* data;
  std::size_t classes;

  template <class D>
  HWY_INLINE hn::Vec<D> load(D d, std::size_t j) const {
    const auto values = hn::LoadU(d, data + j);
    if (classes - j >= hn::Lanes(d)) return values;
    return hn::IfThenElse(hn::FirstN(d, classes - j), values, hn::Set(d, -HUGE_VALF));
  }
};

void SoftmaxCrossEntropy(const float* logits, std::size_t stride, std::size_t classes,
                         const std::int32_t* labels, float smoothing, float scale, Range rows,
                         float* gradient, float* losses, std::int32_t* predictions) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  const float everywhere = smoothing / static_cast<float>(classes);
  for (std::size_t row = rows.begin; row < rows.end; ++row) {
    const float* z = logits + row * stride;
    float* g = gradient + row * stride;
    const LogitRow line{z, classes};
    std::size_t best = 0;
    for (std::size_t j = 1; j < classes; ++j)
      if (z[j] > z[best]) best = j;
    const auto label = static_cast<std::size_t>(labels[row]);
    // Distances to the largest logit: the logits themselves may be so large that their difference would be
    // lost.
    const float largest = z[best], label_below = largest - z[label];
    float all_below = 0.0f;
    for (std::size_t j = 0; j < classes; ++j) all_below += largest - z[j];
    auto sums = hn::Zero(d);
    for (std::size_t j = 0; j < stride; j += lanes) {  // g holds the exponentials until their sum is known
      const auto e = j < classes ? exp(d, hn::Sub(line.load(d, j), hn::Set(d, largest))) : hn::Zero(d);
      sums = hn::Add(sums, e);
      hn::StoreU(e, d, g + j);
    }
    const float sum = hn::GetLane(hn::SumOfLanes(d, sums));
    const auto factor = hn::Set(d, scale / sum), shift = hn::Set(d, -scale * everywhere);
    for (std::size_t j = 0; j < classes; j += lanes) {
      auto value = hn::MulAdd(hn::LoadU(d, g + j), factor, shift);
      if (classes - j < lanes) value = hn::IfThenElseZero(hn::FirstN(d, classes - j), value);
      hn::StoreU(value, d, g + j);
    }
    g[label] -= scale * (1.0f - smoothing);
    losses[row] = std::log(sum) + (1.0f - smoothing) * label_below + everywhere * all_below;
    predictions[row] = static_cast<std::int32_t>(best);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace halfwave
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace halfwave {

HWY_EXPORT(SoftmaxCrossEntropy);

void softmax_cross_entropy(const float* logits, std::size_t stride, std::size_t classes,
                           const std::int32_t* labels, float smoothing, float scale, Range rows,
                           float* gradient, float* losses, std::int32_t* predictions) {
  HWY_DYNAMIC_DISPATCH(SoftmaxCrossEntropy)
  (logits, stride, classes, labels, smoothing, scale, rows, gradient, losses, predictions);
}

namespace {

struct LossAndSlope {
  float loss, slope;
};

LossAndSlope element(ElementLoss kind, float y, float t) {
  const float r = y - t;
  switch (kind) {
    case ElementLoss::binary_cross_entropy: {
      const float e = std::exp(-std::fabs(y));  // in (0, 1]: nothing overflows
      const float sigmoid = (y >= 0.0f ? 1.0f : e) / (1.0f + e);
      return {(y > 0.0f ? y : 0.0f) - t * y + std::log1p(e), sigmoid - t};
    }
    case ElementLoss::mse:
      return {r * r, 2.0f * r};
    case ElementLoss::mae:
      return {std::fabs(r), r > 0.0f ? 1.0f : r < 0.0f ? -1.0f : r};
    case ElementLoss::huber:
      break;
  }
  if (std::fabs(r) <= 1.0f) return {0.5f * r * r, r};
  return {std::fabs(r) - 0.5f, r > 0.0f ? 1.0f : r < 0.0f ? -1.0f : r};
}

}  // namespace

void element_loss(ElementLoss kind, const float* outputs, std::size_t stride, std::size_t count,
                  const float* targets, float scale, Range rows, float* gradient, float* losses) {
  const auto n = static_cast<float>(count);
  for (std::size_t row = rows.begin; row < rows.end; ++row) {
    const float *y = outputs + row * stride, *t = targets + row * count;
    float* g = gradient + row * stride;
    float sum = 0.0f;
    for (std::size_t j = 0; j < count; ++j) {
      const LossAndSlope result = element(kind, y[j], t[j]);
      sum += result.loss;
      g[j] = result.slope * scale / n;
    }
    for (std::size_t j = count; j < stride; ++j) g[j] = 0.0f;
    losses[row] = sum / n;
  }
}

}  // namespace halfwave
#endif
