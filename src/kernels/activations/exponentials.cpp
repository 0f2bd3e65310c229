// Activations made with the exponential function.
#include <algorithm>
#include <limits>

#include "kernels/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/activations/exponentials.cpp"
#include <hwy/foreach_target.h>

#include "kernels/activation_loops-inl.h"

HWY_BEFORE_NAMESPACE();
namespace halfwave::HWY_NAMESPACE {
namespace {

using Initialisation = ActivationInfo::Initialisation;

/// The slope of x sigmoid(c x): with z = c x, s = sigmoid(z) and e = exp(-|z|), s + z s (1 - s) = s + z e /
/// (1 + e)^2.
template <class D>
HWY_INLINE V<D> times_sigmoid_slope(D d, V<D> x, float c) {
  const auto z = at_most(d, at_least(d, hn::Mul(x, hn::Set(d, c)), -100.0f), 100.0f);
  return sigmoid_product_slope(d, z, z);
}

/// x sigmoid(scale x), without the rounding error of scale x: the exponential would enlarge it.
template <class D>
HWY_INLINE V<D> times_scaled_sigmoid(D d, V<D> x, long double scale) {
  const float high = static_cast<float>(scale),
              low = static_cast<float>(scale - static_cast<long double>(high));
  const auto bounded = at_least(d, minus_magnitude(d, x), kExpLow / high), factor = hn::Set(d, high);
  const auto z = hn::Mul(bounded, factor);
  const auto z_low = hn::MulAdd(bounded, hn::Set(d, low), product_error(d, bounded, factor, z));
  return times_sigmoid(d, x, bounded, Exponential<D>(d, z, z_low));
}

struct Celu {
  static constexpr ActivationParameter kParameters[] = {
      {"alpha", 1.0f, 1e-3f, 1e3f, "minus the limit for small x"}};
  static constexpr ActivationInfo info{.name = "celu",
                                       .formula = "x where x > 0, else alpha (exp(x / alpha) - 1)",
                                       .onnx = "Celu(x, alpha=alpha)",
                                       .source = "Barron 2017",
                                       .parameters = kParameters,
                                       .monotone = true,
                                       .backward_from_output = true,
                                       .initialisation = Initialisation::he};
  template <class T>
  static T value(T x, const float* p) {
    return x > 0 ? x : p[0] * std::expm1(x / p[0]);
  }
  template <class T>
  static T slope(T x, const float* p) {
    return x > 0 ? T{1} : std::exp(x / p[0]);
  }
  template <class D>
  static HWY_INLINE V<D> forward(D d, V<D> x, const float* p) {
    const auto alpha = hn::Set(d, p[0]);
    const auto z = hn::Div(at_most(d, x, 0.0f), alpha);
    return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x, hn::Mul(alpha, expm1_below(d, z).high));
  }
  template <class D>
  static HWY_INLINE V<D> backward(D d, V<D> y, V<D> dy, const float* p) {
    const auto below = hn::Div(hn::Add(y, hn::Set(d, p[0])), hn::Set(d, p[0]));
    return hn::IfThenElse(hn::Gt(y, hn::Zero(d)), dy, hn::Mul(dy, below));
  }
};

struct Elu {
  static constexpr ActivationParameter kParameters[] = {
      {"alpha", 1.0f, 0.0f, 1e3f, "minus the limit for small x"}};
  static constexpr ActivationInfo info{.name = "elu",
                                       .formula = "x where x > 0, else alpha (exp(x) - 1)",
                                       .onnx = "Elu(x, alpha=alpha)",
                                       .source = "Clevert et al. 2015",
                                       .kinks = "slope(0) = alpha",
                                       .parameters = kParameters,
                                       .monotone = true,
                                       .backward_from_output = true,
                                       .initialisation = Initialisation::he};
  template <class T>
  static T value(T x, const float* p) {
    return x > 0 ? x : p[0] * std::expm1(x);
  }
  template <class T>
  static T slope(T x, const float* p) {
    return x > 0 ? T{1} : p[0] * std::exp(x);
  }
  template <class D>
  static HWY_INLINE V<D> forward(D d, V<D> x, const float* p) {
    return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x,
                          hn::Mul(hn::Set(d, p[0]), expm1_below(d, at_most(d, x, 0.0f)).high));
  }
  template <class D>
  static HWY_INLINE V<D> backward(D d, V<D> y, V<D> dy, const float* p) {
    return hn::IfThenElse(hn::Gt(y, hn::Zero(d)), dy, hn::Mul(dy, hn::Add(y, hn::Set(d, p[0]))));
  }
};

struct ExponentialUnit {
  static constexpr ActivationInfo info{.name = "exponential",
                                       .formula = "exp(x)",
                                       .onnx = "Exp(x)",
                                       .source = "Keras",
                                       .monotone = true,
                                       .lipschitz = std::numeric_limits<double>::infinity(),
                                       .backward_from_output = true};
  template <class T>
  static T value(T x, const float*) {
    return std::exp(x);
  }
  template <class T>
  static T slope(T x, const float*) {
    return std::exp(x);
  }
  template <class D>
  static HWY_INLINE V<D> forward(D d, V<D> x, const float*) {
    return exp(d, x);
  }
  template <class D>
  static HWY_INLINE V<D> backward(D, V<D> y, V<D> dy, const float*) {
    return hn::Mul(dy, y);
  }
};

struct LogSigmoid {
  static constexpr ActivationInfo info{.name = "log_sigmoid",
                                       .formula = "-log(1 + exp(-x))",
                                       .onnx = "Neg(Softplus(Neg(x)))",
                                       .source = "PyTorch",
                                       .monotone = true,
                                       .backward_from_output = true};
  template <class T>
  static T value(T x, const float*) {
    return std::min(x, T{0}) - std::log1p(std::exp(-std::abs(x)));
  }
  template <class T>
  static T slope(T x, const float*) {
    return x < 0 ? 1 / (1 + std::exp(x)) : std::exp(-x) / (1 + std::exp(-x));
  }
  template <class D>
  static HWY_INLINE V<D> forward(D d, V<D> x, const float*) {
    return hn::Sub(at_most(d, x, 0.0f), log1p_exp_minus(d, x));
  }
  template <class D>
  static HWY_INLINE V<D> backward(D d, V<D> y, V<D> dy, const float*) {
    return hn::Mul(dy, one_minus_exp_below(d, y));
  }
};

struct Mish {
  static constexpr ActivationInfo info{.name = "mish",
                                       .formula = "x tanh(log(1 + exp(x)))",
                                       .onnx = "Mul(x, Tanh(Softplus(x)))",
                                       .source = "Misra 2019",
                                       .lipschitz = 1.0884995,
                                       .ulp = 4,
                                       .initialisation = Initialisation::he};
  template <class T>
  static T value(T x, const float*) {
    const T w = std::exp(std::min(x, T{200})), v = w * (w + 2);
    return x * (v / (v + 2));
  }
  template <class T>
  static T slope(T x, const float*) {
    const T e = std::exp(std::min(x, T{200})), v = e * (e + 2), t = v / (v + 2);
    return t + x * 4 * e * (e + 1) / ((v + 2) * (v + 2));
  }
  template <class D>
  static HWY_INLINE V<D> forward(D d, V<D> x, const float*) {
    // With e = exp(x): tanh(log(1 + e)) = e (e + 2) / (e (e + 2) + 2), which is 1 to the last bit from x = 20
    // on.
    const Exponential<D> e(d, at_most(d, at_least(d, x, kExpLow), 20.0f));
    const auto power = e.exp_r(d).high, two = hn::Set(d, 2.0f), whole = e.scale(d, power),
               more = hn::Add(whole, two);
    const auto ratio = quotient(d, hn::Mul(power, more), hn::MulAdd(whole, more, two));
    const auto below = e.scale(d, hn::Mul(at_least(d, x, kExpLow), ratio));
    return hn::IfThenElse(hn::Ge(x, hn::Set(d, 20.0f)), x, below);
  }
  template <class D>
  static HWY_INLINE V<D> backward(D d, V<D> x, V<D> dy, const float*) {
    // t + x t' with t = v / (v + 2), v = e (e + 2), e = exp(x).
    const auto bounded = at_most(d, at_least(d, x, kExpLow), 20.0f);
    const auto e = exp_below(d, bounded, ForSlope()), two = hn::Set(d, 2.0f);
    const auto v = hn::Mul(e, hn::Add(e, two)), inverse = quotient(d, hn::Set(d, 1.0f), hn::Add(v, two));
    const auto rise = hn::Mul(hn::MulAdd(e, e, e), hn::Mul(hn::Set(d, 4.0f), inverse));
    return hn::Mul(dy, hn::Mul(inverse, hn::MulAdd(bounded, rise, v)));
  }
};

struct QuickGelu {
  static constexpr ActivationInfo info{.name = "quick_gelu",
                                       .formula = "x sigmoid(1.702 x)",
                                       .onnx = "Mul(x, Sigmoid(Mul(1.702, x)))",
                                       .source = "Hendrycks and Gimpel 2016",
                                       .lipschitz = 1.0998394,
                                       .initialisation = Initialisation::he};
  template <class T>
  static T value(T x, const float*) {
    return x / (1 + std::exp(static_cast<T>(-1.702L) * x));
  }
  template <class T>
  static T slope(T x, const float*) {
    const T s = 1 / (1 + std::exp(static_cast<T>(-1.702L) * x));
    return s + x * (static_cast<T>(1.702L) * s) * (1 - s);
  }
  template <class D>
  static HWY_INLINE V<D> forward(D d, V<D> x, const float*) {
    return times_scaled_sigmoid(d, x, 1.702L);
  }
  template <class D>
  static HWY_INLINE V<D> backward(D d, V<D> x, V<D> dy, const float*) {
    return hn::Mul(dy, times_sigmoid_slope(d, x, 1.702f));
  }
};

struct Selu {
  static constexpr long double kScale = 1.0507009873554804934193349852946L;
  static constexpr long double kAlpha = 1.6732632423543772848170429916717L;
  static constexpr float kScaleF = static_cast<float>(kScale),
                         kProductF = static_cast<float>(kScale * kAlpha);
  static constexpr ActivationInfo info{.name = "selu",
                                       .formula = "1.0507 (x where x > 0, else 1.6733 (exp(x) - 1))",
                                       .onnx = "Selu(x)",
                                       .source = "Klambauer et al. 2017",
                                       .kinks = "slope(0) = 1.7581",
                                       .monotone = true,
                                       .lipschitz = 1.7580993408473766,
                                       .backward_from_output = true,
                                       .initialisation = Initialisation::lecun};
  template <class T>
  static T value(T x, const float*) {
    return x > 0 ? static_cast<T>(kScale) * x : static_cast<T>(kScale * kAlpha) * std::expm1(x);
  }
  template <class T>
  static T slope(T x, const float*) {
    return x > 0 ? static_cast<T>(kScale) : static_cast<T>(kScale * kAlpha) * std::exp(x);
  }
  template <class D>
  static HWY_INLINE V<D> forward(D d, V<D> x, const float*) {
    const auto above = hn::Mul(x, hn::Set(d, kScaleF));
    const auto m = expm1_below(d, at_most(d, x, 0.0f));
    const auto product = hn::Set(d, kProductF);
    return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), above,
                          hn::MulAdd(product, m.high, hn::Mul(product, m.low)));
  }
  template <class D>
  static HWY_INLINE V<D> backward(D d, V<D> y, V<D> dy, const float*) {
    return hn::Mul(
        dy, hn::IfThenElse(hn::Gt(y, hn::Zero(d)), hn::Set(d, kScaleF), hn::Add(y, hn::Set(d, kProductF))));
  }
};

struct Sigmoid {
  static constexpr ActivationInfo info{.name = "sigmoid",
                                       .formula = "1 / (1 + exp(-x))",
                                       .onnx = "Sigmoid(x)",
                                       .source = "",
                                       .monotone = true,
                                       .saturates = true,
                                       .lipschitz = 0.25,
                                       .backward_from_output = true};
  template <class T>
  static T value(T x, const float*) {
    return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x));
  }
  template <class T>
  static T slope(T x, const float*) {
    const T e = std::exp(-std::abs(x));
    return e / ((1 + e) * (1 + e));
  }
  template <class D>
  static HWY_INLINE V<D> forward(D d, V<D> x, const float*) {
    return sigmoid(d, x);
  }
  template <class D>
  static HWY_INLINE V<D> backward(D, V<D> y, V<D> dy, const float*) {
    return hn::Mul(dy, hn::NegMulAdd(y, y, y));
  }
};

struct Silu {
  static constexpr ActivationInfo info{.name = "silu",
                                       .formula = "x sigmoid(x)",
                                       .onnx = "Mul(x, Sigmoid(x))",
                                       .source = "Elfwing et al. 2018",
                                       .lipschitz = 1.0998394,
                                       .initialisation = Initialisation::he};
  template <class T>
  static T value(T x, const float*) {
    return x / (1 + std::exp(-x));
  }
  template <class T>
  static T slope(T x, const float*) {
    const T s = 1 / (1 + std::exp(-x));
    return s + x * s * (1 - s);
  }
  template <class D>
  static HWY_INLINE V<D> forward(D d, V<D> x, const float*) {
    const auto z = at_least(d, minus_magnitude(d, x), kExpLow);
    return times_sigmoid(d, x, z, Exponential<D>(d, z));
  }
  template <class D>
  static HWY_INLINE V<D> backward(D d, V<D> x, V<D> dy, const float*) {
    return hn::Mul(dy, times_sigmoid_slope(d, x, 1.0f));
  }
};

struct Softplus {
  static constexpr ActivationParameter kParameters[] = {
      {"beta", 1.0f, 1e-3f, 1e3f, "sharpness"},
      {"threshold", 20.0f, 10.0f, 1e6f, "linear where beta x is above this"}};
  static constexpr ActivationInfo info{.name = "softplus",
                                       .formula = "log(1 + exp(beta x)) / beta; x where beta x > threshold",
                                       .onnx = "Div(Softplus(Mul(beta, x)), beta)",
                                       .source = "Dugas et al. 2001; PyTorch",
                                       .parameters = kParameters,
                                       .monotone = true,
                                       .backward_from_output = true,
                                       .initialisation = Initialisation::he};
  template <class T>
  static T value(T x, const float* p) {
    const T z = p[0] * x;
    return z > p[1] ? x : (std::max(z, T{0}) + std::log1p(std::exp(-std::abs(z)))) / p[0];
  }
  template <class T>
  static T slope(T x, const float* p) {
    const T z = p[0] * x;
    return z > p[1] ? T{1} : z < 0 ? std::exp(z) / (1 + std::exp(z)) : 1 / (1 + std::exp(-z));
  }
  template <class D>
  static HWY_INLINE V<D> forward(D d, V<D> x, const float* p) {
    const auto beta = hn::Set(d, p[0]), z = hn::Mul(x, beta);
    const auto sum = hn::Add(at_least(d, z, 0.0f), log1p_exp_minus(d, z));
    return hn::IfThenElse(hn::Gt(z, hn::Set(d, p[1])), x, hn::Mul(sum, hn::Div(hn::Set(d, 1.0f), beta)));
  }
  template <class D>
  static HWY_INLINE V<D> backward(D d, V<D> y, V<D> dy, const float* p) {
    // 1 - exp(-beta y) is the sigmoid of beta x.
    return hn::Mul(dy, one_minus_exp_below(d, hn::Mul(y, hn::Set(d, -p[0]))));
  }
};

struct Softsign {
  static constexpr ActivationInfo info{.name = "softsign",
                                       .formula = "x / (1 + |x|)",
                                       .onnx = "Softsign(x)",
                                       .source = "Bergstra et al. 2009",
                                       .monotone = true,
                                       .saturates = true,
                                       .backward_from_output = true};
  template <class T>
  static T value(T x, const float*) {
    return x / (1 + std::abs(x));
  }
  template <class T>
  static T slope(T x, const float*) {
    return 1 / ((1 + std::abs(x)) * (1 + std::abs(x)));
  }
  template <class D>
  static HWY_INLINE V<D> forward(D d, V<D> x, const float*) {
    const auto bounded = at_most(d, at_least(d, x, -0x1p100f), 0x1p100f);
    return hn::Div(bounded, hn::Add(hn::Set(d, 1.0f), hn::Abs(bounded)));
  }
  template <class D>
  static HWY_INLINE V<D> backward(D d, V<D> y, V<D> dy, const float*) {
    const auto rest = hn::Sub(hn::Set(d, 1.0f), hn::Abs(y));
    return hn::Mul(dy, hn::Mul(rest, rest));
  }
};

struct Squareplus {
  static constexpr ActivationParameter kParameters[] = {{"b", 4.0f, 1e-6f, 1e6f, "width of the bend"}};
  static constexpr ActivationInfo info{.name = "squareplus",
                                       .formula = "(x + sqrt(x^2 + b)) / 2",
                                       .onnx = "Mul(Add(x, Sqrt(Add(Mul(x, x), b))), 0.5)",
                                       .source = "Barron 2021; JAX",
                                       .parameters = kParameters,
                                       .monotone = true,
                                       .backward_from_output = true,
                                       .initialisation = Initialisation::he};
  template <class T>
  static T value(T x, const float* p) {
    return x < 0 ? T{p[0]} / 2 / (std::sqrt(x * x + p[0]) - x) : (x + std::sqrt(x * x + p[0])) / 2;
  }
  template <class T>
  static T slope(T x, const float* p) {
    return x < 0 ? T{p[0]} / 2 / (std::sqrt(x * x + p[0]) * (std::sqrt(x * x + p[0]) - x))
                 : (1 + x / std::sqrt(x * x + p[0])) / 2;
  }
  template <class D>
  static HWY_INLINE V<D> forward(D d, V<D> x, const float* p) {
    // With h = |x| / 2: h + sqrt(h^2 + b / 4) above 0, b / 4 over that below 0, where the sum would cancel.
    // The rounding errors of the root and of the sum are carried along.
    const auto h = hn::Mul(hn::Set(d, 0.5f), hn::Abs(x)), quarter = hn::Set(d, 0.25f * p[0]);
    const auto bounded = at_most(d, h, 0x1p30f), square = hn::MulAdd(bounded, bounded, quarter);
    const auto root = hn::Sqrt(square);
    const auto root_low = hn::Div(hn::Neg(product_error(d, root, root, square)), hn::Add(root, root));
    auto sum = pair_sum(d, root, bounded);
    sum.low = hn::Add(sum.low, root_low);
    const auto below = quotient(d, Pair<D>{quarter, hn::Zero(d)}, sum);
    const auto far = hn::Gt(h, bounded);
    return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::IfThenElse(far, hn::Div(quarter, hn::Add(h, h)), below),
                          hn::IfThenElse(far, hn::Add(h, h), sum.high));
  }
  template <class D>
  static HWY_INLINE V<D> backward(D d, V<D> y, V<D> dy, const float* p) {
    const auto bounded = at_most(d, y, 0x1p60f), square = hn::Mul(bounded, bounded);
    return hn::Mul(dy, hn::Div(square, hn::Add(square, hn::Set(d, 0.25f * p[0]))));
  }
};

struct Swish {
  static constexpr ActivationParameter kParameters[] = {{"beta", 1.0f, 0.01f, 100.0f, "sharpness"}};
  static constexpr ActivationInfo info{.name = "swish",
                                       .formula = "x sigmoid(beta x)",
                                       .onnx = "Mul(x, Sigmoid(Mul(beta, x)))",
                                       .source = "Ramachandran et al. 2017; ONNX",
                                       .parameters = kParameters,
                                       .lipschitz = 1.0998394,
                                       .initialisation = Initialisation::he};
  template <class T>
  static T value(T x, const float* p) {
    return x / (1 + std::exp(-p[0] * x));
  }
  template <class T>
  static T slope(T x, const float* p) {
    const T s = 1 / (1 + std::exp(-p[0] * x));
    return s + x * p[0] * s * (1 - s);
  }
  template <class D>
  static HWY_INLINE V<D> forward(D d, V<D> x, const float* p) {
    return times_scaled_sigmoid(d, x, p[0]);
  }
  template <class D>
  static HWY_INLINE V<D> backward(D d, V<D> x, V<D> dy, const float* p) {
    return hn::Mul(dy, times_sigmoid_slope(d, x, p[0]));
  }
};

struct Tanh {
  static constexpr ActivationInfo info{.name = "tanh",
                                       .formula = "tanh(x)",
                                       .onnx = "Tanh(x)",
                                       .source = "",
                                       .monotone = true,
                                       .saturates = true,
                                       .backward_from_output = true};
  template <class T>
  static T value(T x, const float*) {
    return std::tanh(x);
  }
  template <class T>
  static T slope(T x, const float*) {
    return 1 / (std::cosh(x) * std::cosh(x));
  }
  template <class D>
  static HWY_INLINE V<D> forward(D d, V<D> x, const float*) {
    return tanh(d, x);
  }
  template <class D>
  static HWY_INLINE V<D> backward(D d, V<D> y, V<D> dy, const float*) {
    return hn::Mul(dy, hn::NegMulAdd(y, y, hn::Set(d, 1.0f)));
  }
};

struct TanhShrink {
  /// The Taylor series of x - tanh(x), for |x| < 0.1.
  template <class T>
  static T near_zero(T x) {
    const T s = x * x;
    return x * s *
           (T{1} / 3 -
            s * (T{2} / 15 -
                 s * (T{17} / 315 -
                      s * (T{62} / 2835 - s * (T{1382} / 155925 -
                                               s * (T{21844} / 6081075 - s * (T{929569} / 638512875)))))));
  }
  static constexpr ActivationInfo info{.name = "tanhshrink",
                                       .formula = "x - tanh(x)",
                                       .onnx = "Sub(x, Tanh(x))",
                                       .source = "PyTorch",
                                       .monotone = true};
  template <class T>
  static T value(T x, const float*) {
    return std::abs(x) < T{0.1} ? near_zero(x) : x - std::tanh(x);
  }
  template <class T>
  static T slope(T x, const float*) {
    return std::tanh(x) * std::tanh(x);
  }
  template <class D>
  static HWY_INLINE V<D> forward(D d, V<D> x, const float*) {
    // The difference cancels below 2: x^3 times a minimax polynomial in x^2 near 0, one in |x| - 1.5 above 1.
    static constexpr float near[] = {-1.3333352e-01f, 5.3967677e-02f, -2.184914e-02f, 8.744376e-03f,
                                     -3.266267e-03f,  9.6234586e-04f, -1.5297302e-04f};
    static constexpr float middle[] = {5.9485173e-01f, 8.192934e-01f,  1.6356671e-01f,  -8.7818e-02f,
                                       2.4962276e-02f, 2.6868253e-03f, -7.1090106e-03f, 3.834494e-03f,
                                       -8.555381e-04f, -3.599856e-05f};
    const auto magnitude = hn::Abs(x), square = hn::Mul(x, x);
    const auto sum = pair_sum(d, hn::Set(d, 1.0f / 3), hn::Mul(square, polynomial(d, square, near)));
    const auto factor = hn::Mul(sum.high, magnitude), cube = hn::Mul(factor, square);
    const auto factor_low = hn::MulAdd(sum.low, magnitude, product_error(d, sum.high, magnitude, factor));
    const auto lows = hn::MulAdd(factor_low, square, hn::Mul(factor, product_error(d, x, x, square)));
    const auto small = hn::Add(cube, hn::Add(lows, product_error(d, factor, square, cube)));
    const auto medium = exact_polynomial(d, hn::Sub(magnitude, hn::Set(d, 1.5f)), middle);
    const auto large = hn::Sub(magnitude, tanh(d, magnitude));
    const auto above = hn::IfThenElse(hn::Lt(magnitude, hn::Set(d, 2.25f)), medium, large);
    return hn::CopySign(hn::IfThenElse(hn::Lt(magnitude, hn::Set(d, 1.0f)), small, above), x);
  }
  template <class D>
  static HWY_INLINE V<D> backward(D d, V<D> x, V<D> dy, const float*) {
    const auto t = tanh(d, x);
    return hn::Mul(dy, hn::Mul(t, t));
  }
};

}  // namespace

using Exponentials = ActivationList<Celu, Elu, ExponentialUnit, LogSigmoid, Mish, QuickGelu, Selu, Sigmoid,
                                    Silu, Softplus, Softsign, Squareplus, Swish, Tanh, TanhShrink>;

std::span<const ActivationKernels> exponentials_kernels() { return kernels_of(Exponentials{}); }

}  // namespace halfwave::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace halfwave {

HWY_EXPORT(exponentials_kernels);

ActivationGroup exponentials() {
  return {declarations(HWY_NAMESPACE::Exponentials{}), HWY_DYNAMIC_DISPATCH(exponentials_kernels)()};
}

}  // namespace halfwave
#endif
