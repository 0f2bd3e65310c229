#include <fmt/format.h>

#include <algorithm>

#include "operators/arguments.h"
#include "operators/shape_family.h"

namespace halfwave {
namespace {

/// The output is the input's elements in the shape that was inferred.
void compute_reshaped(const OperatorCall& call) {
  call.outputs[0] = call.inputs[0].reshaped(call.outputs[0].dims());
}

// --- Reshape

/// The shape that Reshape gives: 0 copies the input's dimension, -1 takes what is left. Not known where that
/// depends on dimensions that are not.
std::optional<Dims> reshaped_dims(const std::optional<Dims>& from, const Dims& target, bool allow_zero) {
  Dims dims = target;
  std::size_t open = dims.size();
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] < -1) throw input_error(fmt::format("{} is no shape to take", describe(target)));
    if (dims[i] == -1) {
      if (open < dims.size())
        throw input_error(fmt::format("{} leaves two dimensions open", describe(target)));
      open = i;
    } else if (dims[i] == 0 && !allow_zero) {
      if (!from) return std::nullopt;
      if (i >= from->size())
        throw input_error(fmt::format("{} copies dimension {} of {}", describe(target), i, describe(*from)));
      dims[i] = (*from)[i];
    }
  }
  if (!from) return open == dims.size() ? std::optional(dims) : std::nullopt;
  const std::int64_t count = element_count(*from);
  if (open < dims.size()) {
    dims[open] = 1;
    const std::int64_t rest = element_count(dims);
    if (rest == 0 || count % rest != 0)
      throw input_error(fmt::format("{} does not take the shape {}", describe(*from), describe(target)));
    dims[open] = count / rest;
  }
  if (element_count(dims) != count)
    throw input_error(fmt::format("{} does not take the shape {}", describe(*from), describe(target)));
  return dims;
}

std::vector<ValueInfo> infer_reshape(const OperatorNode& node, Infos inputs) {
  const ValueInfo& data = argument(inputs, 0);
  const Setting shape = setting(node, "shape", inputs, 1, 5);
  if (!shape.given) throw input_error("the shape is missing");
  if (!shape.numbers) return one_output(data.type, std::nullopt);
  return one_output(data.type, reshaped_dims(data.dims, *shape.numbers, node.integer("allowzero", 0) != 0));
}

// --- Flatten

std::vector<ValueInfo> infer_flatten(const OperatorNode& node, Infos inputs) {
  const ValueInfo& data = argument(inputs, 0);
  if (!data.dims) return one_output(data.type, std::nullopt);
  const auto rank = static_cast<std::int64_t>(data.dims->size());
  std::int64_t axis = node.integer("axis", 1);
  if (axis < -rank || axis > rank)
    throw input_error(fmt::format("axis {} is none of a tensor of rank {}", axis, rank));
  if (axis < 0) axis += rank;
  const auto cut = static_cast<std::size_t>(axis);
  return one_output(data.type,
                    Dims{product(*data.dims, 0, cut), product(*data.dims, cut, data.dims->size())});
}

// --- Squeeze, Unsqueeze

std::vector<ValueInfo> infer_squeeze(const OperatorNode& node, Infos inputs) {
  const ValueInfo& data = argument(inputs, 0);
  const Setting axes = setting(node, "axes", inputs, 1, 13);
  if (!data.dims || (axes.given && !axes.numbers)) return one_output(data.type, std::nullopt);
  std::vector<bool> dropped(data.dims->size(), false);
  if (axes.given) {
    for (const std::size_t axis : axes_of(*axes.numbers, data.dims->size())) {
      if ((*data.dims)[axis] != 1)
        throw input_error(
            fmt::format("axis {} of {} cannot be left out: it is not 1", axis, describe(*data.dims)));
      dropped[axis] = true;
    }
  } else {
    for (std::size_t i = 0; i < dropped.size(); ++i) dropped[i] = (*data.dims)[i] == 1;
  }
  Dims dims;
  for (std::size_t i = 0; i < dropped.size(); ++i)
    if (!dropped[i]) dims.push_back((*data.dims)[i]);
  return one_output(data.type, dims);
}

std::vector<ValueInfo> infer_unsqueeze(const OperatorNode& node, Infos inputs) {
  const ValueInfo& data = argument(inputs, 0);
  const Setting axes = setting(node, "axes", inputs, 1, 13);
  if (!axes.given) throw input_error("the axes are missing");
  if (!data.dims || !axes.numbers) return one_output(data.type, std::nullopt);
  Dims dims(data.dims->size() + axes.numbers->size(), 0);
  for (const std::size_t axis : axes_of(*axes.numbers, dims.size())) dims[axis] = 1;
  auto next = data.dims->begin();
  for (std::size_t i = 0; i < dims.size(); ++i)
    if (dims[i] != 1) dims[i] = *next++;
  return one_output(data.type, dims);
}

// --- Shape, Size

Tensor shape_of(const OperatorNode& node, const Dims& dims) {
  const auto rank = static_cast<std::int64_t>(dims.size());
  const auto place = [&](std::int64_t at) {
    return std::clamp<std::int64_t>(at < 0 ? at + rank : at, 0, rank);
  };
  const std::int64_t first = place(node.integer("start", 0));
  const std::int64_t last = std::max(first, place(node.integer("end", rank)));
  const std::span<const std::int64_t> part =
      std::span(dims).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first));
  return Tensor::of<std::int64_t>({last - first}, part);
}

std::vector<ValueInfo> infer_shape(const OperatorNode& node, Infos inputs) {
  const ValueInfo& data = argument(inputs, 0);
  if (!data.dims) return one_output(ElementType::int64, std::nullopt);
  const Tensor value = shape_of(node, *data.dims);
  return {{ElementType::int64, value.dims(), value}};
}

void compute_shape(const OperatorCall& call) { call.outputs[0] = shape_of(call.node, call.inputs[0].dims()); }

std::vector<ValueInfo> infer_size(const OperatorNode& /*node*/, Infos inputs) {
  const ValueInfo& data = argument(inputs, 0);
  ValueInfo info{ElementType::int64, Dims{}, {}};
  if (data.dims) info.value = Tensor::scalar<std::int64_t>(element_count(*data.dims));
  return {info};
}

void compute_size(const OperatorCall& call) {
  call.outputs[0] = Tensor::scalar<std::int64_t>(static_cast<std::int64_t>(call.inputs[0].count()));
}

constexpr Operator kOperators[] = {
    {"Flatten", 1, infer_flatten, compute_reshaped}, {"Reshape", 1, infer_reshape, compute_reshaped},
    {"Shape", 1, infer_shape, compute_shape},        {"Size", 1, infer_size, compute_size},
    {"Squeeze", 1, infer_squeeze, compute_reshaped}, {"Unsqueeze", 1, infer_unsqueeze, compute_reshaped},
};

}  // namespace

std::span<const Operator> reshaping_operators() { return kOperators; }

}  // namespace halfwave
