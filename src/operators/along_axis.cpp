#include <functional>

#include "operators/family_parts.h"
#include "operators/type_set.h"

namespace halfwave {
namespace {

/// Runs of a tensor along an axis: element i of run (o, k) is at (o * size + i) * inner + k.
struct Runs {
  std::size_t outer, size, inner;

  Runs(const Dims& dims, std::size_t axis)
      : outer(count(dims, 0, axis)),
        size(count(dims, axis, axis + 1)),
        inner(count(dims, axis + 1, dims.size())) {}

 private:
  static std::size_t count(const Dims& dims, std::size_t first, std::size_t last) {
    return static_cast<std::size_t>(product(dims, first, last));
  }
};

// ---- ArgMax, ArgMin ------------------------------------------------------------------------------------

std::vector<ValueInfo> infer_arg(const OperatorNode& node, Infos inputs) {
  const ValueInfo& x = argument_among(inputs, 0, kNumbers);
  const std::int64_t axis = node.integer("axis", 0);
  const bool keep = node.integer("keepdims", 1) != 0;
  node.integer("select_last_index", 0);
  if (!x.dims) return one_output(ElementType::int64, std::nullopt);
  const std::size_t at = axis_of(axis, x.dims->size());
  Dims dims = *x.dims;
  if (dims[at] == 0) throw input_error("there is no largest or smallest of no elements");
  dims[at] = 1;
  if (!keep) dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(at));
  return one_output(ElementType::int64, std::move(dims));
}

/// Where the element is that no other one `beats`.
template <class Beats>
void compute_arg(const OperatorCall& call) {
  const Tensor& x = call.inputs[0];
  if (!kWide.has(x.type())) return compute_as(call, kWide, compute_arg<Beats>);
  const Runs runs(x.dims(), axis_of(call.node.integer("axis", 0), x.rank()));
  const bool last = call.node.integer("select_last_index", 0) != 0;
  std::int64_t* result = call.outputs[0].elements<std::int64_t>().data();
  visit_among<kWide>(x.type(), [&]<class T>(TypeTag<T>) {
    for (std::size_t o = 0; o < runs.outer; ++o)
      for (std::size_t k = 0; k < runs.inner; ++k) {
        const T* run = x.elements<T>().data() + o * runs.size * runs.inner + k;
        std::size_t best = 0;
        for (std::size_t i = 1; i < runs.size; ++i) {
          const T a = run[i * runs.inner], b = run[best * runs.inner];
          if (Beats{}(a, b) || (last && a == b)) best = i;
        }
        *result++ = static_cast<std::int64_t>(best);
      }
  });
}

// ---- CumSum --------------------------------------------------------------------------------------------

/// The axis of input 2.
std::size_t cumulated_axis(const Tensor& axis, std::size_t rank) { return axis_of(axis.integers()[0], rank); }

std::vector<ValueInfo> infer_cumulative_sum(const OperatorNode& node, Infos inputs) {
  const ValueInfo& x = argument_among(
      inputs, 0,
      kFloating | TypeSet{ElementType::int32, ElementType::int64, ElementType::uint32, ElementType::uint64});
  const ValueInfo& axis = argument_among(inputs, 1, {ElementType::int32, ElementType::int64});
  check_scalar(inputs, 1);
  if (axis.value && x.dims) cumulated_axis(axis.value, x.dims->size());
  node.integer("exclusive", 0);
  node.integer("reverse", 0);
  return one_output(x.type, x.dims);
}

/// Fractions are summed in double; whole numbers wrap around.
void compute_cumulative_sum(const OperatorCall& call) {
  const Tensor& x = call.inputs[0];
  if (!kWide.has(x.type())) return compute_as(call, kWide, compute_cumulative_sum, 1);
  const Runs runs(x.dims(), cumulated_axis(call.inputs[1], x.rank()));
  const bool exclusive = call.node.integer("exclusive", 0) != 0,
             reverse = call.node.integer("reverse", 0) != 0;
  visit_among<kWide>(x.type(), [&]<class T>(TypeTag<T>) {
    const T* from = x.elements<T>().data();
    T* to = call.outputs[0].elements<T>().data();
    for (std::size_t o = 0; o < runs.outer; ++o)
      for (std::size_t k = 0; k < runs.inner; ++k) {
        std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t> sum = 0;
        for (std::size_t n = 0; n < runs.size; ++n) {
          const std::size_t i = reverse ? runs.size - 1 - n : n, at = (o * runs.size + i) * runs.inner + k;
          if (exclusive) to[at] = static_cast<T>(sum);
          sum += static_cast<decltype(sum)>(from[at]);
          if (!exclusive) to[at] = static_cast<T>(sum);
        }
      }
  });
}

}  // namespace

std::span<const Operator> along_axis_operators() {
  static const std::vector<Operator> all{
      {"ArgMax", 1, infer_arg, compute_arg<std::greater<>>},
      {"ArgMin", 1, infer_arg, compute_arg<std::less<>>},
      {"CumSum", 11, infer_cumulative_sum, compute_cumulative_sum},
  };
  return all;
}

}  // namespace halfwave
