// Rectifiers and other activations made of straight lines and parabolas.
#include <limits>

#include "kernels/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/activations/rectifiers.cpp"
#include <hwy/foreach_target.h>

#include "kernels/activation_loops-inl.h"

HWY_BEFORE_NAMESPACE();
namespace halfwave::HWY_NAMESPACE {
namespace {

using Initialisation = ActivationInfo::Initialisation;

struct Absolute {
  static constexpr ActivationInfo info{.name = "absolute",
                                       .formula = "|x|",
                                       .onnx = "Abs(x)",
                                       .source = "Jarrett et al. 2009",
                                       .kinks = "slope(0) = -1",
                                       .piecewise_linear = true,
                                       .initialisation = Initialisation::he};
  template <class T>
  static T value(T x, const float*) {
    return std::abs(x);
  }
  template <class T>
  static T slope(T x, const float*) {
    return x > 0 ? T{1} : T{-1};
  }
  template <class D>
  static HWY_INLINE V<D> forward(D, V<D> x, const float*) {
    return hn::Abs(x);
  }
  template <class D>
  static HWY_INLINE V<D> backward(D d, V<D> x, V<D> dy, const float*) {
    return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), dy, hn::Neg(dy));
  }
};

struct BoundedRelu {
  static constexpr ActivationParameter kParameters[] = {{"limit", 1.0f, 1e-6f, 1e6f, "largest output"}};
  static constexpr ActivationInfo info{.name = "bounded_relu",
                                       .formula = "min(max(0, x), limit)",
                                       .onnx = "Clip(x, 0, limit)",
                                       .source = "Liew et al. 2016",
                                       .kinks = "slope(0) = 0, slope(limit) = 0",
                                       .parameters = kParameters,
                                       .zero_below = true,
                                       .piecewise_linear = true,
                                       .monotone = true,
                                       .saturates = true,
                                       .backward_from_output = true,
                                       .initialisation = Initialisation::he};
  template <class T>
  static T value(T x, const float* p) {
    return x <= 0 ? T{0} : x >= p[0] ? T{p[0]} : x;
  }
  template <class T>
  static T slope(T x, const float* p) {
    return x > 0 && x < p[0] ? T{1} : T{0};
  }
  template <class D>
  static HWY_INLINE V<D> forward(D d, V<D> x, const float* p) {
    return at_most(d, positive_part(d, x), p[0]);
  }
  template <class D>
  static HWY_INLINE V<D> backward(D d, V<D> y, V<D> dy, const float* p) {
    return hn::IfThenElseZero(hn::And(hn::Gt(y, hn::Zero(d)), hn::Lt(y, hn::Set(d, p[0]))), dy);
  }
};

struct HardShrink {
  static constexpr ActivationParameter kParameters[] = {
      {"lambda", 0.5f, 0.0f, 1e6f, "inputs up to this size become zero"}};
  static constexpr ActivationInfo info{.name = "hardshrink",
                                       .formula = "x where |x| > lambda, else 0",
                                       .onnx = "Shrink(x, lambd=lambda, bias=0)",
                                       .source = "PyTorch",
                                       .kinks = "slope(-lambda) = slope(lambda) = 0",
                                       .parameters = kParameters,
                                       .zero_below = true,
                                       .piecewise_linear = true,
                                       .monotone = true,
                                       .lipschitz = std::numeric_limits<double>::infinity(),
                                       .backward_from_output = true,
                                       .initialisation = Initialisation::he};
  template <class T>
  static T value(T x, const float* p) {
    return std::abs(x) <= p[0] ? T{0} : x;
  }
  template <class T>
  static T slope(T x, const float* p) {
    return std::abs(x) <= p[0] ? T{0} : T{1};
  }
  template <class D>
  static HWY_INLINE V<D> forward(D d, V<D> x, const float* p) {
    return hn::IfThenZeroElse(hn::Le(hn::Abs(x), hn::Set(d, p[0])), x);
  }
  template <class D>
  static HWY_INLINE V<D> backward(D d, V<D> y, V<D> dy, const float*) {
    return hn::IfThenZeroElse(hn::Eq(y, hn::Zero(d)), dy);
  }
};

struct HardSigmoid {
  static constexpr ActivationParameter kParameters[] = {{"alpha", 1.0f / 6.0f, 1e-3f, 1e3f, "slope"},
                                                        {"beta", 0.5f, 0.0f, 1.0f, "output at 0"}};
  static constexpr ActivationInfo info{.name = "hardsigmoid",
                                       .formula = "min(max(0, alpha x + beta), 1)",
                                       .onnx = "HardSigmoid(x, alpha=alpha, beta=beta)",
                                       .source = "Courbariaux et al. 2015; PyTorch, Keras",
                                       .kinks = "slope is 0 where the output is 0 or 1",
                                       .parameters = kParameters,
                                       .zero_below = true,
                                       .piecewise_linear = true,
                                       .monotone = true,
                                       .saturates = true,
                                       .lipschitz = 1.0 / 6,
                                       .backward_from_output = true};
  template <class T>
  static T value(T x, const float* p) {
    const T z = T{p[0]} * x + T{p[1]};
    return z <= 0 ? T{0} : z >= 1 ? T{1} : z;
  }
  template <class T>
  static T slope(T x, const float* p) {
    const T z = T{p[0]} * x + T{p[1]};
    return z > 0 && z < 1 ? T{p[0]} : T{0};
  }
  template <class D>
  static HWY_INLINE V<D> forward(D d, V<D> x, const float* p) {
    const auto bounded = at_most(d, at_least(d, x, -1e6f), 1e6f);
    const auto z = exact_mul_add(d, bounded, hn::Set(d, p[0]), hn::Set(d, p[1]));
    return at_most(d, positive_part(d, z), 1.0f);
  }
  template <class D>
  static HWY_INLINE V<D> backward(D d, V<D> y, V<D> dy, const float* p) {
    const auto inside = hn::And(hn::Gt(y, hn::Zero(d)), hn::Lt(y, hn::Set(d, 1.0f)));
    return hn::IfThenElseZero(inside, hn::Mul(dy, hn::Set(d, p[0])));
  }
};

struct HardSwish {
  static constexpr ActivationInfo info{.name = "hardswish",
                                       .formula = "x min(max(0, x + 3), 6) / 6",
                                       .onnx = "HardSwish(x)",
                                       .source = "Howard et al. 2019",
                                       .kinks = "slope(-3) = 0, slope(3) = 1",
                                       .zero_below = true,
                                       .lipschitz = 1.5,
                                       .initialisation = Initialisation::he};
  template <class T>
  static T value(T x, const float*) {
    return x <= -3 ? T{0} : x >= 3 ? x : x * (x + 3) / 6;
  }
  template <class T>
  static T slope(T x, const float*) {
    return x <= -3 ? T{0} : x >= 3 ? T{1} : (2 * x + 3) / 6;
  }
  template <class D>
  static HWY_INLINE V<D> forward(D d, V<D> x, const float*) {
    const auto three = hn::Set(d, 3.0f);
    const auto inner = quotient(d, hn::Mul(x, hn::Add(x, three)), hn::Set(d, 6.0f));
    return hn::IfThenZeroElse(hn::Le(x, hn::Neg(three)), hn::IfThenElse(hn::Ge(x, three), x, inner));
  }
  template <class D>
  static HWY_INLINE V<D> backward(D d, V<D> x, V<D> dy, const float*) {
    const auto three = hn::Set(d, 3.0f);
    const auto inner = hn::MulAdd(x, hn::Set(d, 1.0f / 3), hn::Set(d, 0.5f));
    const auto slopes = hn::IfThenElse(hn::Ge(x, three), hn::Set(d, 1.0f), inner);
    return hn::IfThenZeroElse(hn::Le(x, hn::Neg(three)), hn::Mul(dy, slopes));
  }
};

struct HardTanh {
  static constexpr ActivationParameter kParameters[] = {{"low", -1.0f, -1e6f, 0.0f, "smallest output"},
                                                        {"high", 1.0f, 1e-6f, 1e6f, "largest output"}};
  static constexpr ActivationInfo info{.name = "hardtanh",
                                       .formula = "min(max(low, x), high)",
                                       .onnx = "Clip(x, low, high)",
                                       .source = "Collobert 2004",
                                       .kinks = "slope(low) = slope(high) = 0",
                                       .parameters = kParameters,
                                       .piecewise_linear = true,
                                       .monotone = true,
                                       .saturates = true,
                                       .backward_from_output = true};
  template <class T>
  static T value(T x, const float* p) {
    return x <= p[0] ? T{p[0]} : x >= p[1] ? T{p[1]} : x;
  }
  template <class T>
  static T slope(T x, const float* p) {
    return x > p[0] && x < p[1] ? T{1} : T{0};
  }
  template <class D>
  static HWY_INLINE V<D> forward(D d, V<D> x, const float* p) {
    return at_most(d, at_least(d, x, p[0]), p[1]);
  }
  template <class D>
  static HWY_INLINE V<D> backward(D d, V<D> y, V<D> dy, const float* p) {
    return hn::IfThenElseZero(hn::And(hn::Gt(y, hn::Set(d, p[0])), hn::Lt(y, hn::Set(d, p[1]))), dy);
  }
};

struct Identity {
  static constexpr ActivationInfo info{.name = "identity",
                                       .formula = "x",
                                       .onnx = "Identity(x)",
                                       .source = "",
                                       .piecewise_linear = true,
                                       .monotone = true,
                                       .backward_from_output = true};
  template <class T>
  static T value(T x, const float*) {
    return x;
  }
  template <class T>
  static T slope(T, const float*) {
    return T{1};
  }
  template <class D>
  static HWY_INLINE V<D> forward(D, V<D> x, const float*) {
    return x;
  }
  template <class D>
  static HWY_INLINE V<D> backward(D, V<D>, V<D> dy, const float*) {
    return dy;
  }
};

struct LeakyRelu {
  static constexpr ActivationParameter kParameters[] = {{"slope", 0.01f, 0.0f, 1e3f, "slope below 0"}};
  static constexpr ActivationInfo info{.name = "leaky_relu",
                                       .formula = "x where x > 0, else slope x",
                                       .onnx = "LeakyRelu(x, alpha=slope)",
                                       .source = "Maas et al. 2013",
                                       .kinks = "slope(0) = slope",
                                       .parameters = kParameters,
                                       .piecewise_linear = true,
                                       .monotone = true,
                                       .backward_from_output = true,
                                       .initialisation = Initialisation::he};
  template <class T>
  static T value(T x, const float* p) {
    return x > 0 ? x : p[0] * x;
  }
  template <class T>
  static T slope(T x, const float* p) {
    return x > 0 ? T{1} : T{p[0]};
  }
  template <class D>
  static HWY_INLINE V<D> forward(D d, V<D> x, const float* p) {
    return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x, hn::Mul(x, hn::Set(d, p[0])));
  }
  template <class D>
  static HWY_INLINE V<D> backward(D d, V<D> y, V<D> dy, const float* p) {
    return hn::IfThenElse(hn::Gt(y, hn::Zero(d)), dy, hn::Mul(dy, hn::Set(d, p[0])));
  }
};

struct Relu {
  static constexpr ActivationInfo info{.name = "relu",
                                       .formula = "max(0, x)",
                                       .onnx = "Relu(x)",
                                       .source = "Nair and Hinton 2010",
                                       .kinks = "slope(0) = 0",
                                       .zero_below = true,
                                       .piecewise_linear = true,
                                       .monotone = true,
                                       .backward_from_output = true,
                                       .initialisation = Initialisation::he};
  template <class T>
  static T value(T x, const float*) {
    return x > 0 ? x : T{0};
  }
  template <class T>
  static T slope(T x, const float*) {
    return x > 0 ? T{1} : T{0};
  }
  template <class D>
  static HWY_INLINE V<D> forward(D d, V<D> x, const float*) {
    return positive_part(d, x);
  }
  template <class D>
  static HWY_INLINE V<D> backward(D d, V<D> y, V<D> dy, const float*) {
    return hn::IfThenElseZero(hn::Gt(y, hn::Zero(d)), dy);
  }
};

struct Relu6 {
  static constexpr ActivationInfo info{.name = "relu6",
                                       .formula = "min(max(0, x), 6)",
                                       .onnx = "Clip(x, 0, 6)",
                                       .source = "Krizhevsky 2010",
                                       .kinks = "slope(0) = 0, slope(6) = 0",
                                       .zero_below = true,
                                       .piecewise_linear = true,
                                       .monotone = true,
                                       .saturates = true,
                                       .backward_from_output = true,
                                       .initialisation = Initialisation::he};
  template <class T>
  static T value(T x, const float*) {
    return x <= 0 ? T{0} : x >= 6 ? T{6} : x;
  }
  template <class T>
  static T slope(T x, const float*) {
    return x > 0 && x < 6 ? T{1} : T{0};
  }
  template <class D>
  static HWY_INLINE V<D> forward(D d, V<D> x, const float*) {
    return at_most(d, positive_part(d, x), 6.0f);
  }
  template <class D>
  static HWY_INLINE V<D> backward(D d, V<D> y, V<D> dy, const float*) {
    return hn::IfThenElseZero(hn::And(hn::Gt(y, hn::Zero(d)), hn::Lt(y, hn::Set(d, 6.0f))), dy);
  }
};

struct SoftShrink {
  static constexpr ActivationParameter kParameters[] = {
      {"lambda", 0.5f, 0.0f, 1e6f, "inputs up to this size become zero"}};
  static constexpr ActivationInfo info{
      .name = "softshrink",
      .formula = "x - lambda where x > lambda, x + lambda where x < -lambda, else 0",
      .onnx = "Shrink(x, lambd=lambda, bias=lambda)",
      .source = "PyTorch",
      .kinks = "slope(-lambda) = slope(lambda) = 0",
      .parameters = kParameters,
      .zero_below = true,
      .piecewise_linear = true,
      .monotone = true,
      .backward_from_output = true,
      .initialisation = Initialisation::he};
  template <class T>
  static T value(T x, const float* p) {
    return x > p[0] ? x - p[0] : x < -p[0] ? x + p[0] : T{0};
  }
  template <class T>
  static T slope(T x, const float* p) {
    return std::abs(x) <= p[0] ? T{0} : T{1};
  }
  template <class D>
  static HWY_INLINE V<D> forward(D d, V<D> x, const float* p) {
    const auto lambda = hn::Set(d, p[0]);
    return hn::Sub(positive_part(d, hn::Sub(x, lambda)), positive_part(d, hn::Neg(hn::Add(x, lambda))));
  }
  template <class D>
  static HWY_INLINE V<D> backward(D d, V<D> y, V<D> dy, const float*) {
    return hn::IfThenZeroElse(hn::Eq(y, hn::Zero(d)), dy);
  }
};

struct SparsePlus {
  static constexpr ActivationInfo info{
      .name = "sparse_plus",
      .formula = "0 where x <= -1, x where x >= 1, else (x + 1)^2 / 4",
      .onnx = "Add(Mul(Mul(Add(Clip(x, -1, 1), 1), Add(Clip(x, -1, 1), 1)), 0.25), Relu(Sub(x, 1)))",
      .source = "JAX",
      .zero_below = true,
      .monotone = true,
      .backward_from_output = true,
      .initialisation = Initialisation::he};
  template <class T>
  static T value(T x, const float*) {
    return x <= -1 ? T{0} : x >= 1 ? x : (x + 1) * (x + 1) / 4;
  }
  template <class T>
  static T slope(T x, const float*) {
    return x <= -1 ? T{0} : x >= 1 ? T{1} : (x + 1) / 2;
  }
  template <class D>
  static HWY_INLINE V<D> forward(D d, V<D> x, const float*) {
    const auto one = hn::Set(d, 1.0f), half = hn::Mul(hn::Set(d, 0.5f), hn::Add(x, one));
    return hn::IfThenZeroElse(hn::Le(x, hn::Neg(one)),
                              hn::IfThenElse(hn::Ge(x, one), x, hn::Mul(half, half)));
  }
  template <class D>
  static HWY_INLINE V<D> backward(D d, V<D> y, V<D> dy, const float*) {
    return hn::Mul(dy, hn::Sqrt(at_most(d, y, 1.0f)));
  }
};

struct SparseSigmoid {
  static constexpr ActivationInfo info{.name = "sparse_sigmoid",
                                       .formula = "min(max(0, (x + 1) / 2), 1)",
                                       .onnx = "Clip(Mul(Add(x, 1), 0.5), 0, 1)",
                                       .source = "JAX",
                                       .kinks = "slope(-1) = 0, slope(1) = 0",
                                       .zero_below = true,
                                       .piecewise_linear = true,
                                       .monotone = true,
                                       .saturates = true,
                                       .lipschitz = 0.5,
                                       .backward_from_output = true};
  template <class T>
  static T value(T x, const float*) {
    return x <= -1 ? T{0} : x >= 1 ? T{1} : (x + 1) / 2;
  }
  template <class T>
  static T slope(T x, const float*) {
    return x > -1 && x < 1 ? T{0.5} : T{0};
  }
  template <class D>
  static HWY_INLINE V<D> forward(D d, V<D> x, const float*) {
    const auto half = hn::Set(d, 0.5f);
    return at_most(d, positive_part(d, hn::MulAdd(x, half, half)), 1.0f);
  }
  template <class D>
  static HWY_INLINE V<D> backward(D d, V<D> y, V<D> dy, const float*) {
    return hn::IfThenElseZero(hn::And(hn::Gt(y, hn::Zero(d)), hn::Lt(y, hn::Set(d, 1.0f))),
                              hn::Mul(dy, hn::Set(d, 0.5f)));
  }
};

struct SquaredRelu {
  static constexpr ActivationInfo info{.name = "squared_relu",
                                       .formula = "max(0, x)^2",
                                       .onnx = "Mul(Relu(x), Relu(x))",
                                       .source = "So et al. 2021",
                                       .zero_below = true,
                                       .monotone = true,
                                       .lipschitz = std::numeric_limits<double>::infinity(),
                                       .backward_from_output = true,
                                       .initialisation = Initialisation::he};
  template <class T>
  static T value(T x, const float*) {
    return x > 0 ? x * x : T{0};
  }
  template <class T>
  static T slope(T x, const float*) {
    return x > 0 ? 2 * x : T{0};
  }
  template <class D>
  static HWY_INLINE V<D> forward(D d, V<D> x, const float*) {
    const auto positive = positive_part(d, x);
    return hn::Mul(positive, positive);
  }
  template <class D>
  static HWY_INLINE V<D> backward(D d, V<D> y, V<D> dy, const float*) {
    return hn::Mul(dy, hn::Mul(hn::Set(d, 2.0f), hn::Sqrt(y)));
  }
};

struct Threshold {
  static constexpr ActivationParameter kParameters[] = {
      {"threshold", 1.0f, -1e6f, 1e6f, "inputs up to this are replaced"},
      {"value", 0.0f, -1e6f, 1e6f, "what they are replaced by"}};
  static constexpr ActivationInfo info{.name = "threshold",
                                       .formula = "x where x > threshold, else value",
                                       .onnx = "Where(Greater(x, threshold), x, value)",
                                       .source = "PyTorch",
                                       .kinks = "slope(threshold) = 0",
                                       .parameters = kParameters,
                                       .zero_below = true,
                                       .piecewise_linear = true,
                                       .monotone = true,
                                       .lipschitz = std::numeric_limits<double>::infinity(),
                                       .initialisation = Initialisation::he};
  template <class T>
  static T value(T x, const float* p) {
    return x > p[0] ? x : T{p[1]};
  }
  template <class T>
  static T slope(T x, const float* p) {
    return x > p[0] ? T{1} : T{0};
  }
  template <class D>
  static HWY_INLINE V<D> forward(D d, V<D> x, const float* p) {
    return hn::IfThenElse(hn::Le(x, hn::Set(d, p[0])), hn::Set(d, p[1]), x);
  }
  template <class D>
  static HWY_INLINE V<D> backward(D d, V<D> x, V<D> dy, const float* p) {
    return hn::IfThenElseZero(hn::Gt(x, hn::Set(d, p[0])), dy);
  }
};

struct ThresholdedRelu {
  static constexpr ActivationParameter kParameters[] = {
      {"alpha", 1.0f, 0.0f, 1e6f, "inputs up to this become zero"}};
  static constexpr ActivationInfo info{.name = "thresholded_relu",
                                       .formula = "x where x > alpha, else 0",
                                       .onnx = "ThresholdedRelu(x, alpha=alpha)",
                                       .source = "Konda et al. 2014; ONNX",
                                       .kinks = "slope(alpha) = 0",
                                       .parameters = kParameters,
                                       .zero_below = true,
                                       .piecewise_linear = true,
                                       .monotone = true,
                                       .lipschitz = std::numeric_limits<double>::infinity(),
                                       .backward_from_output = true,
                                       .initialisation = Initialisation::he};
  template <class T>
  static T value(T x, const float* p) {
    return x > p[0] ? x : T{0};
  }
  template <class T>
  static T slope(T x, const float* p) {
    return x > p[0] ? T{1} : T{0};
  }
  template <class D>
  static HWY_INLINE V<D> forward(D d, V<D> x, const float* p) {
    return hn::IfThenZeroElse(hn::Le(x, hn::Set(d, p[0])), x);
  }
  template <class D>
  static HWY_INLINE V<D> backward(D d, V<D> y, V<D> dy, const float*) {
    return hn::IfThenZeroElse(hn::Eq(y, hn::Zero(d)), dy);
  }
};

}  // namespace

using Rectifiers = ActivationList<Absolute, BoundedRelu, HardShrink, HardSigmoid, HardSwish, HardTanh,
                                  Identity, LeakyRelu, Relu, Relu6, SoftShrink, SparsePlus, SparseSigmoid,
                                  SquaredRelu, Threshold, ThresholdedRelu>;

std::span<const ActivationKernels> rectifiers_kernels() { return kernels_of(Rectifiers{}); }

}  // namespace halfwave::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace halfwave {

HWY_EXPORT(rectifiers_kernels);

ActivationGroup rectifiers() {
  return {declarations(HWY_NAMESPACE::Rectifiers{}), HWY_DYNAMIC_DISPATCH(rectifiers_kernels)()};
}

}  // namespace halfwave
#endif
