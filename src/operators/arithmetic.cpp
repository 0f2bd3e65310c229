#include <cmath>
#include <functional>

#include "operators/elementwise.h"
#include "operators/numbers.h"

namespace halfwave {
namespace {

constexpr TypeSet kKernels = kFullPrecision | kIntegers;

template <class T>
void check_divisor(T b) {
  if (b == T{0}) throw input_error("a whole number is divided by zero");
}

/// Towards zero where numbers are whole.
template <class T>
T quotient(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    check_divisor(b);
    if constexpr (std::is_signed_v<T>)
      if (b == T{-1}) return negated(a);
  }
  return static_cast<T>(a / b);
}

/// What is left of a / b: with the sign of a (the quotient towards zero), or else with that of b (downwards).
template <class T>
T remainder(T a, T b, bool truncated) {
  T rest;
  if constexpr (std::is_floating_point_v<T>) {
    rest = std::fmod(a, b);
  } else {
    check_divisor(b);
    if constexpr (std::is_signed_v<T>)
      if (b == T{-1}) return 0;
    rest = static_cast<T>(a % b);
  }
  if (truncated) return rest;
  if constexpr (std::is_floating_point_v<T>)
    if (rest == T{0}) return std::copysign(rest, b);
  return rest != T{0} && (rest < T{0}) != (b < T{0}) ? static_cast<T>(rest + b) : rest;
}

struct Add {
  template <class T>
  T operator()(T a, T b) const {
    return wrapping(a, b, std::plus<>());
  }
};
struct Subtract {
  template <class T>
  T operator()(T a, T b) const {
    return wrapping(a, b, std::minus<>());
  }
};
struct Multiply {
  template <class T>
  T operator()(T a, T b) const {
    return wrapping(a, b, std::multiplies<>());
  }
};
struct Divide {
  template <class T>
  T operator()(T a, T b) const {
    return quotient(a, b);
  }
};
struct Maximum {  // a NaN wins
  template <class T>
  T operator()(T a, T b) const {
    return a > b || is_nan(a) ? a : b;
  }
};
struct Minimum {
  template <class T>
  T operator()(T a, T b) const {
    return a < b || is_nan(a) ? a : b;
  }
};
struct Modulo {
  auto operator()(const OperatorNode& node) const {
    const bool truncated = node.integer("fmod", 0) != 0;
    return [truncated](auto a, auto b) { return remainder(a, b, truncated); };
  }
};

template <class F>
Operator arithmetic(std::string_view name) {
  return binary_operator<kNumbers, kKernels, Plain<F>>(name, 1);
}

std::vector<ValueInfo> infer_modulo(const OperatorNode& node, Infos inputs) {
  auto outputs = infer_binary<kNumbers, ElementType::none, Modulo>(node, inputs);
  if (node.opset < 28 && is_floating(outputs[0].type) && node.integer("fmod", 0) == 0)
    throw input_error("fractions need fmod=1 before opset 28");
  return outputs;
}

// ---- Pow: the exponent may be of another type ----------------------------------------------------------

constexpr TypeSet kBases = kFloating | TypeSet{ElementType::int32, ElementType::int64};

std::vector<ValueInfo> infer_power(const OperatorNode& node, Infos inputs) {
  const ValueInfo &x = argument_among(inputs, 0, kBases), &y = argument_among(inputs, 1, kNumbers);
  std::optional<Dims> dims;
  if (x.dims && y.dims) dims = broadcast_dims(*x.dims, second_dims(node, *x.dims, *y.dims));
  return one_output(x.type, std::move(dims));
}

std::int64_t integer_power(std::int64_t base, std::int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) throw input_error("the whole number 0 is raised to a negative power");
    return base == 1 ? 1 : base == -1 ? (exponent % 2 == 0 ? 1 : -1) : 0;
  }
  std::uint64_t result = 1, square = static_cast<std::uint64_t>(base);
  for (auto left = static_cast<std::uint64_t>(exponent); left > 0; left >>= 1, square *= square)
    if (left & 1) result *= square;
  return static_cast<std::int64_t>(result);
}

/// Fractions in their own type, whole numbers to a whole power in integers, to a fraction in double.
void compute_power(const OperatorCall& call) {
  const Tensor &x = call.inputs[0], &y = call.inputs[1];
  const Dims y_dims = second_dims(call.node, x.dims(), y.dims());
  const auto in = [&]<class T>(TypeTag<T>, auto f) {
    Tensor powers = kTypeOf<T> == x.type() ? call.outputs[0] : Tensor(kTypeOf<T>, call.outputs[0].dims());
    map_rows<T, T>(powers, x.cast(kTypeOf<T>), y.cast(kTypeOf<T>), y_dims, f);
    call.outputs[0] = powers.cast(x.type());
  };
  const auto power = [](auto a, auto b) { return b == 2 ? a * a : std::pow(a, b); };
  if (is_floating(x.type()) && x.type() != ElementType::float64)
    in(TypeTag<float>{}, power);
  else if (is_floating(x.type()) || is_floating(y.type()))
    in(TypeTag<double>{}, power);
  else
    in(TypeTag<std::int64_t>{}, integer_power);
}

// ---- Any number of inputs ------------------------------------------------------------------------------

template <TypeSet kTypes>
std::vector<ValueInfo> infer_variadic(const OperatorNode& node, Infos inputs) {
  const ValueInfo& first = argument_among(inputs, 0, kTypes);
  std::optional<Dims> dims = first.dims;
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    const ValueInfo& next = argument_among(inputs, i, kTypes);
    check_same_type(inputs, 0, i);
    if (dims && next.dims)
      dims = broadcast_dims(*dims, node.opset < 8 ? second_dims(node, *dims, *next.dims) : *next.dims);
    else
      dims.reset();
  }
  return one_output(first.type, std::move(dims));
}

template <TypeSet kCompiled, class F>
void compute_variadic(const OperatorCall& call) {
  const ElementType type = call.inputs[0].type();
  if (!kCompiled.has(type)) return compute_as(call, kCompiled, compute_variadic<kCompiled, F>);
  visit_among<kCompiled>(type, [&]<class T>(TypeTag<T>) {
    Tensor& out = call.outputs[0];
    T* y = out.elements<T>().data();
    const Tensor& first = call.inputs[0];
    const T* x = first.elements<T>().data();
    for (RowWalk walk(out.dims(), {&first.dims()}); walk; walk.next())
      for (std::size_t i = 0; i < walk.size(); ++i) y[walk.begin() + i] = x[walk.from(0) + i * walk.step(0)];
    for (const Tensor& next : call.inputs.subspan(1)) map_rows<T, T>(out, out, next, next.dims(), F{});
  });
}

void compute_mean(const OperatorCall& call) {
  if (!kFullPrecision.has(call.inputs[0].type())) return compute_as(call, kFullPrecision, compute_mean);
  compute_variadic<kFullPrecision, Add>(call);
  visit_among<kFullPrecision>(call.inputs[0].type(), [&]<class T>(TypeTag<T>) {
    for (T& y : call.outputs[0].elements<T>()) y /= static_cast<T>(call.inputs.size());
  });
}

template <TypeSet kTypes, TypeSet kCompiled, class F>
Operator variadic(std::string_view name) {
  return {name, 1, infer_variadic<kTypes>, compute_variadic<kCompiled, F>};
}

}  // namespace

std::span<const Operator> arithmetic_operators() {
  static const std::vector<Operator> all{
      arithmetic<Add>("Add"),
      arithmetic<Subtract>("Sub"),
      arithmetic<Multiply>("Mul"),
      arithmetic<Divide>("Div"),
      {"Mod", 10, infer_modulo, compute_binary<kKernels, Modulo>},
      {"Pow", 1, infer_power, compute_power},
      variadic<kNumbers, kKernels, Maximum>("Max"),
      variadic<kNumbers, kKernels, Minimum>("Min"),
      variadic<kFloating, kFullPrecision, Add>("Sum"),
      {"Mean", 1, infer_variadic<kFloating>, compute_mean},
  };
  return all;
}

}  // namespace halfwave
