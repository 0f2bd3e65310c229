#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "operators/arguments.h"
#include "operators/shape_family.h"

namespace halfwave {
namespace {

std::optional<std::int64_t> top_count(const OperatorNode& node, Infos inputs) {
  if (node.opset < 10) return node.integer("k", -1);
  const auto numbers = known_integers(inputs, 1);
  if (!numbers) return std::nullopt;
  if (numbers->size() != 1) throw input_error("k must be one number");
  return numbers->front();
}

std::vector<ValueInfo> infer_top_k(const OperatorNode& node, Infos inputs) {
  const ValueInfo& data = argument(inputs, 0);
  const auto k = top_count(node, inputs);
  if (data.type == ElementType::text || data.type == ElementType::boolean)
    throw input_error("only numbers can be sorted");
  if (!data.dims || !k) return {{data.type, std::nullopt, {}}, {ElementType::int64, std::nullopt, {}}};
  Dims dims = *data.dims;
  const std::size_t axis = axis_of(node.integer("axis", -1), dims.size());
  if (*k < 0 || *k > dims[axis])
    throw input_error(fmt::format("there are no {} elements to take from an axis of {}", *k, dims[axis]));
  dims[axis] = *k;
  return {{data.type, dims, {}}, {ElementType::int64, dims, {}}};
}

/// Of equal elements the first counts more; NaN more than any number.
template <class T>
bool exceeds(const T& a, const T& b) {
  if constexpr (!std::is_integral_v<T>)
    if (std::isnan(static_cast<double>(a)) || std::isnan(static_cast<double>(b)))
      return std::isnan(static_cast<double>(a)) && !std::isnan(static_cast<double>(b));
  return a > b;
}

template <class T>
void top_k(const OperatorCall& call) {
  const Tensor& in = call.inputs[0];
  const std::size_t axis = axis_of(call.node.integer("axis", -1), in.rank());
  const bool largest = call.node.integer("largest", 1) != 0;
  const auto length = static_cast<std::size_t>(in.dims()[axis]),
             k = static_cast<std::size_t>(*top_count(call.node, infos_of(call))),
             inner = static_cast<std::size_t>(product(in.dims(), axis + 1, in.rank()));
  const std::span<const T> from = in.elements<T>();
  std::vector<std::size_t> order(length);
  for (std::size_t row = 0; row < in.count() / length; ++row) {
    const T* elements = from.data() + row / inner * length * inner + row % inner;
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto before = [&](std::size_t a, std::size_t b) {
      const T &x = elements[a * inner], &y = elements[b * inner];
      if (largest ? exceeds(x, y) : exceeds(y, x)) return true;
      if (largest ? exceeds(y, x) : exceeds(x, y)) return false;
      return a < b;
    };
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(k), order.end(), before);
    for (std::size_t i = 0; i < k; ++i) {
      const std::size_t to = (row / inner * k + i) * inner + row % inner;
      if (call.outputs[0]) call.outputs[0].elements<T>()[to] = elements[order[i] * inner];
      if (call.outputs.size() > 1 && call.outputs[1])
        call.outputs[1].elements<std::int64_t>()[to] = static_cast<std::int64_t>(order[i]);
    }
  }
}

void compute_top_k(const OperatorCall& call) {
  if (call.inputs[0].count() == 0) return;
  visit_type(call.inputs[0].type(), [&]<class T>(TypeTag<T>) {
    if constexpr (!std::is_void_v<T> && !std::is_same_v<T, std::string> && !std::is_same_v<T, bool>)
      top_k<T>(call);
  });
}

constexpr Operator kOperators[] = {{"TopK", 1, infer_top_k, compute_top_k}};

}  // namespace

std::span<const Operator> sorting_operators() { return kOperators; }

}  // namespace halfwave
