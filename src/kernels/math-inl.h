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

/// A number as the sum of a float and of what is lost by rounding to it.
template <class D>
struct Pair {
  V<D> high, low;
};

/// a * b + c, exactly but for the last bits of the low part.
template <class D>
HWY_INLINE Pair<D> mul_add_pair(D d, V<D> a, V<D> b, V<D> c) {
  const auto product = hn::Mul(a, b), sum = hn::Add(product, c), c_part = hn::Sub(sum, product);
  const auto sum_error = hn::Add(hn::Sub(product, hn::Sub(sum, c_part)), hn::Sub(c, c_part));
  return {sum, hn::Add(sum_error, product_error(d, a, b, product))};
}

/// a * b + c with about one rounding, also where there is no fused multiply-add.
template <class D>
HWY_INLINE V<D> exact_mul_add(D d, V<D> a, V<D> b, V<D> c) {
#if HWY_NATIVE_FMA
  (void)d;
  return hn::MulAdd(a, b, c);
#else
  const auto sum = mul_add_pair(d, a, b, c);
  return hn::Add(sum.high, sum.low);
#endif
}

/// polynomial() with one rounding a step, also where there is no fused multiply-add.
template <class D, std::size_t N>
HWY_INLINE V<D> exact_polynomial(D d, V<D> x, const float (&c)[N]) {
  V<D> sum = hn::Set(d, c[N - 1]);
  for (std::size_t i = N - 1; i-- > 0;) sum = exact_mul_add(d, sum, x, hn::Set(d, c[i]));
  return sum;
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
      hn::NegMulAdd(estimate, b.low, hn::Add(exact_neg_mul_add(d, estimate, b.high, a.high), a.low));
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

/// power (1 + expm1_r) - 1.
template <class D>
HWY_INLINE Pair<D> expm1_from(D d, V<D> power, V<D> expm1_r) {
  const auto rest = hn::Sub(power, hn::Set(d, 1.0f)), sum = hn::MulAdd(power, expm1_r, rest);
  return {sum, hn::MulAdd(power, expm1_r, hn::Sub(rest, sum))};
}

/// The range of x for which Exponential holds; |x| e^x rounds to 0 at the lower end.
inline constexpr float kExpLow = -109.3f, kExpHigh = 65.0f;

inline constexpr float kLog2E = 0x1.715476p+0f;
inline constexpr float kLn2High = 0x1.62ep-1f;  // 12 bits: its products with n are exact
inline constexpr float kLn2Low = 0x1.0bfbe8p-15f;

/// Chooses the exponential for slopes: an error of 1e-7 is as good as none there.
struct ForSlope {};

/// The parts of e^x = 2^n e^r, n an integer, |r| <= ln(2) / 2, for kExpLow <= x <= kExpHigh.
///
/// n comes out of the rounding of an addition, which leaves n + kBias in the low bits of `magic`; a shift
/// makes 2^(n + kBias - 127) from them.
template <class D, bool kTable = HWY_TARGET == HWY_AVX3&& hn::MaxLanes(D()) == 16>
class Exponential {
 public:
  static constexpr bool kLow = true;  ///< exp_r has a low part

  HWY_INLINE Exponential(D d, V<D> x) {
    reduce(d, x);
    const auto whole = hn::NegMulAdd(n_, hn::Set(d, kLn2High), x);
    r_ = hn::NegMulAdd(n_, hn::Set(d, kLn2Low), whole);
  }

  HWY_INLINE Exponential(D d, V<D> x, ForSlope) : Exponential(d, x) {}

  /// Of x + low, |low| < 1e-4.
  HWY_INLINE Exponential(D d, V<D> x, V<D> low) : Exponential(d, x) { add(d, low); }

  /// e^(-a^2 / 2) without the rounding error of a^2.
  static HWY_INLINE Exponential of_half_square(D d, V<D> a) {
    const auto square = hn::Mul(a, a), half = hn::Set(d, -0.5f);
    Exponential e(d, hn::Mul(square, half));
    e.add(d, hn::Mul(half, product_error(d, a, a, square)));
    return e;
  }

  /// Adds something small to x.
  HWY_INLINE void add(D, V<D> low) { r_ = hn::Add(r_, low); }

  /// e^r, in [0.7, 1.42].
  HWY_INLINE Pair<D> exp_r(D d) const { return pair_sum(d, hn::Set(d, 1.0f), expm1_r(d)); }

  /// v 2^n, rounded once.
  HWY_INLINE V<D> scale(D d, V<D> v) const {
    const hn::RebindToSigned<D> di;
    const auto power = hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(di, magic_)));
    return hn::Mul(hn::Mul(v, power), hn::Set(d, 0x1p-32f));
  }

  /// e^x - 1 for x >= -80, without cancellation near 0; high alone: 1 ULP.
  HWY_INLINE Pair<D> expm1(D d) const { return expm1_from(d, power(d), expm1_r(d)); }

  /// 1 - e^x.
  HWY_INLINE V<D> one_minus(D d) const {
    const auto scaled = power(d);
    return hn::NegMulAdd(scaled, expm1_r(d), hn::Sub(hn::Set(d, 1.0f), scaled));
  }

 private:
  static constexpr int kBias = 127 + 32;
  static constexpr float kMagic = 0x1.8p23f + kBias;

  HWY_INLINE void reduce(D d, V<D> x) {
    magic_ = hn::MulAdd(x, hn::Set(d, kLog2E), hn::Set(d, kMagic));
    n_ = hn::Sub(magic_, hn::Set(d, kMagic));
  }
  /// 2^n for n >= -126.
  HWY_INLINE V<D> power(D d) const {
    const hn::RebindToSigned<D> di;
    const auto biased = hn::Sub(hn::BitCast(di, magic_), hn::Set(di, kBias - 127));
    return hn::BitCast(d, hn::ShiftLeft<23>(biased));
  }
  HWY_INLINE V<D> expm1_r(D d) const {
    static constexpr float c[] = {0.5f, 1.6666536e-01f, 4.166647e-02f, 8.367432e-03f, 1.3934572e-03f};
    return hn::MulAdd(hn::Mul(r_, r_), polynomial(d, r_, c), r_);
  }

  V<D> magic_, n_, r_;
};

#if HWY_TARGET == HWY_AVX3
/// The same with n a multiple of 1/16 and a table of 2^(j / 16) in a register, which shortens the polynomial:
/// e^x = 2^floor(n) t_j e^(r + delta_j), where t_j is a float and delta_j makes it exact (Gal's accurate
/// tables).
template <class D>
class Exponential<D, true> {
 public:
  static constexpr bool kLow = false;

  HWY_INLINE Exponential(D d, V<D> x) {
    reduce(d, x, kLog2E);
    r_ = hn::NegMulAdd(n_, hn::Set(d, kLn2High), x);
    r_ = hn::NegMulAdd(n_, hn::Set(d, kLn2Low), r_);
    look_up(d);
  }
  HWY_INLINE Exponential(D d, V<D> x, V<D> low) : Exponential(d, x) { add(d, low); }
  HWY_INLINE Exponential(D d, V<D> x, ForSlope) {
    reduce(d, x, kLog2E);
    r_ = hn::NegMulAdd(n_, hn::Set(d, kLn2High + kLn2Low), x);
    t_ = look_up(kPower, d);
  }
  static HWY_INLINE Exponential of_half_square(D d, V<D> a) {
    Exponential e;
    e.reduce(d, hn::Mul(a, a), -0.5f * kLog2E);
    // r = -v / 2 with v = a^2 + 2 n ln(2), a^2 exact inside the fused multiply-add.
    const auto v = hn::MulAdd(a, a, hn::Mul(e.n_, hn::Set(d, 2 * kLn2High)));
    e.r_ = hn::Mul(hn::Set(d, -0.5f), hn::MulAdd(e.n_, hn::Set(d, 2 * kLn2Low), v));
    e.look_up(d);
    return e;
  }
  HWY_INLINE void add(D, V<D> low) { r_ = hn::Add(r_, low); }
  HWY_INLINE Pair<D> exp_r(D d) const {
    const auto quadratic = hn::MulAdd(r_, hn::Set(d, 1.6667005e-01f), hn::Set(d, 5.0001526e-01f));
    return {hn::MulAdd(t_, hn::MulAdd(hn::Mul(r_, r_), quadratic, r_), t_), hn::Zero(d)};
  }
  HWY_INLINE V<D> scale(D, V<D> v) const { return V<D>{_mm512_scalef_ps(v.raw, n_.raw)}; }
  HWY_INLINE Pair<D> expm1(D d) const { return expm1_from(d, power(d), expm1_r(d)); }
  HWY_INLINE V<D> one_minus(D d) const {
    const auto scaled = power(d);
    return hn::NegMulAdd(scaled, expm1_r(d), hn::Sub(hn::Set(d, 1.0f), scaled));
  }

 private:
  static constexpr float kMagic = 0x1.8p19f;
  alignas(64) static constexpr float kPower[16] = {
      1.e+00f,        1.0442737e+00f, 1.0905077e+00f, 1.1387886e+00f, 1.1892071e+00f, 1.2418578e+00f,
      1.2968396e+00f, 1.3542556e+00f, 1.4142135e+00f, 1.4768262e+00f, 1.5422108e+00f, 1.6104903e+00f,
      1.6817929e+00f, 1.7562522e+00f, 1.8340081e+00f, 1.9152066e+00f};
  alignas(64) static constexpr float kDelta[16] = {
      0.e+00f,         4.628547e-08f,  -1.19921575e-08f, 4.729782e-08f,   3.193418e-08f, 3.6210572e-08f,
      -3.0990723e-08f, -7.475213e-09f, 1.7114271e-08f,   -3.0476834e-08f, 5.233334e-09f, 6.1075918e-09f,
      -1.4719606e-08f, -5.258795e-09f, -6.1282597e-09f,  5.1406093e-09f};

  Exponential() = default;
  HWY_INLINE void reduce(D d, V<D> x, float factor) {
    magic_ = hn::MulAdd(x, hn::Set(d, factor), hn::Set(d, kMagic));
    n_ = hn::Sub(magic_, hn::Set(d, kMagic));
  }
  HWY_INLINE V<D> look_up(const float (&table)[16], D d) const {
    const auto index = _mm512_castps_si512(magic_.raw);  // its low 4 bits count
    return V<D>{_mm512_permutexvar_ps(index, hn::Load(d, table).raw)};
  }
  HWY_INLINE void look_up(D d) {
    t_ = look_up(kPower, d);
    r_ = hn::Add(r_, look_up(kDelta, d));
  }

  HWY_INLINE V<D> power(D d) const {
    const hn::RebindToSigned<D> di;
    const auto whole = hn::ShiftLeft<23>(hn::ShiftRight<4>(hn::BitCast(di, magic_)));
    return hn::BitCast(d, hn::Add(hn::BitCast(di, t_), whole));
  }
  HWY_INLINE V<D> expm1_r(D d) const {
    static constexpr float c[] = {0.5f, 1.6667005e-01f, 4.166726e-02f};
    return hn::MulAdd(hn::Mul(r_, r_), polynomial(d, r_, c), r_);
  }

  V<D> magic_, n_, r_, t_;
};
#endif

/// e^x for x <= 65, or NaN; 1 ULP.
template <class D>
HWY_INLINE V<D> exp_below(D d, V<D> x) {
  const Exponential<D> e(d, at_least(d, x, kExpLow));
  return e.scale(d, e.exp_r(d).high);
}

/// e^x for x <= 65, or NaN, for slopes.
template <class D>
HWY_INLINE V<D> exp_below(D d, V<D> x, ForSlope) {
  const Exponential<D> e(d, at_least(d, x, kExpLow), ForSlope());
  return e.scale(d, e.exp_r(d).high);
}

/// e^x everywhere; 1 ULP.
template <class D>
HWY_INLINE V<D> exp(D d, V<D> x) {
  // 2^64 is taken out of large results, so that no factor overflows on the way. The subtraction is exact.
  constexpr float kShift = 44.361419555836498f,
                  kShiftLow = static_cast<float>(double{kShift} - 44.361419555836498);
  const auto large = hn::Gt(x, hn::Set(d, 40.0f));
  const auto shifted = hn::Sub(x, hn::IfThenElseZero(large, hn::Set(d, kShift)));
  Exponential<D> e(d, at_most(d, at_least(d, shifted, kExpLow), kExpHigh));
  e.add(d, hn::IfThenElseZero(large, hn::Set(d, kShiftLow)));
  const auto factor = hn::IfThenElse(large, hn::Set(d, 0x1p64f), hn::Set(d, 1.0f));
  return hn::Mul(e.scale(d, e.exp_r(d).high), factor);
}

/// e^x - 1 for x <= 65, or NaN; high alone: 1 ULP.
template <class D>
HWY_INLINE Pair<D> expm1_below(D d, V<D> x) {
  return Exponential<D>(d, at_least(d, x, -20.0f)).expm1(d);
}

/// 1 - e^x for x <= 65, or NaN, for slopes.
template <class D>
HWY_INLINE V<D> one_minus_exp_below(D d, V<D> x) {
  return Exponential<D>(d, at_least(d, x, -20.0f), ForSlope()).one_minus(d);
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

/// tanh(x) = -m / (2 + m) with m = e^(-2 |x|) - 1; 2 ULP.
template <class D>
HWY_INLINE V<D> tanh(D d, V<D> x) {
  const auto m = expm1_below(d, hn::Mul(hn::Set(d, -2.0f), hn::Abs(x)));
  auto denominator = pair_sum(d, hn::Set(d, 2.0f), m.high);
  denominator.low = hn::Add(denominator.low, m.low);
  return hn::CopySign(quotient(d, m, denominator), x);
}

/// -|x|.
template <class D>
HWY_INLINE V<D> minus_magnitude(D d, V<D> x) {
  return hn::Or(x, hn::SignBit(d));
}

/// a / (1 + e) for e in [0, 1], a >= 0; 0.5 ULP: the remainder a - q - q e does not see the rounding of 1 +
/// e.
template <class D>
HWY_INLINE Pair<D> over_one_plus(D d, Pair<D> a, V<D> e) {
  const auto denominator = hn::Add(hn::Set(d, 1.0f), e), reciprocal = hn::ApproximateReciprocal(denominator);
#if HWY_TARGET == HWY_AVX3
  const auto estimate = hn::Mul(a.high, reciprocal);
#else
  const auto estimate = hn::Div(a.high, denominator);
#endif
  auto rest = exact_neg_mul_add(d, estimate, e, hn::Sub(a.high, estimate));
  if constexpr (Exponential<D>::kLow) rest = hn::Add(rest, a.low);
  return {estimate, hn::Mul(rest, reciprocal)};
}

/// 1 / (1 + e^-x) = (x < 0 ? e : 1) / (1 + e) with e = e^-|x|; 2 ULP.
template <class D>
HWY_INLINE V<D> sigmoid(D d, V<D> x) {
  const auto e = exp_below(d, minus_magnitude(d, x)), one = hn::Set(d, 1.0f);
  const Pair<D> numerator{hn::IfThenElse(hn::Lt(x, hn::Zero(d)), e, one), hn::Zero(d)};
  const auto ratio = over_one_plus(d, numerator, e);
  return hn::Add(ratio.high, ratio.low);
}

/// x sigmoid(z) = max(x, 0) - |x| e / (1 + e) from e = e^-|z|, where z has the sign of x; 2 ULP. `bounded` is
/// -|x|, or a bound where that product has become 0. Scaled last, so that e is not rounded to a denormal
/// number before the product is.
template <class D>
HWY_INLINE V<D> times_sigmoid(D d, V<D> x, V<D> bounded, const Exponential<D>& e) {
  const auto power = e.exp_r(d);
  const auto ratio = over_one_plus(d, power, e.scale(d, power.high));
  const auto product = hn::MulAdd(bounded, ratio.high, hn::Mul(bounded, ratio.low));
  return hn::Add(at_least(d, x, 0.0f), e.scale(d, product));
}

/// s + inner s (1 - s) with s = sigmoid(z), |z| <= 145: the slope of x sigmoid(z(x)), where inner = x z'(x).
/// 1 - s is never formed: with e = e^-|z|, s (1 - s) = e / (1 + e)^2.
template <class D>
HWY_INLINE V<D> sigmoid_product_slope(D d, V<D> z, V<D> inner) {
  const auto e = exp_below(d, minus_magnitude(d, z), ForSlope()), one = hn::Set(d, 1.0f);
  const auto inverse = quotient(d, one, hn::Add(e, one)), other = hn::Mul(e, inverse);
  const auto s = hn::IfThenElse(hn::Lt(z, hn::Zero(d)), other, inverse);
  return hn::MulAdd(hn::Mul(inner, other), inverse, s);
}

}  // namespace halfwave::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
