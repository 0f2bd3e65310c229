// Activations made with the normal distribution function.
#include <limits>

#include "kernels/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/activations/gaussians.cpp"
#include <hwy/foreach_target.h>

#include "kernels/activation_loops-inl.h"
#include "kernels/math_normal-inl.h"

HWY_BEFORE_NAMESPACE();
namespace halfwave::HWY_NAMESPACE {
namespace {

using Initialisation = ActivationInfo::Initialisation;

/// 2 sqrt(2 / pi) and 0.044715 times that, as (1 + tanh(z)) / 2 = sigmoid(2 z); and what rounding them to
/// floats loses.
template <class T>
inline constexpr T kFirst = 2 * std::numbers::sqrt2_v<T>* std::numbers::inv_sqrtpi_v<T>;
template <class T>
inline constexpr T kThird = kFirst<T>* static_cast<T>(0.044715L);
inline constexpr float kFirstShort = 0x1.988p+0f;
inline constexpr float kFirstRest = static_cast<float>(kFirst<double> - double{kFirstShort});
inline constexpr float kThirdLow = static_cast<float>(kThird<double> - double{kThird<float>});

struct Gelu {
  static constexpr ActivationInfo info{.name = "gelu",
                                       .formula = "x (1 + erf(x / sqrt(2))) / 2",
                                       .onnx = "Mul(Mul(x, 0.5), Add(1, Erf(Mul(x, 0.7071067811865476))))",
                                       .source = "Hendrycks and Gimpel 2016",
                                       .lipschitz = 1.1289042,
                                       .ulp = 4,
                                       .initialisation = Initialisation::he};
  template <class T>
  static T value(T x, const float*) {
    return x * std::erfc(-x / std::numbers::sqrt2_v<T>) / 2;
  }
  template <class T>
  static T slope(T x, const float*) {
    return std::erfc(-x / std::numbers::sqrt2_v<T>) / 2 +
           x * std::exp(-x * x / 2) * std::numbers::inv_sqrtpi_v<T> / std::numbers::sqrt2_v<T>;
  }
  template <class D>
  static HWY_INLINE V<D> forward(D d, V<D> x, const float*) {
    // max(x, 0) - a Phi(-a) with a = |x|: nothing cancels, and the tail keeps its accuracy.
    const auto positive = at_least(d, x, 0.0f);
#if HWY_TARGET == HWY_AVX3
    // From 5.4 on a Phi(-a) is lost in x above 0, so only the far tail below 0 takes the long way.
    const auto near = hn::Sub(positive, times_normal_tail_near(d, at_most(d, hn::Abs(x), kNormalNear)));
    const auto far = hn::Lt(x, hn::Set(d, -kNormalNear));
    if (HWY_LIKELY(hn::AllFalse(d, far))) return near;
    const auto tail = times_normal_tail(d, at_most(d, hn::Abs(x), kNormalTail));
    return hn::IfThenElse(far, hn::Neg(tail), near);
#else
    return hn::Sub(positive, times_normal_tail(d, at_most(d, hn::Abs(x), kNormalTail)));
#endif
  }
  template <class D>
  static HWY_INLINE V<D> backward(D d, V<D> x, V<D> dy, const float*) {
    // Phi(x) + x phi(x); Phi(x) = 1 - Phi(-x) above 0.
    const auto a = at_most(d, hn::Abs(x), kNormalTail);
    const auto e = exp_below(d, hn::Mul(hn::Mul(a, a), hn::Set(d, -0.5f)), ForSlope());
    const auto scaled = scaled_normal_tail(d, a, Pair<D>{hn::Set(d, 1.0f), hn::Zero(d)});
    const auto below = hn::Mul(e, hn::NegMulAdd(a, hn::Set(d, 0.3989422804f), scaled));
    const auto slopes = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), below, hn::Sub(hn::Set(d, 1.0f), below));
    return hn::Mul(dy, slopes);
  }
};

struct GeluTanh {
  static constexpr ActivationInfo info{
      .name = "gelu_tanh",
      .formula = "x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2",
      .onnx =
          "Mul(Mul(x, 0.5), Add(1, Tanh(Mul(0.7978845608028654, Add(x, Mul(0.044715, Mul(x, Mul(x, x))))))))",
      .source = "Hendrycks and Gimpel 2016",
      .lipschitz = 1.1289931,
      .ulp = 4,
      .initialisation = Initialisation::he};
  template <class T>
  static T value(T x, const float*) {
    return x / (1 + std::exp(-x * (kFirst<T> + kThird<T> * x * x)));
  }
  template <class T>
  static T slope(T x, const float*) {
    const T s = 1 / (1 + std::exp(-x * (kFirst<T> + kThird<T> * x * x)));
    return s + x * s * (1 - s) * (kFirst<T> + 3 * kThird<T> * x * x);
  }
  template <class D>
  static HWY_INLINE V<D> forward(D d, V<D> x, const float*) {
    // x sigmoid(u), u = x (c1 + c3 x^2), with u to twice the precision: its error is relative in the result.
    const auto a = at_most(d, hn::Abs(x), 10.9f), square = hn::Mul(a, a), c1 = hn::Set(d, -kFirstShort);
    const auto c3 = hn::Set(d, -kThird<float>), factor = hn::MulAdd(square, c3, c1);
    // c1 has few bits, so that c1 - factor is exact.
    const auto rounding = exact_mul_add(d, square, c3, hn::Sub(c1, factor));
    const auto constants = hn::MulAdd(square, hn::Set(d, -kThirdLow), hn::Set(d, -kFirstRest));
    const auto lows = hn::MulAdd(product_error(d, a, a, square), c3, constants);
    const auto u = hn::Mul(a, factor);
    const auto u_low = hn::MulAdd(a, hn::Add(rounding, lows), product_error(d, a, factor, u));
    return times_sigmoid(d, x, hn::Neg(a), Exponential<D>(d, u, u_low));
  }
  template <class D>
  static HWY_INLINE V<D> backward(D d, V<D> x, V<D> dy, const float*) {
    const auto bounded = at_most(d, at_least(d, x, -12.0f), 12.0f), square = hn::Mul(bounded, bounded);
    const auto c1 = hn::Set(d, kFirst<float>);
    const auto u = hn::Mul(bounded, hn::MulAdd(hn::Set(d, kThird<float>), square, c1));
    const auto inner = hn::Mul(bounded, hn::MulAdd(hn::Set(d, 3 * kThird<float>), square, c1));
    return hn::Mul(dy, sigmoid_product_slope(d, u, inner));
  }
};

}  // namespace

using Gaussians = ActivationList<Gelu, GeluTanh>;

std::span<const ActivationKernels> gaussians_kernels() { return kernels_of(Gaussians{}); }

}  // namespace halfwave::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace halfwave {

HWY_EXPORT(gaussians_kernels);

ActivationGroup gaussians() {
  return {declarations(HWY_NAMESPACE::Gaussians{}), HWY_DYNAMIC_DISPATCH(gaussians_kernels)()};
}

}  // namespace halfwave
#endif
