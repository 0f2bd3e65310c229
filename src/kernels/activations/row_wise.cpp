// Activations that need more than one number: a learned number per unit, a random one, a second half, a whole
// row.
#include <array>
#include <cmath>
#include <limits>

#include "core/random.h"
#include "kernels/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/activations/row_wise.cpp"
#include <hwy/foreach_target.h>

#include "kernels/activation_loops-inl.h"

HWY_BEFORE_NAMESPACE();
namespace halfwave::HWY_NAMESPACE {
namespace {

using Form = ActivationInfo::Form;
using Initialisation = ActivationInfo::Initialisation;
using OneFloat = hn::CappedTag<float, 1>;  // for the columns that do not fill a vector

/// Calls step(d, j) for vectors and then single numbers that together cover columns 0 ... columns - 1.
template <class Step>
HWY_INLINE void for_columns(std::size_t columns, Step& step) {
  const Floats d;
  std::size_t j = 0;
  for (; j + hn::Lanes(d) <= columns; j += hn::Lanes(d)) step(d, j);
  for (; j < columns; ++j) step(OneFloat(), j);
}

template <class F>
struct PerUnitLoops {
  struct ForwardStep {
    const float *x, *unit;
    float* y;
    template <class D>
    HWY_INLINE void operator()(D d, std::size_t j) {
      hn::StoreU(F::forward(d, hn::LoadU(d, x + j), hn::LoadU(d, unit + j)), d, y + j);
    }
  };
  struct BackwardStep {
    const float *saved, *dy, *unit;
    float *dx, *dunit;
    template <class D>
    HWY_INLINE void operator()(D d, std::size_t j) {
      const auto s = hn::LoadU(d, saved + j), g = hn::LoadU(d, dy + j);
      hn::StoreU(hn::Add(hn::LoadU(d, dunit + j), F::unit_gradient(d, s, g)), d, dunit + j);
      hn::StoreU(F::backward(d, s, g, hn::LoadU(d, unit + j)), d, dx + j);
    }
  };
  static void forward(ConstRows x, Rows y, std::size_t rows, std::size_t columns, const float* unit) {
    for (std::size_t i = 0; i < rows; ++i) {
      ForwardStep step{x.data + i * x.stride, unit, y.data + i * y.stride};
      for_columns(columns, step);
    }
  }
  static void backward(ConstRows saved, ConstRows dy, Rows dx, std::size_t rows, std::size_t columns,
                       const float* unit, float* dunit) {
    for (std::size_t i = 0; i < rows; ++i) {
      BackwardStep step{saved.data + i * saved.stride, dy.data + i * dy.stride, unit, dx.data + i * dx.stride,
                        dunit};
      for_columns(columns, step);
    }
  }
};

struct Prelu {
  static constexpr ActivationParameter kParameters[] = {
      {"slope", 0.25f, 0.0f, 1e3f, "first value of the learned slope below 0, one for each unit"}};
  static constexpr ActivationInfo info{.name = "prelu",
                                       .formula = "x where x > 0, else a_j x with a_j learned for each unit",
                                       .onnx = "PRelu(x, slope)",
                                       .source = "He et al. 2015",
                                       .kinks = "slope(0) = a_j",
                                       .parameters = kParameters,
                                       .form = Form::per_unit,
                                       .piecewise_linear = true,
                                       .monotone = true,
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
  static HWY_INLINE V<D> forward(D d, V<D> x, V<D> unit) {
    return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x, hn::Mul(x, unit));
  }
  template <class D>
  static HWY_INLINE V<D> backward(D d, V<D> x, V<D> dy, V<D> unit) {
    return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), dy, hn::Mul(dy, unit));
  }
  template <class D>
  static HWY_INLINE V<D> unit_gradient(D d, V<D> x, V<D> dy) {
    return hn::IfThenZeroElse(hn::Gt(x, hn::Zero(d)), hn::Mul(dy, x));
  }
  static constexpr ActivationKernels kernels() {
    return {.per_unit = {&PerUnitLoops<Prelu>::forward, &PerUnitLoops<Prelu>::backward}};
  }
};

struct Brelu {
  static constexpr ActivationParameter kParameters[] = {
      {"bias", 0.0f, -1e6f, 1e6f, "first value of the learned bias, one for each unit"}};
  static constexpr ActivationInfo info{.name = "brelu",
                                       .formula = "max(0, x - b_j) with b_j learned for each unit",
                                       .onnx = "Relu(Sub(x, bias))",
                                       .source = "biased ReLU",
                                       .kinks = "slope(b_j) = 0",
                                       .parameters = kParameters,
                                       .form = Form::per_unit,
                                       .zero_below = true,
                                       .piecewise_linear = true,
                                       .monotone = true,
                                       .backward_from_output = true,
                                       .initialisation = Initialisation::he};
  template <class T>
  static T value(T x, const float* p) {
    return x > p[0] ? x - p[0] : T{0};
  }
  template <class T>
  static T slope(T x, const float* p) {
    return x > p[0] ? T{1} : T{0};
  }
  template <class D>
  static HWY_INLINE V<D> forward(D d, V<D> x, V<D> unit) {
    return positive_part(d, hn::Sub(x, unit));
  }
  template <class D>
  static HWY_INLINE V<D> backward(D d, V<D> y, V<D> dy, V<D>) {
    return hn::IfThenElseZero(hn::Gt(y, hn::Zero(d)), dy);
  }
  template <class D>
  static HWY_INLINE V<D> unit_gradient(D d, V<D> y, V<D> dy) {
    return hn::IfThenElseZero(hn::Gt(y, hn::Zero(d)), hn::Neg(dy));
  }
  static constexpr ActivationKernels kernels() {
    return {.per_unit = {&PerUnitLoops<Brelu>::forward, &PerUnitLoops<Brelu>::backward}};
  }
};

/// The slopes of consecutive elements.
class RandomSlopes {
 public:
  RandomSlopes(const float* parameters, RandomPosition position)
      : random_(position.seed, position.stream), low_(parameters[0]), span_(parameters[1] - parameters[0]) {}

  float operator()(std::uint64_t index) {
    if (index / 4 != block_index_) {
      block_index_ = index / 4;
      block_ = random_.block(block_index_);
    }
    return low_ + span_ * (static_cast<float>(block_[index % 4] >> 8) * 0x1p-24f);
  }

 private:
  Random random_;
  float low_, span_;
  std::uint64_t block_index_ = UINT64_MAX;
  std::array<std::uint32_t, 4> block_{};
};

struct Rrelu {
  static constexpr ActivationParameter kParameters[] = {
      {"lower", 0.125f, 0.0f, 1e3f, "smallest slope below 0"},
      {"upper", 1.0f / 3.0f, 0.0f, 1e3f, "largest slope below 0"}};
  static constexpr ActivationInfo info{
      .name = "rrelu",
      .formula =
          "x where x > 0, else a x with a uniform in lower ... upper in training, their mean afterwards",
      .onnx = "PRelu(x, Mul(0.5, Add(lower, upper)))",
      .source = "Xu et al. 2015",
      .kinks = "slope(0) = a",
      .parameters = kParameters,
      .form = Form::random,
      .piecewise_linear = true,
      .monotone = true,
      .backward_from_output = true,
      .initialisation = Initialisation::he};
  static float mean(const float* p) { return 0.5f * (p[0] + p[1]); }
  template <class T>
  static T value(T x, const float* p) {
    return x > 0 ? x : mean(p) * x;
  }
  template <class T>
  static T slope(T x, const float* p) {
    return x > 0 ? T{1} : T{mean(p)};
  }
  template <class D>
  static HWY_INLINE V<D> forward(D d, V<D> x, const float* p) {
    return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x, hn::Mul(x, hn::Set(d, mean(p))));
  }
  template <class D>
  static HWY_INLINE V<D> backward(D d, V<D> y, V<D> dy, const float* p) {
    return hn::IfThenElse(hn::Gt(y, hn::Zero(d)), dy, hn::Mul(dy, hn::Set(d, mean(p))));
  }
  static void train_forward(const float* x, float* y, std::size_t n, const float* p,
                            RandomPosition position) {
    RandomSlopes slopes(p, position);
    for (std::size_t i = 0; i < n; ++i) {
      const float a = slopes(position.first + i);
      y[i] = x[i] > 0 ? x[i] : a * x[i];
    }
  }
  static void train_backward(const float* y, const float* dy, float* dx, std::size_t n, const float* p,
                             RandomPosition position) {
    RandomSlopes slopes(p, position);
    for (std::size_t i = 0; i < n; ++i) {
      const float a = slopes(position.first + i);
      dx[i] = y[i] > 0 ? dy[i] : a * dy[i];
    }
  }
  static constexpr ActivationKernels kernels() {
    return {
        .pointwise = {&halfwave::HWY_NAMESPACE::forward<Rrelu>, &halfwave::HWY_NAMESPACE::backward<Rrelu>},
        .random = {&train_forward, &train_backward}};
  }
};

struct Crelu {
  static constexpr ActivationInfo info{.name = "crelu",
                                       .formula = "max(0, x) and max(0, -x) side by side",
                                       .onnx = "Concat(Relu(x), Relu(Neg(x)), axis=1)",
                                       .source = "Shang et al. 2016",
                                       .kinks = "slope(0) = 0",
                                       .form = Form::doubled,
                                       .elementwise = false,
                                       .zero_below = true,
                                       .piecewise_linear = true,
                                       .monotone = false,
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
  struct ForwardStep {
    const float* x;
    float *above, *below;
    template <class D>
    HWY_INLINE void operator()(D d, std::size_t j) {
      const auto v = hn::LoadU(d, x + j);
      hn::StoreU(positive_part(d, v), d, above + j);
      hn::StoreU(positive_part(d, hn::Neg(v)), d, below + j);
    }
  };
  struct BackwardStep {
    const float *y, *dy;
    float* dx;
    std::size_t columns;
    template <class D>
    HWY_INLINE V<D> half(D d, std::size_t j) {
      return hn::IfThenElseZero(hn::Gt(hn::LoadU(d, y + j), hn::Zero(d)), hn::LoadU(d, dy + j));
    }
    template <class D>
    HWY_INLINE void operator()(D d, std::size_t j) {
      hn::StoreU(hn::Sub(half(d, j), half(d, columns + j)), d, dx + j);
    }
  };
  static void rows_forward(ConstRows x, Rows y, std::size_t rows, std::size_t columns) {
    for (std::size_t i = 0; i < rows; ++i) {
      float* out = y.data + i * y.stride;
      ForwardStep step{x.data + i * x.stride, out, out + columns};
      for_columns(columns, step);
    }
  }
  static void rows_backward(ConstRows y, ConstRows dy, Rows dx, std::size_t rows, std::size_t columns) {
    for (std::size_t i = 0; i < rows; ++i) {
      BackwardStep step{y.data + i * y.stride, dy.data + i * dy.stride, dx.data + i * dx.stride, columns};
      for_columns(columns, step);
    }
  }
  static constexpr ActivationKernels kernels() { return {.row = {&rows_forward, &rows_backward}}; }
};

/// A sum or maximum over a row, in vectors and a single number.
struct Accumulator {
  V<Floats> lanes;
  V<OneFloat> single;
  explicit Accumulator(float start) : lanes(hn::Set(Floats(), start)), single(hn::Set(OneFloat(), start)) {}
  HWY_INLINE V<Floats>& of(Floats) { return lanes; }
#if HWY_TARGET != HWY_SCALAR
  HWY_INLINE V<OneFloat>& of(OneFloat) { return single; }
#endif
  HWY_INLINE float sum() const { return hn::GetLane(hn::SumOfLanes(Floats(), lanes)) + hn::GetLane(single); }
  HWY_INLINE float max() const {
    return HWY_MAX(hn::GetLane(hn::MaxOfLanes(Floats(), lanes)), hn::GetLane(single));
  }
};

struct MaxStep {
  const float* x;
  Accumulator max{-std::numeric_limits<float>::infinity()};
  template <class D>
  HWY_INLINE void operator()(D d, std::size_t j) {
    max.of(d) = hn::Max(max.of(d), hn::LoadU(d, x + j));
  }
};

/// The sum of exp(x - shift); the terms are stored where `y` is given.
struct ExpStep {
  const float* x;
  float* y;
  float shift;
  Accumulator sum{0.0f};
  template <class D>
  HWY_INLINE void operator()(D d, std::size_t j) {
    const auto e = exp_below(d, hn::Sub(hn::LoadU(d, x + j), hn::Set(d, shift)));
    sum.of(d) = hn::Add(sum.of(d), e);
    if (y) hn::StoreU(e, d, y + j);
  }
};

struct ScaleStep {
  float* y;
  float factor;
  template <class D>
  HWY_INLINE void operator()(D d, std::size_t j) {
    hn::StoreU(hn::Mul(hn::LoadU(d, y + j), hn::Set(d, factor)), d, y + j);
  }
};

struct SubtractStep {
  const float* x;
  float* y;
  float max, log_sum;
  template <class D>
  HWY_INLINE void operator()(D d, std::size_t j) {
    const auto shifted = hn::Sub(hn::LoadU(d, x + j), hn::Set(d, max));
    hn::StoreU(hn::Sub(shifted, hn::Set(d, log_sum)), d, y + j);
  }
};

/// The sum of dy, each times `weight` where it is given.
struct DotStep {
  const float *dy, *weight;
  Accumulator sum{0.0f};
  template <class D>
  HWY_INLINE void operator()(D d, std::size_t j) {
    const auto g = hn::LoadU(d, dy + j);
    sum.of(d) = weight ? hn::MulAdd(g, hn::LoadU(d, weight + j), sum.of(d)) : hn::Add(sum.of(d), g);
  }
};

HWY_INLINE float row_max(const float* x, std::size_t columns) {
  MaxStep step{x};
  for_columns(columns, step);
  return step.max.max();
}

struct Softmax {
  static constexpr ActivationInfo info{.name = "softmax",
                                       .formula = "exp(x_j) / sum over the row of exp(x_k)",
                                       .onnx = "Softmax(x, axis=1)",
                                       .source = "Bridle 1990",
                                       .form = Form::row,
                                       .elementwise = false,
                                       .saturates = true,
                                       .lipschitz = 0.5,
                                       .backward_from_output = true};
  struct BackwardStep {
    const float *y, *dy;
    float *dx, dot;
    template <class D>
    HWY_INLINE void operator()(D d, std::size_t j) {
      const auto difference = hn::Sub(hn::LoadU(d, dy + j), hn::Set(d, dot));
      hn::StoreU(hn::Mul(hn::LoadU(d, y + j), difference), d, dx + j);
    }
  };
  static void rows_forward(ConstRows x, Rows y, std::size_t rows, std::size_t columns) {
    for (std::size_t i = 0; i < rows; ++i) {
      const float* in = x.data + i * x.stride;
      float* out = y.data + i * y.stride;
      ExpStep exponentials{in, out, row_max(in, columns)};
      for_columns(columns, exponentials);
      ScaleStep scale{out, 1.0f / exponentials.sum.sum()};
      for_columns(columns, scale);
    }
  }
  static void rows_backward(ConstRows y, ConstRows dy, Rows dx, std::size_t rows, std::size_t columns) {
    for (std::size_t i = 0; i < rows; ++i) {
      const float *out = y.data + i * y.stride, *gradient = dy.data + i * dy.stride;
      DotStep dot{gradient, out};
      for_columns(columns, dot);
      BackwardStep step{out, gradient, dx.data + i * dx.stride, dot.sum.sum()};
      for_columns(columns, step);
    }
  }
  static constexpr ActivationKernels kernels() { return {.row = {&rows_forward, &rows_backward}}; }
};

struct LogSoftmax {
  static constexpr ActivationInfo info{.name = "log_softmax",
                                       .formula = "x_j - log(sum over the row of exp(x_k))",
                                       .onnx = "LogSoftmax(x, axis=1)",
                                       .source = "PyTorch, ONNX",
                                       .form = Form::row,
                                       .elementwise = false,
                                       .lipschitz = std::numeric_limits<double>::infinity(),
                                       .backward_from_output = true};
  struct BackwardStep {
    const float *y, *dy;
    float *dx, sum;
    template <class D>
    HWY_INLINE void operator()(D d, std::size_t j) {
      const auto probability = exp_below(d, hn::LoadU(d, y + j));
      hn::StoreU(hn::NegMulAdd(probability, hn::Set(d, sum), hn::LoadU(d, dy + j)), d, dx + j);
    }
  };
  static void rows_forward(ConstRows x, Rows y, std::size_t rows, std::size_t columns) {
    for (std::size_t i = 0; i < rows; ++i) {
      const float* in = x.data + i * x.stride;
      ExpStep exponentials{in, nullptr, row_max(in, columns)};
      for_columns(columns, exponentials);
      SubtractStep step{in, y.data + i * y.stride, exponentials.shift, std::log(exponentials.sum.sum())};
      for_columns(columns, step);
    }
  }
  static void rows_backward(ConstRows y, ConstRows dy, Rows dx, std::size_t rows, std::size_t columns) {
    for (std::size_t i = 0; i < rows; ++i) {
      DotStep total{dy.data + i * dy.stride, nullptr};
      for_columns(columns, total);
      BackwardStep step{y.data + i * y.stride, dy.data + i * dy.stride, dx.data + i * dx.stride,
                        total.sum.sum()};
      for_columns(columns, step);
    }
  }
  static constexpr ActivationKernels kernels() { return {.row = {&rows_forward, &rows_backward}}; }
};

}  // namespace

using RowWise = ActivationList<Brelu, Crelu, LogSoftmax, Prelu, Rrelu, Softmax>;

std::span<const ActivationKernels> row_wise_kernels() { return kernels_of(RowWise{}); }

}  // namespace halfwave::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace halfwave {

HWY_EXPORT(row_wise_kernels);

ActivationGroup row_wise() {
  return {declarations(HWY_NAMESPACE::RowWise{}), HWY_DYNAMIC_DISPATCH(row_wise_kernels)()};
}

}  // namespace halfwave
#endif
