#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "operators/moves.h"
#include "operators/shape_family.h"

namespace halfwave {
namespace {

// --- Transpose

/// Which axis of the input each axis of the output is.
std::vector<std::size_t> permutation_of(const OperatorNode& node, std::size_t rank) {
  if (node.has("perm")) {
    const std::vector<std::int64_t> perm = node.integers("perm");
    if (perm.size() != rank)
      throw input_error(fmt::format("perm has {} axes for a tensor of rank {}", perm.size(), rank));
    return axes_of(perm, rank);
  }
  std::vector<std::size_t> reversed(rank);
  std::iota(reversed.rbegin(), reversed.rend(), std::size_t{0});
  return reversed;
}

std::vector<ValueInfo> infer_transpose(const OperatorNode& node, Infos inputs) {
  const ValueInfo& data = argument(inputs, 0);
  if (!data.dims) return one_output(data.type, std::nullopt);
  Dims dims;
  for (const std::size_t axis : permutation_of(node, data.dims->size())) dims.push_back((*data.dims)[axis]);
  return one_output(data.type, dims);
}

/// `in` seen with its axes in another order.
void transpose(const Tensor& in, std::span<const std::size_t> permutation, Tensor& out) {
  const Dims strides = strides_of(in.dims());
  Offsets offsets;
  for (const std::size_t axis : permutation) offsets.push_back(evenly(in.dims()[axis], strides[axis]));
  take_elements(in, offsets, out);
}

void compute_transpose(const OperatorCall& call) {
  const Tensor& in = call.inputs[0];
  if (in.count() > 0) transpose(in, permutation_of(call.node, in.rank()), call.outputs[0]);
}

// --- DepthToSpace, SpaceToDepth: transposes of an image seen in six dimensions

std::int64_t block_size(const OperatorNode& node) {
  const std::int64_t size = node.integer("blocksize", 0);
  if (size < 1 || size > kLargestTensor) throw input_error(fmt::format("blocksize {} is no size", size));
  return size;
}

std::vector<ValueInfo> infer_blocks(const OperatorNode& node, Infos inputs, bool to_space) {
  const ValueInfo& data = argument(inputs, 0);
  const std::int64_t size = block_size(node);
  const std::string mode = node.text("mode", "DCR");
  if (mode != "DCR" && mode != "CRD") throw input_error(fmt::format("mode '{}' is none of DCR, CRD", mode));
  if (!data.dims) return one_output(data.type, std::nullopt);
  Dims dims = *data.dims;
  if (dims.size() != 4) throw input_error(fmt::format("{} is not the shape of images", describe(dims)));
  if (to_space) {
    if (size > dims[1] || dims[1] % (size * size) != 0)
      throw input_error(fmt::format("{} channels do not make blocks of {}", dims[1], size));
    return one_output(data.type, Dims{dims[0], dims[1] / (size * size), checked_product(dims[2], size),
                                      checked_product(dims[3], size)});
  }
  if (dims[2] % size != 0 || dims[3] % size != 0)
    throw input_error(fmt::format("{} does not divide into blocks of {}", describe(dims), size));
  return one_output(data.type, Dims{dims[0], checked_product(dims[1], checked_product(size, size)),
                                    dims[2] / size, dims[3] / size});
}
std::vector<ValueInfo> infer_depth_to_space(const OperatorNode& node, Infos inputs) {
  return infer_blocks(node, inputs, true);
}
std::vector<ValueInfo> infer_space_to_depth(const OperatorNode& node, Infos inputs) {
  return infer_blocks(node, inputs, false);
}

/// `in` seen as `dims`, transposed, into the output, whose shape stays.
void transpose_as(const OperatorCall& call, const Dims& dims, std::array<std::size_t, 6> permutation) {
  Tensor& out = call.outputs[0];
  if (out.count() > 0) transpose(call.inputs[0].reshaped(dims), permutation, out);
}

void compute_depth_to_space(const OperatorCall& call) {
  const std::int64_t b = block_size(call.node);
  const Dims& d = call.inputs[0].dims();
  const std::int64_t channels = call.outputs[0].dims()[1];
  if (call.node.text("mode", "DCR") == "DCR")
    transpose_as(call, {d[0], b, b, channels, d[2], d[3]}, {0, 3, 4, 1, 5, 2});
  else
    transpose_as(call, {d[0], channels, b, b, d[2], d[3]}, {0, 1, 4, 2, 5, 3});
}

void compute_space_to_depth(const OperatorCall& call) {
  const std::int64_t b = block_size(call.node);
  const Dims& d = call.inputs[0].dims();
  transpose_as(call, {d[0], d[1], d[2] / b, b, d[3] / b, b}, {0, 3, 5, 1, 2, 4});
}

// --- Concat, Split

std::int64_t concat_axis(const OperatorNode& node) {
  if (node.opset >= 4 && !node.has("axis")) throw input_error("the axis is missing");
  return node.integer("axis", 1);
}

std::vector<ValueInfo> infer_concat(const OperatorNode& node, Infos inputs) {
  return {concatenated(inputs, concat_axis(node))};
}

void compute_concat(const OperatorCall& call) {
  Tensor& out = call.outputs[0];
  if (out.count() > 0) join_elements(call.inputs, axis_of(concat_axis(call.node), out.rank()), out);
}

/// Lengths of the parts that an axis of `length` is split into; nothing where they are not known yet.
std::optional<std::vector<std::int64_t>> split_lengths(const OperatorNode& node, Infos inputs,
                                                       std::int64_t length) {
  const auto parts = static_cast<std::int64_t>(node.outputs.size());
  Setting split = setting(node, "split", inputs, 1, 13);
  if (node.opset == 1 && given(inputs, 1)) split = {true, known_integers(inputs, 1)};
  if (split.given) {
    if (!split.numbers) return std::nullopt;
    std::int64_t sum = 0;
    for (const std::int64_t part : *split.numbers) {
      if (part < 0) throw input_error(fmt::format("a part of {} elements is none", part));
      sum = checked_sum(sum, part);
    }
    if (split.numbers->size() != node.outputs.size() || sum != length)
      throw input_error(fmt::format("parts of {} do not split an axis of {} into {}",
                                    describe(*split.numbers), length, parts));
    return split.numbers;
  }
  if (parts == 0 || (node.has("num_outputs") && node.integer("num_outputs", 0) != parts))
    throw input_error("num_outputs is not the number of outputs");
  if (node.opset < 18 && length % parts != 0)
    throw input_error(fmt::format("an axis of {} does not split into {} equal parts", length, parts));
  const std::int64_t most = (length + parts - 1) / parts;  // the last may be shorter
  std::vector<std::int64_t> lengths;
  for (std::int64_t at = 0; static_cast<std::int64_t>(lengths.size()) < parts; at += lengths.back())
    lengths.push_back(std::min(most, length - at));
  return lengths;
}

std::vector<ValueInfo> infer_split(const OperatorNode& node, Infos inputs) {
  const ValueInfo& data = argument(inputs, 0);
  std::vector<ValueInfo> outputs(node.outputs.size(), {data.type, std::nullopt, {}});
  if (!data.dims) return outputs;
  const std::size_t axis = axis_of(node.integer("axis", 0), data.dims->size());
  const auto lengths = split_lengths(node, inputs, (*data.dims)[axis]);
  if (!lengths) return outputs;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    outputs[i].dims = *data.dims;
    (*outputs[i].dims)[axis] = (*lengths)[i];
  }
  return outputs;
}

void compute_split(const OperatorCall& call) {
  const Tensor& in = call.inputs[0];
  if (in.count() == 0) return;
  const std::size_t axis = axis_of(call.node.integer("axis", 0), in.rank());
  split_elements(in, axis, *split_lengths(call.node, infos_of(call), in.dims()[axis]), call.outputs);
}

constexpr Operator kOperators[] = {
    {"Concat", 1, infer_concat, compute_concat},
    {"DepthToSpace", 1, infer_depth_to_space, compute_depth_to_space},
    {"SpaceToDepth", 1, infer_space_to_depth, compute_space_to_depth},
    {"Split", 1, infer_split, compute_split},
    {"Transpose", 1, infer_transpose, compute_transpose},
};

}  // namespace

ValueInfo concatenated(Infos parts, std::int64_t along_axis) {
  ValueInfo whole{argument(parts, 0).type, std::nullopt, {}};
  bool known = true;
  std::int64_t along = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const ValueInfo& part = argument(parts, i);
    check_same_type(parts, 0, i);
    known = known && part.dims;
    if (!part.dims) continue;
    const std::size_t axis = axis_of(along_axis, part.dims->size());
    along = checked_sum(along, (*part.dims)[axis]);
    Dims other = *part.dims;
    other[axis] = 0;
    if (whole.dims && *whole.dims != other)
      throw input_error(
          fmt::format("input {} has shape {}, which does not fit the others'", i + 1, describe(*part.dims)));
    whole.dims = std::move(other);
  }
  if (known)
    (*whole.dims)[axis_of(along_axis, whole.dims->size())] = along;
  else
    whole.dims.reset();
  return whole;
}

std::span<const Operator> arranging_operators() { return kOperators; }

}  // namespace halfwave
