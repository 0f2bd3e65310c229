#include <cmath>
#include <functional>

#include "operators/elementwise.h"

namespace halfwave {
namespace {

constexpr TypeSet kKernels = kFullPrecision | kIntegers;

template <class F, TypeSet kTypes = kNumbers, TypeSet kCompiled = kKernels>
Operator comparison(std::string_view name, std::int64_t since) {
  return binary_operator<kTypes, kCompiled, Plain<F>, ElementType::boolean>(name, since);
}

template <class F>
Operator logic(std::string_view name) {
  return comparison<F, kBoolean, kBoolean>(name, 1);
}

struct Not {
  bool operator()(bool x) const { return !x; }
};
struct IsNan {
  template <class T>
  bool operator()(T x) const {
    return std::isnan(x);
  }
};
struct IsInfinite {
  auto operator()(const OperatorNode& node) const {
    const bool positive = node.integer("detect_positive", 1) != 0,
               negative = node.integer("detect_negative", 1) != 0;
    return [positive, negative](auto x) { return std::isinf(x) && (x > 0 ? positive : negative); };
  }
};

template <class F, TypeSet kTypes, TypeSet kCompiled>
Operator test_of(std::string_view name, std::int64_t since) {
  return map_operator<kTypes, kCompiled, F, ElementType::boolean>(name, since);
}

std::vector<ValueInfo> infer_where(const OperatorNode&, Infos inputs) {
  const ValueInfo &condition = argument_among(inputs, 0, kBoolean), &x = argument(inputs, 1),
                  &y = argument(inputs, 2);
  check_same_type(inputs, 1, 2);
  std::optional<Dims> dims;
  if (condition.dims && x.dims && y.dims)
    dims = broadcast_dims(broadcast_dims(*condition.dims, *x.dims), *y.dims);
  return one_output(x.type, std::move(dims));
}

void compute_where(const OperatorCall& call) {
  const Tensor &condition = call.inputs[0], &x = call.inputs[1], &y = call.inputs[2];
  Tensor& out = call.outputs[0];
  visit_among<kAnyType>(x.type(), [&]<class T>(TypeTag<T>) {
    const bool* chosen = condition.elements<bool>().data();
    const T* a = x.elements<T>().data();
    const T* b = y.elements<T>().data();
    T* result = out.elements<T>().data();
    for (RowWalk walk(out.dims(), {&condition.dims(), &x.dims(), &y.dims()}); walk; walk.next())
      for (std::size_t i = 0; i < walk.size(); ++i) {
        const T* either[]{b + walk.from(2) + i * walk.step(2), a + walk.from(1) + i * walk.step(1)};
        result[walk.begin() + i] = *either[chosen[walk.from(0) + i * walk.step(0)]];
      }
  });
}

}  // namespace

std::span<const Operator> comparison_operators() {
  static const std::vector<Operator> all{
      comparison<std::equal_to<>, kAnyType, kKernels | kBoolean | kText>("Equal", 1),
      comparison<std::less<>>("Less", 1),
      comparison<std::greater<>>("Greater", 1),
      comparison<std::less_equal<>>("LessOrEqual", 12),
      comparison<std::greater_equal<>>("GreaterOrEqual", 12),
      logic<std::logical_and<>>("And"),
      logic<std::logical_or<>>("Or"),
      logic<std::not_equal_to<>>("Xor"),
      test_of<Plain<Not>, kBoolean, kBoolean>("Not", 1),
      test_of<Plain<IsNan>, kFloating, kFullPrecision>("IsNaN", 9),
      test_of<IsInfinite, kFloating, kFullPrecision>("IsInf", 10),
      {"Where", 9, infer_where, compute_where},
  };
  return all;
}

}  // namespace halfwave
