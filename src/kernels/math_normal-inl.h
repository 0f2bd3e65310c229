// The normal distribution function for Highway vectors of floats, included once per instruction set.
#if defined(HALFWAVE_KERNELS_MATH_NORMAL_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFWAVE_KERNELS_MATH_NORMAL_INL_H
#undef HALFWAVE_KERNELS_MATH_NORMAL_INL_H
#else
#define HALFWAVE_KERNELS_MATH_NORMAL_INL_H
#endif

#include "kernels/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace halfwave::HWY_NAMESPACE {

#if HWY_TARGET == HWY_AVX3
/// scaled_normal_tail by polynomials on 8 parts of each octave of 1 + a in [1, 16), their coefficients in
/// registers; half the time of the rational function.
template <class D>
HWY_INLINE V<D> tabulated_normal_tail(D d, V<D> a) {
  alignas(64) static constexpr float c[5][32] = {
      {2.4533139e-01f, 2.1763982e-01f, 1.950231e-01f,  1.7629088e-01f, 1.605801e-01f,  1.4725406e-01f,
       1.358356e-01f,  1.2596172e-01f, 1.1345206e-01f, 1.0003921e-01f, 8.935932e-02f,  8.06754e-02f,
       7.348823e-02f,  6.7449234e-02f, 6.2308487e-02f, 5.7882633e-02f, 5.2293096e-02f, 4.6310045e-02f,
       4.154329e-02f,  3.765886e-02f,  3.4434058e-02f, 3.1714927e-02f, 2.9391732e-02f, 2.7384225e-02f,
       4.7601113e-01f, 4.331823e-01f,  3.9621183e-01f, 3.6410487e-01f, 3.3606145e-01f, 3.11434e-01f,
       2.8969508e-01f, 2.7041242e-01f},
      {-1.2294428e-01f,  -9.9687405e-02f, -8.202965e-02f,  -6.839681e-02f,  -5.7709534e-02f, -4.9213845e-02f,
       -4.2373817e-02f,  -3.6802314e-02f, -3.0222965e-02f, -2.3795184e-02f, -1.9165142e-02f, -1.5734114e-02f,
       -1.31290555e-02f, -1.1109192e-02f, -9.514232e-03f,  -8.234513e-03f,  -6.7440206e-03f, -5.306898e-03f,
       -4.281031e-03f,   -3.524259e-03f,  -2.9506036e-03f, -2.505709e-03f,  -2.1539023e-03f, -1.8710144e-03f,
       -3.6919147e-01f,  -3.177205e-01f,  -2.75126e-01f,   -2.3964635e-01f, -2.0990768e-01f, -1.8483138e-01f,
       -1.6356501e-01f,  -1.4543062e-01f},
      {5.350872e-02f,  4.0285982e-02f, 3.0863771e-02f, 2.402511e-02f,  1.8973893e-02f, 1.5186443e-02f,
       1.2301164e-02f, 1.0077987e-02f, 7.6135267e-03f, 5.4037212e-03f, 3.953524e-03f,  2.9690252e-03f,
       2.2804907e-03f, 1.7854678e-03f, 1.4222746e-03f, 1.1497377e-03f, 8.563736e-04f,  6.0060725e-04f,
       4.3668124e-04f, 3.2703867e-04f, 2.5105424e-04f, 1.9674098e-04f, 1.5701081e-04f, 1.2725151e-04f,
       2.264741e-01f,  1.8681642e-01f, 1.5512063e-01f, 1.2963492e-01f, 1.0897955e-01f, 9.216729e-02f,
       7.838817e-02f,  6.703628e-02f},
      {-2.0964017e-02f, -1.4796009e-02f, -1.0646117e-02f, -7.797568e-03f,  -5.8057364e-03f, -4.3887426e-03f,
       -3.3643665e-03f, -2.6129119e-03f, -1.833619e-03f,  -1.1812549e-03f, -7.8959845e-04f, -5.449025e-04f,
       -3.8662323e-04f, -2.81055e-04f,   -2.087158e-04f,  -1.5795337e-04f, -1.0763699e-04f, -6.742412e-05f,
       -4.424841e-05f,  -3.017816e-05f,  -2.1257494e-05f, -1.5389101e-05f, -1.1405636e-05f, -8.62805e-06f,
       -1.1846026e-01f, -9.431964e-02f,  -7.561724e-02f,  -6.102823e-02f,  -4.9572196e-02f, -4.0515997e-02f,
       -3.3311408e-02f, -2.7545381e-02f},
      {7.542013e-03f,   4.938529e-03f,  3.3327462e-03f, 2.2715027e-03f, 1.6522066e-03f, 1.1502907e-03f,
       9.2127296e-04f,  6.1997044e-04f, 4.206226e-04f,  2.451366e-04f,  1.5386888e-04f, 9.828674e-05f,
       6.149303e-05f,   4.5722223e-05f, 2.9704659e-05f, 2.2395177e-05f, 1.3194243e-05f, 7.5380663e-06f,
       4.5024194e-06f,  2.770953e-06f,  1.7413884e-06f, 1.2879027e-06f, 8.451492e-07f,  5.859378e-07f,
       5.3616296e-02f,  3.9937764e-02f, 3.224716e-02f,  2.4700202e-02f, 2.3286168e-02f, 1.8941902e-02f,
       1.51110515e-02f, 1.0171031e-02f},
  };
  const auto one = hn::Set(d, 1.0f);
  const auto bits = _mm512_castps_si512(hn::Add(a, one).raw);
  const auto part =
      _mm512_srli_epi32(bits, 20);  // its low 5 bits count: 2 of the exponent, 3 of the mantissa
  // The middle of the part: the leading 3 bits of the mantissa, then a 1.
  const auto leading = _mm512_and_si512(bits, _mm512_set1_epi32(-0x100000));
  const V<D> middle{_mm512_castsi512_ps(_mm512_or_si512(leading, _mm512_set1_epi32(0x80000)))};
  const auto t = hn::Sub(a, hn::Sub(middle, one));
  V<D> sum = hn::Zero(d);
  for (std::size_t k = 5; k-- > 0;) {
    const V<D> coefficient{_mm512_permutex2var_ps(hn::Load(d, c[k]).raw, part, hn::Load(d, c[k] + 16).raw)};
    sum = k == 4 ? coefficient : hn::MulAdd(sum, t, coefficient);
  }
  return sum;
}
#endif

/// Phi(-a) e^(a^2 / 2) for a in [0, 14.5], Phi the normal distribution function; 1.5 ULP. A rational minimax
/// fit.
template <class D>
HWY_INLINE V<D> scaled_normal_tail(D d, V<D> a, Pair<D> factor) {
#if HWY_TARGET == HWY_AVX3
  if constexpr (hn::MaxLanes(D()) == 16) return hn::Mul(factor.high, tabulated_normal_tail(d, a));
#endif
  // The last step of each keeps its rounding error, which would otherwise be the largest of all.
  static constexpr float p[] = {4.3630594e-01f, 1.8171264e-01f, 4.0106308e-02f, 4.0343767e-03f};
  static constexpr float q[] = {1.6704967e+00f, 1.1962852e+00f, 4.654405e-01f, 1.0053849e-01f,
                                1.0112554e-02f};
  const auto above = mul_add_pair(d, a, exact_polynomial(d, a, p), hn::Set(d, 0.5f));
  const auto below = mul_add_pair(d, a, exact_polynomial(d, a, q), hn::Set(d, 1.0f));
  const auto product = hn::Mul(above.high, factor.high);
  const auto low = hn::MulAdd(above.low, factor.high, product_error(d, above.high, factor.high, product));
  return quotient(d, Pair<D>{product, hn::MulAdd(above.high, factor.low, low)}, below);
}

/// From here on a Phi(-a) rounds to 0.
inline constexpr float kNormalTail = 14.5f;

/// a Phi(-a) for 0 <= a <= kNormalTail; 3.5 ULP.
template <class D>
HWY_INLINE V<D> times_normal_tail(D d, V<D> a) {
  const auto e = Exponential<D>::of_half_square(d, a);
  return e.scale(d, hn::Mul(a, scaled_normal_tail(d, a, e.exp_r(d))));
}

#if HWY_TARGET == HWY_AVX3
/// To here times_normal_tail_near holds.
inline constexpr float kNormalNear = 5.4f;

/// a Phi(-a) for 0 <= a <= kNormalNear by 32 polynomials, their coefficients in registers; 2 ULP, no
/// exponential.
template <class D>
HWY_INLINE V<D> times_normal_tail_near(D d, V<D> a) {
  constexpr float kStep = 11.0f / 64, kMagic = 0x1.8p23f;
  alignas(64) static constexpr float c[7][32] = {
      {5.e-01f,        4.317679e-01f,  3.6551714e-01f, 3.0305818e-01f, 2.4588385e-01f, 1.9506682e-01f,
       1.512118e-01f,  1.1446398e-01f, 8.456572e-02f,  6.0946696e-02f, 4.2829953e-02f, 2.933721e-02f,
       1.958008e-02f,  1.2729204e-02f, 8.058616e-03f,  4.966903e-03f,  2.9797633e-03f, 1.7396557e-03f,
       9.882197e-04f,  5.4611394e-04f, 2.9355535e-04f, 1.5346782e-04f, 7.802144e-05f,  3.8568556e-05f,
       1.8536737e-05f, 8.661141e-06f,  3.933901e-06f,  1.736785e-06f,  7.4526935e-07f, 3.1081208e-07f,
       1.2597224e-07f, 4.9615913e-08f},
      {-3.989423e-01f,  -3.9309302e-01f, -3.7605473e-01f, -3.492829e-01f,  -3.1497353e-01f, -2.7576637e-01f,
       -2.3441158e-01f, -1.9345827e-01f, -1.5501226e-01f, -1.2059112e-01f, -9.108253e-02f,  -6.679213e-02f,
       -4.755389e-02f,  -3.2871332e-02f, -2.2060689e-02f, -1.4374453e-02f, -9.093562e-03f,  -5.58531e-03f,
       -3.3306659e-03f, -1.9283475e-03f, -1.083952e-03f,  -5.915689e-04f,  -3.13452e-04f,   -1.6125281e-04f,
       -8.054045e-05f,  -3.905632e-05f,  -1.8388193e-05f, -8.405379e-06f,  -3.7303198e-06f, -1.607331e-06f,
       -6.724114e-07f,  -2.7310855e-07f},
      {1.4837414e-06f, 3.3770725e-02f, 6.464845e-02f,  9.0045035e-02f, 1.08270176e-01f, 1.18498e-01f,
       1.2086981e-01f, 1.1637582e-01f, 1.0657188e-01f, 9.326944e-02f,  7.827255e-02f,   6.313912e-02f,
       4.9039453e-02f, 3.6723815e-02f, 2.6541311e-02f, 1.8529348e-02f, 1.250356e-02f,   8.159789e-03f,
       5.1521542e-03f, 3.1486275e-03f, 1.8630535e-03f, 1.0675977e-03f, 5.926176e-04f,   3.1872708e-04f,
       1.6611542e-04f, 8.390975e-05f,  4.108603e-05f,  1.9503053e-05f, 8.976099e-06f,   4.005769e-06f,
       1.7335607e-06f, 7.2757683e-07f},
      {6.6422306e-02f,  6.358631e-02f,   5.526772e-02f,   4.273552e-02f,   2.7682262e-02f,  1.2015434e-02f,
       -2.4794482e-03f, -1.4430036e-02f, -2.3009874e-02f, -2.7992215e-02f, -2.9662726e-02f, -2.8659951e-02f,
       -2.5790092e-02f, -2.1872975e-02f, -1.761181e-02f,  -1.3527981e-02f, -9.946243e-03f,  -7.0165144e-03f,
       -4.7579734e-03f, -3.1060243e-03f, -1.9540659e-03f, -1.1858443e-03f, -6.947025e-04f,  -3.93111e-04f,
       -2.1498355e-04f, -1.1367351e-04f, -5.8135953e-05f, -2.8767648e-05f, -1.3777184e-05f, -6.387405e-06f,
       -2.867439e-06f,  -1.2466655e-06f},
      {1.4213688e-03f,  -5.527237e-03f,  -1.9244138e-02f, -1.933354e-02f, -2.2278689e-02f, -2.3555359e-02f,
       -1.9859996e-02f, -1.4677758e-02f, -1.0103767e-02f, -4.654106e-03f, 9.306474e-05f,   3.1086898e-03f,
       5.2569294e-03f,  5.99914e-03f,    6.29057e-03f,    5.6886263e-03f, 4.7776867e-03f,  3.765497e-03f,
       2.8131572e-03f,  2.0116528e-03f,  1.3658517e-03f,  8.918939e-04f,  5.586178e-04f,   3.3516993e-04f,
       1.938224e-04f,   1.0820719e-04f,  5.812486e-05f,   3.0138563e-05f, 1.50754295e-05f, 7.292132e-06f,
       3.4074894e-06f,  1.5397778e-06f},
      {-2.3803925e-02f, -9.82899e-03f,  -7.023021e-03f,  -4.193856e-03f,  -9.27685e-04f,   2.2412634e-03f,
       4.3416508e-03f,  5.871023e-03f,  6.17775e-03f,    5.5171186e-03f,  4.421294e-03f,   3.2483647e-03f,
       1.8295662e-03f,  5.790911e-04f,  -3.3702946e-04f, -8.8415644e-04f, -1.1061627e-03f, -1.1369457e-03f,
       -1.03565e-03f,   -8.473783e-04f, -6.4915937e-04f, -4.676338e-04f,  -3.1836706e-04f, -2.0659261e-04f,
       -1.280634e-04f,  -7.607518e-05f, -4.334829e-05f,  -2.3731234e-05f, -1.2503169e-05f, -6.342304e-06f,
       -3.0990748e-06f, -1.4613383e-06f},
      {5.1055044e-02f,  -2.1330139e-01f, 2.8450915e-01f, -8.665349e-02f, -3.664078e-02f,  9.530952e-02f,
       2.8732939e-02f,  -2.7861504e-02f, 1.8935263e-02f, -5.66291e-03f,  -3.0826967e-02f, -7.98709e-03f,
       -1.1380494e-02f, 6.3930773e-03f,  -9.702593e-03f, -4.711307e-03f, -1.9240016e-03f, 3.1607455e-05f,
       7.7888835e-04f,  1.4412281e-04f,  4.1041704e-04f, 1.7990085e-04f, 7.5429794e-05f,  1.0736478e-04f,
       7.655082e-05f,   3.383317e-05f,   2.2700746e-05f, 1.324868e-05f,  8.320967e-06f,   4.2532356e-06f,
       2.1920357e-06f,  1.0546271e-06f},

  };
  const auto magic = hn::MulAdd(a, hn::Set(d, 1 / kStep), hn::Set(d, kMagic));
  const auto part = _mm512_castps_si512(magic.raw);  // its low 5 bits count
  const auto t = hn::NegMulAdd(hn::Sub(magic, hn::Set(d, kMagic)), hn::Set(d, kStep), a);
  V<D> sum = hn::Zero(d);
  for (std::size_t k = 7; k-- > 0;) {
    const V<D> coefficient{_mm512_permutex2var_ps(hn::Load(d, c[k]).raw, part, hn::Load(d, c[k] + 16).raw)};
    sum = k == 6 ? coefficient : hn::MulAdd(sum, t, coefficient);
  }
  return hn::Mul(a, sum);
}
#endif

}  // namespace halfwave::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
