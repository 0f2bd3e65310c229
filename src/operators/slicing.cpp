#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "operators/moves.h"
#include "operators/shape_family.h"

namespace halfwave {
namespace {

// --- Slice

/// The part of an axis: first, first + step, …, so many.
struct Part {
  std::int64_t first = 0, step = 1, count = 0;
};

Part part_of(std::int64_t length, std::int64_t start, std::int64_t end, std::int64_t step) {
  if (step == 0) throw input_error("a step of 0 leads nowhere");
  if (length == 0) return {};
  const auto place = [&](std::int64_t at, std::int64_t low, std::int64_t high) {
    return std::clamp(at < 0 ? at + length : at, low, high);
  };
  // A step backwards may end one before the first element.
  const std::int64_t first = place(start, 0, step > 0 ? length : length - 1),
                     last = place(end, step > 0 ? 0 : -1, step > 0 ? length : length - 1);
  step = std::clamp(step, -kLargestTensor - 1, kLargestTensor + 1);
  const std::int64_t way = step > 0 ? last - first : first - last, pace = std::abs(step);
  return {first, step, way <= 0 ? 0 : (way + pace - 1) / pace};
}

/// The part of each axis; nothing where it is not known yet.
std::optional<std::vector<Part>> slice_parts(const OperatorNode& node, Infos inputs) {
  const ValueInfo& data = argument(inputs, 0);
  const Setting starts = setting(node, "starts", inputs, 1, 10), ends = setting(node, "ends", inputs, 2, 10),
                axes = setting(node, "axes", inputs, 3, 10),
                steps = node.opset < 10 ? Setting{} : setting(node, "steps", inputs, 4, 10);
  if (!starts.given || !ends.given) throw input_error("starts or ends are missing");
  const auto open = [](const Setting& s) { return s.given && !s.numbers; };
  if (!data.dims || open(starts) || open(ends) || open(axes) || open(steps)) return std::nullopt;
  std::vector<std::int64_t> which(starts.numbers->size());
  std::iota(which.begin(), which.end(), 0);
  if (axes.given) which = *axes.numbers;
  const std::vector<std::int64_t> by =
      steps.given ? *steps.numbers : std::vector<std::int64_t>(which.size(), 1);
  if (starts.numbers->size() != which.size() || ends.numbers->size() != which.size() ||
      by.size() != which.size())
    throw input_error("starts, ends, axes and steps are not of one length");
  std::vector<Part> parts;
  for (const std::int64_t dim : *data.dims) parts.push_back({0, 1, dim});
  const std::vector<std::size_t> at = axes_of(which, parts.size());
  for (std::size_t i = 0; i < at.size(); ++i)
    parts[at[i]] = part_of((*data.dims)[at[i]], (*starts.numbers)[i], (*ends.numbers)[i], by[i]);
  return parts;
}

std::vector<ValueInfo> infer_slice(const OperatorNode& node, Infos inputs) {
  const auto parts = slice_parts(node, inputs);
  if (!parts) return one_output(argument(inputs, 0).type, std::nullopt);
  Dims dims;
  for (const Part& part : *parts) dims.push_back(part.count);
  return one_output(inputs[0].type, dims);
}

void compute_slice(const OperatorCall& call) {
  if (call.outputs[0].count() == 0) return;
  const auto parts = *slice_parts(call.node, infos_of(call));
  const Dims strides = strides_of(call.inputs[0].dims());
  Offsets offsets;
  for (std::size_t i = 0; i < parts.size(); ++i)
    offsets.push_back(evenly(parts[i].count, parts[i].step * strides[i], parts[i].first * strides[i]));
  take_elements(call.inputs[0], offsets, call.outputs[0]);
}

// --- Pad

/// How much is put before and after an axis; cut off where negative.
struct Padding {
  std::int64_t before = 0, after = 0;
};

std::optional<std::vector<Padding>> paddings_of(const OperatorNode& node, Infos inputs) {
  const ValueInfo& data = argument(inputs, 0);
  const Setting pads = setting(node, node.opset < 2 ? "paddings" : "pads", inputs, 1, 11),
                axes = node.opset < 18 ? Setting{} : setting(node, "axes", inputs, 3, 18);
  if (!pads.given) throw input_error("the pads are missing");
  if (!data.dims || !pads.numbers || (axes.given && !axes.numbers)) return std::nullopt;
  const std::vector<std::int64_t>& numbers = *pads.numbers;
  std::vector<std::size_t> at(data.dims->size());
  std::iota(at.begin(), at.end(), std::size_t{0});
  if (axes.given) at = axes_of(*axes.numbers, data.dims->size());
  if (numbers.size() != 2 * at.size())
    throw input_error(fmt::format("{} pads are given for {} axes", numbers.size(), at.size()));
  std::vector<Padding> paddings(data.dims->size());
  for (std::size_t i = 0; i < at.size(); ++i) {
    paddings[at[i]] = {numbers[i], numbers[at.size() + i]};
    for (const std::int64_t pad : {numbers[i], numbers[at.size() + i]})
      if (pad < -kLargestTensor || pad > kLargestTensor)
        throw input_error(fmt::format("a padding of {} is too large", pad));
  }
  return paddings;
}

std::vector<ValueInfo> infer_pad(const OperatorNode& node, Infos inputs) {
  const auto paddings = paddings_of(node, inputs);
  const std::string mode = node.text("mode", "constant");
  if (mode != "constant" && mode != "reflect" && mode != "edge" && mode != "wrap")
    throw input_error(fmt::format("mode '{}' is none of constant, reflect, edge, wrap", mode));
  if (node.opset >= 11 && given(inputs, 2)) check_same_type(inputs, 0, 2);
  if (!paddings) return one_output(inputs[0].type, std::nullopt);
  Dims dims = *inputs[0].dims;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    const auto [before, after] = (*paddings)[i];
    const std::int64_t length = dims[i];
    dims[i] += before + after;
    if (length + std::min<std::int64_t>(before, 0) + std::min<std::int64_t>(after, 0) < 0 || dims[i] < 0)
      throw input_error(
          fmt::format("pads {} and {} cut off more than the {} of axis {}", before, after, length, i));
    if (length == 0 && dims[i] > 0 && mode != "constant")
      throw input_error(fmt::format("axis {} has nothing to pad with by {}", i, mode));
  }
  return one_output(inputs[0].type, dims);
}

/// Which element of an axis stands at `at`, which may lie outside; -1 for the constant.
std::int64_t padded_index(std::int64_t at, std::int64_t length, std::string_view mode) {
  if (at >= 0 && at < length) return at;
  if (mode == "edge") return std::clamp<std::int64_t>(at, 0, length - 1);
  if (mode == "wrap") return (at % length + length) % length;
  if (mode == "constant") return kFill;
  if (length == 1) return 0;
  const std::int64_t period = 2 * (length - 1), phase = (at % period + period) % period;
  return phase < length ? phase : period - phase;
}

/// The constant in an element of the output's type.
Tensor padding_value(const OperatorCall& call) {
  if (call.node.opset < 11) {
    const float value = call.node.number("value", 0.0f);
    return Tensor::scalar(value).cast(call.outputs[0].type());
  }
  if (!call.has(2)) return {};
  if (call.inputs[2].count() != 1) throw input_error("the constant must be one number");
  return call.inputs[2];
}

void compute_pad(const OperatorCall& call) {
  const Tensor fill = padding_value(call);
  if (call.outputs[0].count() == 0) return;
  const auto paddings = *paddings_of(call.node, infos_of(call));
  const std::string mode = call.node.text("mode", "constant");
  const Tensor& in = call.inputs[0];
  const Dims strides = strides_of(in.dims());
  Offsets offsets;
  for (std::size_t i = 0; i < in.rank(); ++i) {
    std::vector<std::int64_t> axis(static_cast<std::size_t>(call.outputs[0].dims()[i]));
    std::int64_t at = -paddings[i].before;
    for (std::int64_t& offset : axis) {
      const std::int64_t index = padded_index(at++, in.dims()[i], mode);
      offset = index < 0 ? kFill : index * strides[i];
    }
    offsets.push_back(std::move(axis));
  }
  take_elements(in, offsets, call.outputs[0], fill);
}

// --- Expand, Tile

std::vector<ValueInfo> infer_expand(const OperatorNode& /*node*/, Infos inputs) {
  const ValueInfo& data = argument(inputs, 0);
  const auto shape = known_integers(inputs, 1);
  if (!shape || !data.dims) return one_output(data.type, std::nullopt);
  element_count(*shape);  // throws where one is negative
  return one_output(data.type, broadcast_dims(*data.dims, *shape));
}

void compute_expand(const OperatorCall& call) { stretch_elements(call.inputs[0], call.outputs[0]); }

/// How often each axis is repeated; nothing where it is not known yet.
std::optional<std::vector<std::int64_t>> repeats_of(const OperatorNode& node, Infos inputs) {
  const ValueInfo& data = argument(inputs, 0);
  const auto numbers = known_integers(inputs, 1);
  const auto axis = node.opset < 6 ? known_integers(inputs, 2) : std::vector<std::int64_t>{0};
  if (!numbers || !axis || !data.dims) return std::nullopt;
  std::vector<std::int64_t> repeats = *numbers;
  if (node.opset < 6) {  // one axis
    if (numbers->size() != 1 || axis->size() != 1)
      throw input_error("tiles and axis must be one number each");
    repeats.assign(data.dims->size(), 1);
    repeats[axis_of(axis->front(), repeats.size())] = numbers->front();
  }
  if (repeats.size() != data.dims->size())
    throw input_error(fmt::format("{} repeats are given for {} axes", repeats.size(), data.dims->size()));
  return repeats;
}

std::vector<ValueInfo> infer_tile(const OperatorNode& node, Infos inputs) {
  const auto repeats = repeats_of(node, inputs);
  if (!repeats) return one_output(inputs[0].type, std::nullopt);
  Dims dims = *inputs[0].dims;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if ((*repeats)[i] < 0) throw input_error(fmt::format("{} repeats are none", (*repeats)[i]));
    dims[i] = checked_product(dims[i], (*repeats)[i]);
  }
  return one_output(inputs[0].type, dims);
}

void compute_tile(const OperatorCall& call) {
  if (call.outputs[0].count() == 0) return;
  const Tensor& in = call.inputs[0];
  const Dims strides = strides_of(in.dims());
  Offsets offsets;
  for (std::size_t i = 0; i < in.rank(); ++i) {
    std::vector<std::int64_t> axis(static_cast<std::size_t>(call.outputs[0].dims()[i]));
    for (std::size_t j = 0; j < axis.size(); ++j)
      axis[j] = static_cast<std::int64_t>(j) % in.dims()[i] * strides[i];
    offsets.push_back(std::move(axis));
  }
  take_elements(in, offsets, call.outputs[0]);
}

// --- Trilu

std::vector<ValueInfo> infer_trilu(const OperatorNode& /*node*/, Infos inputs) {
  const ValueInfo& data = argument(inputs, 0);
  if (given(inputs, 1)) known_integers(inputs, 1);
  if (data.dims && data.dims->size() < 2) throw input_error("a triangle is one of matrices");
  return one_output(data.type, data.dims);
}

void compute_trilu(const OperatorCall& call) {
  Tensor& out = call.outputs[0];
  if (out.count() == 0) return;
  std::int64_t diagonal = 0;
  if (call.has(1)) {
    if (call.inputs[1].count() != 1) throw input_error("k must be one number");
    diagonal = std::clamp(call.inputs[1].integers()[0], -kLargestTensor, kLargestTensor);
  }
  const bool upper = call.node.integer("upper", 1) != 0;
  const std::int64_t rows = out.dims()[out.rank() - 2], columns = out.dims()[out.rank() - 1];
  const std::size_t matrices = out.count() / static_cast<std::size_t>(rows * columns);
  visit_storage(out.type(), [&]<class T>(TypeTag<T>) {
    const T* from = storage<T>(call.inputs[0]);
    T* to = storage<T>(out);
    for (std::size_t m = 0; m < matrices; ++m)
      for (std::int64_t row = 0; row < rows; ++row, from += columns, to += columns) {
        // Column row + diagonal is the first of the upper triangle and the last of the lower.
        const std::int64_t cut = std::clamp<std::int64_t>(row + diagonal + (upper ? 0 : 1), 0, columns);
        if (upper)
          std::copy(from + cut, from + columns, to + cut);
        else
          std::copy(from, from + cut, to);
      }
  });
}

constexpr Operator kOperators[] = {
    {"Expand", 8, infer_expand, compute_expand}, {"Pad", 1, infer_pad, compute_pad},
    {"Slice", 1, infer_slice, compute_slice},    {"Tile", 1, infer_tile, compute_tile},
    {"Trilu", 14, infer_trilu, compute_trilu},
};

}  // namespace

std::span<const Operator> slicing_operators() { return kOperators; }

}  // namespace halfwave
