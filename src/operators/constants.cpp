#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "operators/moves.h"
#include "operators/shape_family.h"

namespace halfwave {
namespace {

// --- Constant

Tensor constant_of(const OperatorNode& node) {
  if (const auto value = node.tensor("value")) return *value;
  if (node.has("value_float")) return Tensor::scalar(node.number("value_float", 0.0f));
  if (node.has("value_int")) return Tensor::scalar(node.integer("value_int", 0));
  if (node.has("value_string")) return Tensor::scalar(node.text("value_string", ""));
  const auto row = [](const auto& numbers) {
    using T = typename std::decay_t<decltype(numbers)>::value_type;
    return Tensor::of<T>({static_cast<std::int64_t>(numbers.size())}, numbers);
  };
  if (node.has("value_floats")) return row(node.numbers("value_floats"));
  if (node.has("value_ints")) return row(node.integers("value_ints"));
  if (node.has("value_strings")) return row(node.texts("value_strings"));
  throw input_error("it has no value that is known (value, value_int, …; sparse values are not)");
}

std::vector<ValueInfo> infer_constant(const OperatorNode& node, Infos /*inputs*/) {
  const Tensor value = constant_of(node);
  return {{value.type(), value.dims(), value}};
}

void compute_constant(const OperatorCall& call) { call.outputs[0] = constant_of(call.node); }

// --- ConstantOfShape

Tensor fill_of(const OperatorNode& node) {
  const Tensor value = node.tensor("value").value_or(Tensor::scalar(0.0f));
  if (!value || value.count() != 1) throw input_error("its value must be one number");
  return value;
}

std::vector<ValueInfo> infer_constant_of_shape(const OperatorNode& node, Infos inputs) {
  const auto dims = known_integers(inputs, 0);
  if (dims) element_count(*dims);
  return one_output(fill_of(node).type(), dims);
}

void compute_constant_of_shape(const OperatorCall& call) {
  const Tensor value = fill_of(call.node);
  visit_storage(value.type(), [&]<class T>(TypeTag<T>) {
    std::fill_n(storage<T>(call.outputs[0]), call.outputs[0].count(), *storage<T>(value));
  });
}

// --- Range

/// Calls f(start, step, count) in the type of the inputs.
template <class F>
void visit_range(const Tensor& start, const Tensor& limit, const Tensor& step, F&& f) {
  for (const Tensor* bound : {&start, &limit, &step})
    if (bound->count() != 1) throw input_error("start, limit and delta must be one number each");
  visit_type(start.type(), [&]<class T>(TypeTag<T>) {
    if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double> || std::is_same_v<T, std::int16_t> ||
                  std::is_same_v<T, std::int32_t> || std::is_same_v<T, std::int64_t>) {
      const T first = start.elements<T>()[0], last = limit.elements<T>()[0], by = step.elements<T>()[0];
      const long double count =
          by == T(0) ? 0.0L
                     : std::ceil((static_cast<long double>(last) - static_cast<long double>(first)) /
                                 static_cast<long double>(by));
      if (by == T(0) || !(count <= static_cast<long double>(kLargestTensor)))
        throw input_error(fmt::format("a range from {} to {} by {} is none", first, last, by));
      f(first, by, static_cast<std::int64_t>(std::max(count, 0.0L)));
    } else {
      throw input_error(fmt::format("there is no range of {}", type_name(start.type())));
    }
  });
}

std::vector<ValueInfo> infer_range(const OperatorNode& /*node*/, Infos inputs) {
  const ValueInfo &start = argument(inputs, 0), &limit = argument(inputs, 1), &step = argument(inputs, 2);
  check_same_type(inputs, 0, 1);
  check_same_type(inputs, 0, 2);
  std::optional<Dims> dims;
  if (start.value && limit.value && step.value)
    visit_range(start.value, limit.value, step.value,
                [&](auto, auto, std::int64_t count) { dims = Dims{count}; });
  return one_output(start.type, dims);
}

void compute_range(const OperatorCall& call) {
  visit_range(call.inputs[0], call.inputs[1], call.inputs[2],
              [&]<class T>(T first, T by, std::int64_t count) {
                const std::span<T> out = call.outputs[0].elements<T>();
                // All numbers lie between the bounds, so that first + i·by fits.
                for (std::int64_t i = 0; i < count; ++i)
                  out[static_cast<std::size_t>(i)] = static_cast<T>(first + static_cast<T>(i) * by);
              });
}

// --- OneHot

/// Length of the new axis; nothing where it is not known.
std::optional<std::int64_t> one_hot_depth(Infos inputs) {
  const Tensor& depth = argument(inputs, 1).value;
  if (!depth) return std::nullopt;
  if (depth.count() != 1) throw input_error("the depth must be one number");
  return depth.cast(ElementType::int64).integers()[0];
}

std::vector<ValueInfo> infer_one_hot(const OperatorNode& node, Infos inputs) {
  const ValueInfo &indices = argument(inputs, 0), &values = argument(inputs, 2);
  const auto depth = one_hot_depth(inputs);
  if (indices.type == ElementType::text) throw input_error("indices must be numbers");
  if (values.dims && *values.dims != Dims{2}) throw input_error("there must be two values, off and on");
  if (!indices.dims || !depth) return one_output(values.type, std::nullopt);
  Dims dims = *indices.dims;
  const std::size_t axis = axis_of(node.integer("axis", -1), dims.size() + 1);
  dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(axis), *depth);
  return one_output(values.type, dims);
}

void compute_one_hot(const OperatorCall& call) {
  Tensor& out = call.outputs[0];
  if (out.count() == 0) return;
  const std::size_t axis = axis_of(call.node.integer("axis", -1), out.rank());
  const std::int64_t depth = out.dims()[axis];
  const auto inner = static_cast<std::size_t>(product(out.dims(), axis + 1, out.rank()));
  const std::vector<std::int64_t> indices = call.inputs[0].cast(ElementType::int64).integers();
  visit_storage(out.type(), [&]<class T>(TypeTag<T>) {
    const T* values = storage<T>(call.inputs[2]);
    T* to = storage<T>(out);
    std::fill_n(to, out.count(), values[0]);
    for (std::size_t i = 0; i < indices.size(); ++i) {
      if (indices[i] < -depth || indices[i] >= depth) continue;  // all off
      const auto hot = static_cast<std::size_t>(indices[i] < 0 ? indices[i] + depth : indices[i]);
      to[(i / inner * static_cast<std::size_t>(depth) + hot) * inner + i % inner] = values[1];
    }
  });
}

constexpr Operator kOperators[] = {
    {"Constant", 1, infer_constant, compute_constant},
    {"ConstantOfShape", 9, infer_constant_of_shape, compute_constant_of_shape},
    {"OneHot", 9, infer_one_hot, compute_one_hot},
    {"Range", 11, infer_range, compute_range},
};

}  // namespace

std::span<const Operator> constant_operators() { return kOperators; }

}  // namespace halfwave
