#include "kernels/layer_norm.h"

#include <cmath>

#include "kernels/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/layer_norm.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/columns-inl.h"

HWY_BEFORE_NAMESPACE();
namespace halfwave {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Σ term(vector tag, column) over the columns.
template <class Term>
HWY_INLINE float sum_row(std::size_t columns, Term&& term) {
  const hn::ScalableTag<float> d;
  auto sum = hn::Zero(d);
  float rest = 0.0f;
  for_columns({0, columns}, [&](auto tag, std::size_t j) HWY_ATTR {
    if constexpr (hn::MaxLanes(tag) == hn::MaxLanes(d))
      sum = hn::Add(sum, term(tag, j));
    else
      rest += hn::GetLane(term(tag, j));
  });
  return hn::GetLane(hn::SumOfLanes(d, sum)) + rest;
}

void LayerNorm(const float* x, const float* scale, const float* bias, float epsilon, std::size_t stride,
               Range rows, std::size_t columns, float* y, RowMoments* moments) {
  const float share = 1.0f / static_cast<float>(columns);
  for (std::size_t row = rows.begin; row < rows.end; ++row) {
    const float* from = x + row * stride;
    float* const to = y + row * stride;
    const float mean =
        share * sum_row(columns, [&](auto d, std::size_t j) HWY_ATTR { return hn::LoadU(d, from + j); });
    const float variance = share * sum_row(columns, [&](auto d, std::size_t j) HWY_ATTR {
                             const auto centred = hn::Sub(hn::LoadU(d, from + j), hn::Set(d, mean));
                             return hn::Mul(centred, centred);
                           });
    const float inverse = 1.0f / std::sqrt(variance + epsilon);
    for_columns({0, columns}, [&](auto d, std::size_t j) HWY_ATTR {
      const auto normal = hn::Mul(hn::Sub(hn::LoadU(d, from + j), hn::Set(d, mean)), hn::Set(d, inverse));
      hn::StoreU(hn::MulAdd(normal, hn::LoadU(d, scale + j), hn::LoadU(d, bias + j)), d, to + j);
    });
    moments[row] = {mean, inverse};
  }
}

/// With g = dy · scale: dx = inverse · (g - mean(g) - x̂ · mean(g · x̂)), means over the row.
void LayerNormBackward(const float* x, const RowMoments* moments, const float* scale, const float* dy,
                       std::size_t stride, Range rows, std::size_t columns, float* dx, float* sums) {
  const float share = 1.0f / static_cast<float>(columns);
  for (std::size_t row = rows.begin; row < rows.end; ++row) {
    const float* const from = x + row * stride;
    const float* const g = dy + row * stride;
    const auto [mean, inverse] = moments[row];
    const auto normal = [&, m = mean, i = inverse](auto d, std::size_t j) HWY_ATTR {
      return hn::Mul(hn::Sub(hn::LoadU(d, from + j), hn::Set(d, m)), hn::Set(d, i));
    };
    for_columns({0, columns}, [&](auto d, std::size_t j) HWY_ATTR {
      const auto gradient = hn::LoadU(d, g + j);
      hn::StoreU(hn::Add(hn::LoadU(d, sums + j), gradient), d, sums + j);
      hn::StoreU(hn::MulAdd(gradient, normal(d, j), hn::LoadU(d, sums + stride + j)), d, sums + stride + j);
    });
    if (!dx) continue;
    const float constant = share * sum_row(columns, [&](auto d, std::size_t j) HWY_ATTR {
                             return hn::Mul(hn::LoadU(d, g + j), hn::LoadU(d, scale + j));
                           });
    const float slope = share * sum_row(columns, [&](auto d, std::size_t j) HWY_ATTR {
                          return hn::Mul(hn::Mul(hn::LoadU(d, g + j), hn::LoadU(d, scale + j)), normal(d, j));
                        });
    float* const to = dx + row * stride;
    for_columns({0, columns}, [&, i = inverse](auto d, std::size_t j) HWY_ATTR {
      const auto centred = hn::MulSub(hn::LoadU(d, g + j), hn::LoadU(d, scale + j), hn::Set(d, constant));
      hn::StoreU(hn::Mul(hn::NegMulAdd(normal(d, j), hn::Set(d, slope), centred), hn::Set(d, i)), d, to + j);
    });
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace halfwave
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace halfwave {

HWY_EXPORT(LayerNorm);
HWY_EXPORT(LayerNormBackward);

void layer_norm(const float* x, const float* scale, const float* bias, float epsilon, std::size_t stride,
                Range rows, std::size_t columns, float* y, RowMoments* moments) {
  HWY_DYNAMIC_DISPATCH(LayerNorm)(x, scale, bias, epsilon, stride, rows, columns, y, moments);
}
void layer_norm_backward(const float* x, const RowMoments* moments, const float* scale, const float* dy,
                         std::size_t stride, Range rows, std::size_t columns, float* dx, float* sums) {
  HWY_DYNAMIC_DISPATCH(LayerNormBackward)(x, moments, scale, dy, stride, rows, columns, dx, sums);
}

}  // namespace halfwave
#endif
