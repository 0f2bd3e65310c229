// Elementary functions for Highway vectors of floats, included once per instruction set (no #pragma once: see
// Highway's foreach_target.h). Errors are stated in units in the last place (ULP) of a result in the normal
// range; denormal results are rounded, not flushed. Unless stated otherwise NaN gives NaN. Polynomials are
// minimax fits (Remez).
#if defined(HALFWAVE_KERNELS_MATH_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFWAVE_KERNELS_MATH_INL_H
#undef HALFWAVE_KERNELS_MATH_INL_H
#else
#define HALFWAVE_KERNELS_MATH_INL_H
#endif

#include <hwy/highway.h>

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace halfwave::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class D>
using V = hn::Vec<D>;

/// max(x, c) that keeps a NaN in x. The order of the operands matters on x86; HWY_SCALAR drops NaN in any
/// order.
template <class D>
HWY_INLINE V<D> at_least(D d, V<D> x, float c) {
  const auto low = hn::Set(d, c);
#if HWY_TARGET == HWY_SCALAR
  return hn::IfThenElse(hn::Lt(x, low), low, x);
#else
  return hn::Max(low, x);
#endif
}

/// min(x, c) that keeps a NaN in x.
template <class D>
HWY_INLINE V<D> at_most(D d, V<D> x, float c) {
  const auto high = hn::Set(d, c);
#if HWY_TARGET == HWY_SCALAR
  return hn::IfThenElse(hn::Gt(x, high), high, x);
#else
  return hn::Min(high, x);
#endif
}

/// max(x, 0), with max(-0, 0) = +0, NaN kept.
template <class D>
HWY_INLINE V<D> positive_part(D d, V<D> x) {
  return hn::IfThenZeroElse(hn::Le(x, hn::Zero(d)), x);
}

/// c[0] + c[1] x + c[2] x^2 + ..., Horner's scheme.
template <class D, std::size_t N>
HWY_INLINE V<D> polynomial(D d, V<D> x, const float (&c)[N]) {
  V<D> sum = hn::Set(d, c[N - 1]);
  for (std::size_t i = N - 1; i-- > 0;) sum = hn::MulAdd(sum, x, hn::Set(d, c[i]));
  return sum;
}

/// a * b - product exactly, where product = a * b rounded (Veltkamp and Dekker where there is no fused
/// multiply-add).
template <class D>
HWY_INLINE V<D> product_error(D d, V<D> a, V<D> b, V<D> product) {
#if HWY_NATIVE_FMA
  (void)d;
  return hn::MulSub(a, b, product);
#else
  const hn::RebindToUnsigned<D> du;
  const auto mask = hn::BitCast(d, hn::Set(du, 0xFFFFF000u));
  const auto a1 = hn::And(a, mask), b1 = hn::And(b, mask), a2 = hn::Sub(a, a1), b2 = hn::Sub(b, b1);
  // In this order every sum is exact.
  const auto first = hn::Add(hn::Sub(hn::Mul(a1, b1), product), hn::Mul(a1, b2));
  return hn::Add(hn::Add(first, hn::Mul(a2, b1)), hn::Mul(a2, b2));
#endif
}

/// a * b + c with about one rounding, also where there is no fused multiply-add.
template <class D>
HWY_INLINE V<D> exact_mul_add(D d, V<D> a, V<D> b, V<D> c) {
#if HWY_NATIVE_FMA
  (void)d;
  return hn::MulAdd(a, b, c);
#else
  const auto product = hn::Mul(a, b), sum = hn::Add(product, c), c_part = hn::Sub(sum, product);
  const auto sum_error = hn::Add(hn::Sub(product, hn::Sub(sum, c_part)), hn::Sub(c, c_part));
  return hn::Add(sum, hn::Add(sum_error, product_error(d, a, b, product)));
#endif
}

/// c - a * b with about one rounding, for a * b close to c.
template <class D>
HWY_INLINE V<D> exact_neg_mul_add(D d, V<D> a, V<D> b, V<D> c) {
#if HWY_NATIVE_FMA
  (void)d;
  return hn::NegMulAdd(a, b, c);
#else
  const auto product = hn::Mul(a, b);
  return hn::Sub(hn::Sub(c, product), product_error(d, a, b, product));
#endif
}

/// A number as the sum of a float and of what is lost by rounding to it.
template <class D>
struct Pair {
  V<D> high, low;
};

/// a + b for |a| >= |b|, exactly.
template <class D>
HWY_INLINE Pair<D> pair_sum(D, V<D> a, V<D> b) {
  const auto sum = hn::Add(a, b);
  return {sum, hn::Sub(b, hn::Sub(sum, a))};
}

/// a / b for b in [2^-60, 2^60] and |a| < 2^60: 0.5 ULP and the error of the arguments' low parts.
template <class D>
HWY_INLINE V<D> quotient(D d, Pair<D> a, Pair<D> b) {
  const auto reciprocal = hn::ApproximateReciprocal(b.high);
#if HWY_TARGET == HWY_AVX3
  // The reciprocal to 14 bits and one correction: 4 cycles on Zen 4, where the division takes 9.
  const auto estimate = hn::Mul(a.high, reciprocal);
#else
  const auto estimate = hn::Div(a.high, b.high);
#endif
  const auto rest =
      hn::Add(exact_neg_mul_add(d, estimate, b.high, a.high), hn::NegMulAdd(estimate, b.low, a.low));
  return hn::MulAdd(rest, reciprocal, estimate);
}

template <class D>
HWY_INLINE V<D> quotient(D, V<D> a, V<D> b) {
#if HWY_TARGET == HWY_AVX3
  const auto reciprocal = hn::ApproximateReciprocal(b);
  const auto estimate = hn::Mul(a, reciprocal);
  return hn::MulAdd(hn::NegMulAdd(estimate, b, a), reciprocal, estimate);
#else
  return hn::Div(a, b);
#endif
}

// The exponential: e^x = 2^n e^r with n an integer and |r| <= ln(2) / 2. n comes out of the rounding of an
// addition, which leaves n + kBias in the low bits of `magic`, so that a shift makes 2^(n + kBias - 127) from
// them.
inline constexpr int kBias = 127 + 32;
inline constexpr float kMagic = 0x1.8p23f + kBias;
inline constexpr float kLog2E = 0x1.715476p+0f;
inline constexpr float kLn2High = 0x1.62ep-1f;  // 12 bits: its products with n are exact
inline constexpr float kLn2Low = 0x1.0bfbe8p-15f;
inline constexpr float kExpm1[] = {0.5f, 1.6666536e-01f, 4.166647e-02f, 8.367432e-03f, 1.3934572e-03f};

template <class D>
struct Exponential {
  V<D> magic, n, r;

  /// For x >= -109.3 (where |x| e^x rounds to 0) and x <= 65.
  HWY_INLINE Exponential(D d, V<D> x) {
    magic = hn::MulAdd(x, hn::Set(d, kLog2E), hn::Set(d, kMagic));
    n = hn::Sub(magic, hn::Set(d, kMagic));
    r = hn::NegMulAdd(n, hn::Set(d, kLn2Low), hn::NegMulAdd(n, hn::Set(d, kLn2High), x));
  }

  /// e^r - 1, without cancellation near 0.
  HWY_INLINE V<D> expm1_r(D d) const { return hn::MulAdd(hn::Mul(r, r), polynomial(d, r, kExpm1), r); }

  /// e^r, in [0.7, 1.42].
  HWY_INLINE V<D> exp_r(D d) const { return hn::Add(expm1_r(d), hn::Set(d, 1.0f)); }
  HWY_INLINE Pair<D> exp_r_pair(D d) const { return pair_sum(d, hn::Set(d, 1.0f), expm1_r(d)); }

  /// v 2^n, rounded once.
  HWY_INLINE V<D> scale(D d, V<D> v) const {
#if HWY_TARGET == HWY_AVX3
    if constexpr (hn::MaxLanes(D()) == 16) return V<D>{_mm512_scalef_ps(v.raw, n.raw)};
#endif
    return hn::Mul(hn::Mul(v, shifted_power(d)), hn::Set(d, 0x1p-32f));
  }

  /// 2^(n + 32).
  HWY_INLINE V<D> shifted_power(D d) const {
    const hn::RebindToSigned<D> di;
    return hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(di, magic)));
  }

  /// 2^n, for n in -126 ... 95.
  HWY_INLINE V<D> power(D d) const {
    const hn::RebindToSigned<D> di;
    return hn::BitCast(d, hn::ShiftLeft<23>(hn::Sub(hn::BitCast(di, magic), hn::Set(di, kBias - 127))));
  }

  HWY_INLINE V<D> value(D d) const { return scale(d, exp_r(d)); }
};

/// The range of x for which Exponential holds.
inline constexpr float kExpLow = -109.3f, kExpHigh = 65.0f;

/// e^x for x <= 65, or NaN; 1 ULP.
template <class D>
HWY_INLINE V<D> exp_below(D d, V<D> x) {
  return Exponential<D>(d, at_least(d, x, kExpLow)).value(d);
}

/// e^x everywhere; 1 ULP.
template <class D>
HWY_INLINE V<D> exp(D d, V<D> x) {
  // Half of 2^n each way, so that neither factor overflows.
  const auto y = at_most(d, at_least(d, x, kExpLow), 89.0f);
  const auto n = hn::Round(hn::Mul(y, hn::Set(d, kLog2E)));
  const auto r = hn::NegMulAdd(n, hn::Set(d, kLn2Low), hn::NegMulAdd(n, hn::Set(d, kLn2High), y));
  const auto e = hn::Add(hn::MulAdd(hn::Mul(r, r), polynomial(d, r, kExpm1), r), hn::Set(d, 1.0f));
  const hn::RebindToSigned<D> di;
  // A NaN has no integer; its n is replaced, r carries it.
  const auto whole = hn::ConvertTo(di, hn::IfThenElseZero(hn::Eq(n, n), n));
  const auto half = hn::ShiftRight<1>(whole), bias = hn::Set(di, 127);
  const auto first = hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(half, bias)));
  const auto second = hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(hn::Sub(whole, half), bias)));
  return hn::Mul(hn::Mul(e, first), second);
}

/// e^x - 1 for x <= 65, or NaN; 1.2 ULP.
template <class D>
HWY_INLINE V<D> expm1_below(D d, V<D> x) {
  const Exponential<D> e(d, at_least(d, x, -20.0f));
  const auto power = e.power(d);
  return hn::MulAdd(power, e.expm1_r(d), hn::Sub(power, hn::Set(d, 1.0f)));
}

/// log(1 + e) for e in [0, 1]; 0.8 ULP.
template <class D>
HWY_INLINE V<D> log1p_unit(D d, V<D> e) {
  static constexpr float c[] = {-0.5f,           3.3333087e-01f, -2.499321e-01f,  1.9925618e-01f,
                                -1.6225678e-01f, 1.2673536e-01f, -8.5836135e-02f, 4.4231094e-02f,
                                -1.4651901e-02f, 2.2705847e-03f};
  return hn::MulAdd(hn::Mul(e, e), polynomial(d, e, c), e);
}

/// log(1 + e^-|x|), the part that softplus adds to max(x, 0); 1.5 ULP.
template <class D>
HWY_INLINE V<D> log1p_exp_minus(D d, V<D> x) {
  return log1p_unit(d, exp_below(d, hn::Neg(hn::Abs(x))));
}

/// tanh(x) = -m / (2 + m) with m = e^(-2 |x|) - 1; 1.7 ULP.
template <class D>
HWY_INLINE V<D> tanh(D d, V<D> x) {
  const auto m = expm1_below(d, hn::Mul(hn::Set(d, -2.0f), hn::Abs(x)));
  const auto magnitude = quotient(d, Pair<D>{m, hn::Zero(d)}, pair_sum(d, hn::Set(d, 2.0f), m));
  return hn::CopySign(magnitude, x);
}

/// (z < 0 ? e^r : 1) / (1 + e^-|z|) from e = e^-|z|: the sigmoid of z, still to be scaled where z < 0.
template <class D, class Mask>
HWY_INLINE V<D> unscaled_sigmoid(D d, const Exponential<D>& e, Mask negative) {
  const auto power = e.exp_r_pair(d);
  const auto one = hn::Set(d, 1.0f);
  const Pair<D> numerator{hn::IfThenElse(negative, power.high, one), hn::IfThenElseZero(negative, power.low)};
  return quotient(d, numerator, pair_sum(d, one, e.scale(d, power.high)));
}

/// 1 / (1 + e^-x); 2 ULP.
template <class D>
HWY_INLINE V<D> sigmoid(D d, V<D> x) {
  const Exponential<D> e(d, at_least(d, hn::Neg(hn::Abs(x)), kExpLow));
  const auto negative = hn::Lt(x, hn::Zero(d));
  const auto ratio = unscaled_sigmoid(d, e, negative);
  return hn::IfThenElse(negative, e.scale(d, ratio), ratio);
}

/// x sigmoid(z + z_low) with z of the same sign as x; 2 ULP where |x| <= |z|. Scaled last, so that the
/// exponential is not rounded to a denormal number before the product is.
template <class D>
HWY_INLINE V<D> times_sigmoid(D d, V<D> x, V<D> z, V<D> z_low) {
  Exponential<D> e(d, at_least(d, hn::Neg(hn::Abs(z)), kExpLow));
  e.r = hn::Sub(e.r, hn::Xor(z_low, hn::And(z, hn::SignBit(d))));
  const auto negative = hn::Lt(x, hn::Zero(d));
  const auto ratio = unscaled_sigmoid(d, e, negative);
  // -infinity times 0 is not wanted.
  const auto product = hn::Mul(hn::IfThenZeroElse(hn::Lt(z, hn::Set(d, kExpLow)), x), ratio);
  return hn::IfThenElse(negative, e.scale(d, product), product);
}

/// s + inner s (1 - s) with s = sigmoid(z), |z| <= 145: the slope of x sigmoid(z(x)), where inner = x z'(x).
/// 1 - s is never formed: with e = e^-|z|, s (1 - s) = e / (1 + e)^2.
template <class D>
HWY_INLINE V<D> sigmoid_product_slope(D d, V<D> z, V<D> inner) {
  const auto e = exp_below(d, hn::Neg(hn::Abs(z))), one = hn::Set(d, 1.0f);
  const auto inverse = quotient(d, one, hn::Add(e, one)), other = hn::Mul(e, inverse);
  const auto s = hn::IfThenElse(hn::Lt(z, hn::Zero(d)), other, inverse);
  return hn::MulAdd(hn::Mul(inner, other), inverse, s);
}

/// Phi(-a) e^(a^2 / 2) for a in [0, 14.5], Phi the normal distribution function; 1.5 ULP. A rational minimax
/// fit.
template <class D>
HWY_INLINE V<D> scaled_normal_tail(D d, V<D> a) {
  static constexpr float p[] = {0.5f, 4.3630594e-01f, 1.8171264e-01f, 4.0106308e-02f, 4.0343767e-03f};
  static constexpr float q[] = {1.0f,          1.6704967e+00f, 1.1962852e+00f,
                                4.654405e-01f, 1.0053849e-01f, 1.0112554e-02f};
  return quotient(d, polynomial(d, a, p), polynomial(d, a, q));
}

}  // namespace halfwave::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
