#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

#include "operators/elementwise.h"
#include "operators/numbers.h"

// The activations that take each number for itself, by formulas that stay accurate for large and small ones.

namespace halfwave {
namespace {

template <class T>
T sigmoid(T x) {
  const T small = std::exp(-std::fabs(x));
  return (x < T{0} ? small : T{1}) / (T{1} + small);
}

/// log(1 + eˣ)
template <class T>
T softplus(T x) {
  return std::max(x, T{0}) + std::log1p(std::exp(-std::fabs(x)));
}

/// x·Φ(x)
template <class T>
T gelu(T x) {
  return x * std::erfc(-x * (std::numbers::sqrt2_v<T> / 2)) / 2;
}

/// Its approximation x·(1 + tanh u) / 2, which is x·sigmoid(2u).
template <class T>
T gelu_by_tanh(T x) {
  constexpr T kScale = 2 * std::numbers::sqrt2_v<T> * std::numbers::inv_sqrtpi_v<T>;
  return x * sigmoid(kScale * (x + T(0.044715) * x * x * x));
}

template <class T>
T clamped(T x, T low, T high) {
  return std::min(std::max(x, low), high);
}

/// An operator whose callable is made of the node.
template <TypeSet kTypes = kFloating, class F>
Operator activation(std::string_view name, std::int64_t since, F) {
  return map_operator<kTypes, kFullPrecision, F>(name, since);
}
template <class F>
Operator plain(std::string_view name, std::int64_t since, F) {
  return map_operator<kFloating, kFullPrecision, Plain<F>>(name, since);
}

struct Relu {
  template <class T>
  T operator()(T x) const {
    return x < T{0} ? T{0} : x;
  }
};

bool wants_tanh(const OperatorNode& node) {
  const std::string how = node.text("approximate", "none");
  if (how != "none" && how != "tanh")
    throw input_error(fmt::format("the attribute approximate is 'none' or 'tanh', not '{}'", how));
  return how == "tanh";
}

using Node = const OperatorNode&;

/// Those with numbers of their own.
std::vector<Operator> adjustable() {
  return {
      activation("LeakyRelu", 1,
                 [](Node node) {
                   return [slope = node.number("alpha", 0.01f)](auto x) {
                     using T = decltype(x);
                     return x < T{0} ? T(slope) * x : x;
                   };
                 }),
      activation("ThresholdedRelu", 10,
                 [](Node node) {
                   return [threshold = node.number("alpha", 1.0f)](auto x) {
                     using T = decltype(x);
                     return x > T(threshold) ? x : T{0};
                   };
                 }),
      activation("Elu", 1,
                 [](Node node) {
                   return [alpha = node.number("alpha", 1.0f)](auto x) {
                     using T = decltype(x);
                     return x < T{0} ? T(alpha) * std::expm1(x) : x;
                   };
                 }),
      activation("Selu", 1,
                 [](Node node) {
                   const bool old = node.opset < 6;
                   return [alpha = node.number("alpha", old ? 1.6732f : 1.67326319f),
                           gamma = node.number("gamma", old ? 1.0507f : 1.05070102f)](auto x) {
                     using T = decltype(x);
                     return T(gamma) * (x < T{0} ? T(alpha) * std::expm1(x) : x);
                   };
                 }),
      activation("Celu", 12,
                 [](Node node) {
                   return [alpha = node.number("alpha", 1.0f)](auto x) {
                     using T = decltype(x);
                     return std::max(x, T{0}) + std::min(T(alpha) * std::expm1(x / T(alpha)), T{0});
                   };
                 }),
      activation("Gelu", 20,
                 [](Node node) {
                   return
                       [by_tanh = wants_tanh(node)](auto x) { return by_tanh ? gelu_by_tanh(x) : gelu(x); };
                 }),
      activation("Swish", 24,
                 [](Node node) {
                   return [alpha = node.number("alpha", 1.0f)](auto x) {
                     return x * sigmoid(decltype(x)(alpha) * x);
                   };
                 }),
      activation("HardSigmoid", 1,
                 [](Node node) {
                   return [alpha = node.number("alpha", 0.2f), beta = node.number("beta", 0.5f)](auto x) {
                     using T = decltype(x);
                     return clamped(T(alpha) * x + T(beta), T{0}, T{1});
                   };
                 }),
      activation<kNumbers>("Shrink", 9,
                           [](Node node) {
                             return [limit = node.number("lambd", 0.5f),
                                     bias = node.number("bias", 0.0f)](auto x) {
                               using T = decltype(x);
                               if (x < -T(limit)) return x + T(bias);
                               return x > T(limit) ? x - T(bias) : T{0};
                             };
                           }),
  };
}

std::vector<Operator> fixed() {
  return {
      map_operator<kFloating | kSigned, kFullPrecision | kSigned, Plain<Relu>>("Relu", 1),
      plain("Sigmoid", 1, [](auto x) { return sigmoid(x); }),
      plain("Tanh", 1, [](auto x) { return std::tanh(x); }),
      plain("Softplus", 1, [](auto x) { return softplus(x); }),
      plain("Softsign", 1, [](auto x) { return x / (1 + std::fabs(x)); }),
      plain("Mish", 18, [](auto x) { return x * std::tanh(softplus(x)); }),
      plain("HardSwish", 14,
            [](auto x) {
              using T = decltype(x);
              return x * clamped(x / 6 + T{0.5}, T{0}, T{1});
            }),
  };
}

// ---- PRelu ---------------------------------------------------------------------------------------------

constexpr TypeSet kPreluTypes =
    kFloating | TypeSet{ElementType::int32, ElementType::int64, ElementType::uint32, ElementType::uint64};

/// The slopes' shape as it is lined up with x: from opset 7 on by broadcasting; before that it is one for all
/// or one a channel, the channels being the second dimension.
Dims slope_dims(const OperatorNode& node, const Dims& x, const Dims& slope) {
  Dims dims = slope;
  if (node.opset < 7) {
    if (element_count(slope) == 1) return {};
    if (slope.size() == 1 && x.size() > 2) dims.insert(dims.end(), x.size() - 2, 1);
  }
  if (broadcast_dims(x, dims) != x)
    throw input_error(
        fmt::format("slopes of shape {} do not fit an input of {}", describe(slope), describe(x)));
  return dims;
}

std::vector<ValueInfo> infer_prelu(Node node, Infos inputs) {
  const ValueInfo &x = argument_among(inputs, 0, kPreluTypes), &slope = argument(inputs, 1);
  check_same_type(inputs, 0, 1);
  if (x.dims && slope.dims) slope_dims(node, *x.dims, *slope.dims);
  return one_output(x.type, x.dims);
}

void compute_prelu(const OperatorCall& call) {
  if (!kWide.has(call.inputs[0].type())) return compute_as(call, kWide, compute_prelu);
  const Tensor &x = call.inputs[0], &slope = call.inputs[1];
  const Dims dims = slope_dims(call.node, x.dims(), slope.dims());
  visit_among<kWide>(x.type(), [&]<class T>(TypeTag<T>) {
    map_rows<T, T>(call.outputs[0], x, slope, dims,
                   [](T v, T s) { return v < T{0} ? wrapping(v, s, std::multiplies<>()) : v; });
  });
}

}  // namespace

std::span<const Operator> pointwise_operators() {
  static const std::vector<Operator> prelu{{"PRelu", 1, infer_prelu, compute_prelu}};
  static const std::vector<Operator> all = joined({fixed(), adjustable(), prelu});
  return all;
}

}  // namespace halfwave
