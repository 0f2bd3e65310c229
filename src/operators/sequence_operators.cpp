#include <fmt/format.h>

#include <algorithm>

#include "operators/moves.h"
#include "operators/shape_family.h"
#include "operators/type_set.h"

namespace halfwave {
namespace {

/// Most tensors that one is split into: each takes some hundred bytes, however few its elements.
constexpr std::int64_t kMostParts = std::int64_t{1} << 16;

constexpr TypeSet kPositions{ElementType::int32, ElementType::int64};

const ValueInfo& sequence_argument(Infos inputs, std::size_t i) {
  const ValueInfo& info = argument(inputs, i);
  if (info.type != ElementType::sequence)
    throw input_error(
        fmt::format("input {} must be a sequence, not a tensor of {}", i + 1, type_name(info.type)));
  return info;
}

const ValueInfo& tensor_argument(Infos inputs, std::size_t i) { return argument_among(inputs, i, kAnyType); }

std::int64_t length_of(const ValueInfo& sequence) { return sequence.dims->front(); }

/// Whether something is known of its tensors each by each.
bool knows_tensors(const ValueInfo& sequence) {
  return sequence.dims && std::ssize(sequence.tensors) == length_of(sequence);
}

ValueInfo sequence_of(ElementType element, std::vector<ValueInfo> tensors) {
  return {ElementType::sequence, Dims{std::ssize(tensors)}, {}, element, std::move(tensors)};
}

Tensor sequence_of(std::span<const Tensor> tensors) {
  return Tensor::of<Tensor>({std::ssize(tensors)}, tensors);
}

std::vector<Tensor> tensors_of(const Tensor& sequence) {
  const std::span<const Tensor> tensors = sequence.elements<Tensor>();
  return {tensors.begin(), tensors.end()};
}

/// The place of `length` that input i tells, counted from the end where it is negative: at most `last`, which
/// is also where the input is left out. Not known where its value is not.
std::optional<std::ptrdiff_t> position_of(Infos inputs, std::size_t i, std::int64_t length,
                                          std::int64_t last) {
  if (last < 0) throw input_error("the sequence has no tensors");
  std::int64_t position = last;
  if (given(inputs, i)) {
    argument_among(inputs, i, kPositions);
    check_scalar(inputs, i);
    const auto numbers = known_integers(inputs, i);
    if (!numbers) return std::nullopt;
    position = numbers->front();
  }
  if (position < -length || position > last)
    throw input_error(fmt::format("position {} is none of a sequence of {}", position, length));
  return position < 0 ? position + length : position;
}

// --- SequenceEmpty, SequenceConstruct

std::vector<ValueInfo> infer_empty(const OperatorNode& node, Infos /*inputs*/) {
  const std::int64_t number = node.integer("dtype", static_cast<std::int64_t>(ElementType::float32));
  if (number < 1 || number >= 32 || !kAnyType.has(static_cast<ElementType>(number)))
    throw input_error(fmt::format("elements of ONNX's type {} are not supported", number));
  return {sequence_of(static_cast<ElementType>(number), {})};
}

void compute_empty(const OperatorCall& /*call*/) {}  // the output is made as inferred: without tensors

std::vector<ValueInfo> infer_construct(const OperatorNode& /*node*/, Infos inputs) {
  const ElementType element = tensor_argument(inputs, 0).type;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    tensor_argument(inputs, i);
    check_same_type(inputs, 0, i);
  }
  return {sequence_of(element, {inputs.begin(), inputs.end()})};
}

void compute_construct(const OperatorCall& call) { call.outputs[0] = sequence_of(call.inputs); }

// --- SequenceInsert, SequenceErase

std::vector<ValueInfo> infer_insert(const OperatorNode& /*node*/, Infos inputs) {
  const ValueInfo &before = sequence_argument(inputs, 0), &tensor = tensor_argument(inputs, 1);
  if (before.element != ElementType::none && before.element != tensor.type)
    throw input_error(fmt::format("a tensor of {} cannot go into a sequence of {}", type_name(tensor.type),
                                  type_name(before.element)));
  if (!before.dims) return {{ElementType::sequence, std::nullopt, {}, tensor.type}};
  const std::int64_t length = length_of(before);
  const auto position = position_of(inputs, 2, length, length);
  ValueInfo after{ElementType::sequence, Dims{length + 1}, {}, tensor.type};
  if (!position || !knows_tensors(before)) return {after};
  after.tensors = before.tensors;
  after.tensors.insert(after.tensors.begin() + *position, tensor);
  return {after};
}

void compute_insert(const OperatorCall& call) {
  std::vector<Tensor> tensors = tensors_of(call.inputs[0]);
  const std::int64_t length = std::ssize(tensors);
  tensors.insert(tensors.begin() + *position_of(infos_of(call), 2, length, length), call.inputs[1]);
  call.outputs[0] = sequence_of(tensors);
}

std::vector<ValueInfo> infer_erase(const OperatorNode& /*node*/, Infos inputs) {
  const ValueInfo& before = sequence_argument(inputs, 0);
  if (!before.dims) return {{ElementType::sequence, std::nullopt, {}, before.element}};
  const std::int64_t length = length_of(before);
  const auto position = position_of(inputs, 1, length, length - 1);
  ValueInfo after{ElementType::sequence, Dims{std::max<std::int64_t>(length - 1, 0)}, {}, before.element};
  if (!position || !knows_tensors(before)) return {after};
  after.tensors = before.tensors;
  after.tensors.erase(after.tensors.begin() + *position);
  return {after};
}

void compute_erase(const OperatorCall& call) {
  std::vector<Tensor> tensors = tensors_of(call.inputs[0]);
  const std::int64_t length = std::ssize(tensors);
  tensors.erase(tensors.begin() + *position_of(infos_of(call), 1, length, length - 1));
  call.outputs[0] = sequence_of(tensors);
}

// --- SequenceAt, SequenceLength

std::vector<ValueInfo> infer_at(const OperatorNode& /*node*/, Infos inputs) {
  const ValueInfo& sequence = sequence_argument(inputs, 0);
  argument(inputs, 1);
  if (!sequence.dims) return one_output(sequence.element, std::nullopt);
  const auto position = position_of(inputs, 1, length_of(sequence), length_of(sequence) - 1);
  if (!knows_tensors(sequence)) return one_output(sequence.element, std::nullopt);
  if (position) return {sequence.tensors[static_cast<std::size_t>(*position)]};
  // Whichever it is, it may have the shape that all of them have.
  const std::optional<Dims>& dims = sequence.tensors[0].dims;
  const bool alike =
      std::ranges::all_of(sequence.tensors, [&](const ValueInfo& t) { return t.dims == dims; });
  return one_output(sequence.element, alike ? dims : std::nullopt);
}

void compute_at(const OperatorCall& call) {
  const std::span<const Tensor> tensors = call.inputs[0].elements<Tensor>();
  const std::int64_t length = std::ssize(tensors);
  call.outputs[0] = tensors[static_cast<std::size_t>(*position_of(infos_of(call), 1, length, length - 1))];
}

std::vector<ValueInfo> infer_length(const OperatorNode& /*node*/, Infos inputs) {
  const ValueInfo& sequence = sequence_argument(inputs, 0);
  ValueInfo length{ElementType::int64, Dims{}, {}};
  if (sequence.dims) length.value = Tensor::scalar(length_of(sequence));
  return {length};
}

void compute_length(const OperatorCall& call) {
  call.outputs[0] = Tensor::scalar(static_cast<std::int64_t>(call.inputs[0].count()));
}

// --- SplitToSequence

void check_parts(std::int64_t count) {
  if (count > kMostParts) throw input_error(fmt::format("{} parts are more than {}", count, kMostParts));
}

/// Lengths of the parts of an axis of `length`: a tensor of lengths, or one for all but the last part, which
/// may be shorter. Not known where its value is not.
std::optional<std::vector<std::int64_t>> part_lengths(Infos inputs, std::int64_t length) {
  std::int64_t each = 1;
  if (given(inputs, 1)) {
    argument_among(inputs, 1, kPositions);
    const auto numbers = known_integers(inputs, 1);
    if (!numbers) return std::nullopt;
    if (inputs[1].value.rank() > 0) {
      check_parts(std::ssize(*numbers));
      std::int64_t sum = 0;
      for (const std::int64_t part : *numbers) {
        if (part < 0) throw input_error(fmt::format("a part of {} elements is none", part));
        sum = checked_sum(sum, part);
      }
      if (sum != length)
        throw input_error(fmt::format("parts of {} elements do not split an axis of {}", sum, length));
      return numbers;
    }
    each = numbers->front();
    if (each < 1) throw input_error(fmt::format("parts of {} elements are none", each));
  }
  const std::int64_t count = length == 0 ? 0 : (length - 1) / each + 1;
  check_parts(count);
  std::vector<std::int64_t> lengths(static_cast<std::size_t>(count), each);
  if (count > 0) lengths.back() = length - (count - 1) * each;
  return lengths;
}

/// Parts of 1 lose their axis.
bool drops_axis(const OperatorNode& node, Infos inputs) {
  return node.integer("keepdims", 1) == 0 && !given(inputs, 1);
}

std::vector<ValueInfo> infer_split(const OperatorNode& node, Infos inputs) {
  const ValueInfo& data = tensor_argument(inputs, 0);
  const bool drops = drops_axis(node, inputs);
  const std::int64_t given_axis = node.integer("axis", 0);
  const std::vector<ValueInfo> open{{ElementType::sequence, std::nullopt, {}, data.type}};
  if (!data.dims) return open;
  const std::size_t axis = axis_of(given_axis, data.dims->size());
  const auto lengths = part_lengths(inputs, (*data.dims)[axis]);
  if (!lengths) return open;
  std::vector<ValueInfo> parts;
  for (const std::int64_t length : *lengths) {
    Dims dims = *data.dims;
    dims[axis] = length;
    if (drops) dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(axis));
    parts.push_back({data.type, std::move(dims), {}});
  }
  return {sequence_of(data.type, std::move(parts))};
}

void compute_split(const OperatorCall& call) {
  const Tensor& data = call.inputs[0];
  const std::vector<ValueInfo> infos = infos_of(call);
  const std::size_t axis = axis_of(call.node.integer("axis", 0), data.rank());
  const std::vector<std::int64_t> lengths = *part_lengths(infos, data.dims()[axis]);
  const ValueInfo made = infer_split(call.node, infos)[0];
  std::vector<Tensor> parts;
  for (const ValueInfo& part : made.tensors) parts.emplace_back(part.type, *part.dims);
  if (data.count() > 0) split_elements(data, axis, lengths, parts);
  call.outputs[0] = sequence_of(parts);
}

// --- ConcatFromSequence

/// The shape of a tensor that is put together with others: with an axis of 1 more for a new axis.
Dims part_dims(const OperatorNode& node, Dims dims) {
  if (node.integer("new_axis", 0) == 0) return dims;
  const std::size_t axis = axis_of(node.integer("axis", 0), dims.size() + 1);
  dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(axis), 1);
  return dims;
}

std::vector<ValueInfo> infer_concat(const OperatorNode& node, Infos inputs) {
  const ValueInfo& sequence = sequence_argument(inputs, 0);
  if (!node.has("axis")) throw input_error("the axis is missing");
  const std::int64_t axis = node.integer("axis", 0);
  if (!knows_tensors(sequence)) return one_output(sequence.element, std::nullopt);
  if (sequence.tensors.empty()) throw input_error("the sequence has no tensors");
  std::vector<ValueInfo> parts = sequence.tensors;
  for (ValueInfo& part : parts)
    if (part.dims) part.dims = part_dims(node, *part.dims);
  return {concatenated(parts, axis)};
}

void compute_concat(const OperatorCall& call) {
  Tensor& out = call.outputs[0];
  if (out.count() == 0) return;
  std::vector<Tensor> parts = tensors_of(call.inputs[0]);
  for (Tensor& part : parts) part = part.reshaped(part_dims(call.node, part.dims()));
  join_elements(parts, axis_of(call.node.integer("axis", 0), out.rank()), out);
}

constexpr Operator sequence_operator(std::string_view name, decltype(Operator::infer) infer,
                                     decltype(Operator::compute) compute) {
  return {.name = name, .since = 11, .infer = infer, .compute = compute, .sequences = true};
}

constexpr Operator kOperators[] = {
    sequence_operator("ConcatFromSequence", infer_concat, compute_concat),
    sequence_operator("SequenceAt", infer_at, compute_at),
    sequence_operator("SequenceConstruct", infer_construct, compute_construct),
    sequence_operator("SequenceEmpty", infer_empty, compute_empty),
    sequence_operator("SequenceErase", infer_erase, compute_erase),
    sequence_operator("SequenceInsert", infer_insert, compute_insert),
    sequence_operator("SequenceLength", infer_length, compute_length),
    sequence_operator("SplitToSequence", infer_split, compute_split),
};

}  // namespace

std::span<const Operator> sequence_operators() { return kOperators; }

}  // namespace halfwave
