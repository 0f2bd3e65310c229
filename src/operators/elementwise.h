#pragma once
#include "operators/broadcast.h"
#include "operators/family_parts.h"
#include "operators/type_set.h"

// How the operators that compute each element from one element of every input are declared: a callable F,
// which is all that an operator has of its own, becomes a form of `infer` and of `compute`.

namespace halfwave {

/// A callable that needs nothing of the node, as one that is made of a node.
template <class F>
struct Plain {
  F operator()(const OperatorNode&) const { return {}; }
};

// ---- One input -----------------------------------------------------------------------------------------

/// `kResult` is the type of the results, or none: that of the input.
template <TypeSet kTypes, ElementType kResult, class F>
std::vector<ValueInfo> infer_map(const OperatorNode& node, Infos inputs) {
  const ValueInfo& x = argument_among(inputs, 0, kTypes);
  static_cast<void>(F{}(node));  // reads the attributes
  return one_output(kResult == ElementType::none ? x.type : kResult, x.dims);
}

template <TypeSet kCompiled, class F>
void compute_map(const OperatorCall& call) {
  const ElementType type = call.inputs[0].type();
  if (!kCompiled.has(type)) return compute_as(call, kCompiled, compute_map<kCompiled, F>);
  const auto f = F{}(call.node);
  visit_among<kCompiled>(type, [&]<class T>(TypeTag<T>) {
    using R = decltype(f(T{}));
    const T* x = call.inputs[0].elements<T>().data();
    const std::span<R> y = call.outputs[0].elements<R>();
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = f(x[i]);
  });
}

/// An operator that gives f(x), of the type of x or of kResult. F makes f of the node, or is Plain. It takes
/// kTypes and is compiled for kCompiled (see computed_type).
template <TypeSet kTypes, TypeSet kCompiled, class F, ElementType kResult = ElementType::none>
Operator map_operator(std::string_view name, std::int64_t since) {
  return {name, since, infer_map<kTypes, kResult, F>, compute_map<kCompiled, F>};
}

// ---- Two inputs, broadcast -----------------------------------------------------------------------------

template <TypeSet kTypes, ElementType kResult, class F>
std::vector<ValueInfo> infer_binary(const OperatorNode& node, Infos inputs) {
  const ValueInfo &a = argument_among(inputs, 0, kTypes), &b = argument_among(inputs, 1, kTypes);
  check_same_type(inputs, 0, 1);
  static_cast<void>(F{}(node));
  std::optional<Dims> dims;
  if (a.dims && b.dims) dims = broadcast_dims(*a.dims, second_dims(node, *a.dims, *b.dims));
  return one_output(kResult == ElementType::none ? a.type : kResult, std::move(dims));
}

/// y[i] = f(a[i], b[i]) where a step is 1, of a[0] or b[0] where it is 0.
template <class T, class R, class F>
void map_row(R* y, const T* a, std::size_t a_step, const T* b, std::size_t b_step, std::size_t n, F f) {
  if (a_step == 1 && b_step == 1) {
    for (std::size_t i = 0; i < n; ++i) y[i] = f(a[i], b[i]);
  } else if (b_step == 1) {
    const T x = *a;
    for (std::size_t i = 0; i < n; ++i) y[i] = f(x, b[i]);
  } else {
    const T x = *b;
    for (std::size_t i = 0; i < n; ++i) y[i] = f(a[i * a_step], x);
  }
}

template <class T, class R, class F>
void map_rows(Tensor& out, const Tensor& first, const Tensor& second, const Dims& as_dims, F f) {
  R* y = out.elements<R>().data();
  const T* a = first.elements<T>().data();
  const T* b = second.elements<T>().data();
  for (RowWalk walk(out.dims(), {&first.dims(), &as_dims}); walk; walk.next())
    map_row(y + walk.begin(), a + walk.from(0), walk.step(0), b + walk.from(1), walk.step(1), walk.size(), f);
}

template <TypeSet kCompiled, class F>
void compute_binary(const OperatorCall& call) {
  const ElementType type = call.inputs[0].type();
  if (!kCompiled.has(type)) return compute_as(call, kCompiled, compute_binary<kCompiled, F>);
  const auto f = F{}(call.node);
  const Dims second = second_dims(call.node, call.inputs[0].dims(), call.inputs[1].dims());
  visit_among<kCompiled>(type, [&]<class T>(TypeTag<T>) {
    using R = decltype(f(T{}, T{}));
    map_rows<T, R>(call.outputs[0], call.inputs[0], call.inputs[1], second, f);
  });
}

/// An operator that gives f(a, b), of the type of a and b or of kResult.
template <TypeSet kTypes, TypeSet kCompiled, class F, ElementType kResult = ElementType::none>
Operator binary_operator(std::string_view name, std::int64_t since) {
  return {name, since, infer_binary<kTypes, kResult, F>, compute_binary<kCompiled, F>};
}

}  // namespace halfwave
