#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "recognise/fields.h"
#include "recognise/layer_builder.h"

namespace halfwave {
namespace {

using Integers = std::vector<std::int64_t>;

/// A window's numbers, one a direction: [height, width] or [length].
struct Window {
  Integers kernel, stride, dilation, before, after;

  bool symmetric() const { return before == after; }
  bool padded() const {
    return std::ranges::any_of(before, [](auto n) { return n > 0; }) ||
           std::ranges::any_of(after, [](auto n) { return n > 0; });
  }
};

/// As ONNX's attributes say it for a grid of this shape.
Window window_of(LayerBuilder& b, const Shape& grid, const Integers& kernel) {
  const OperatorNode& node = b.node();
  const auto rank = static_cast<std::size_t>(grid.rank);
  Window w;
  w.kernel = node.integers("kernel_shape", kernel);
  w.stride = node.integers("strides", Integers(rank, 1));
  w.dilation = node.integers("dilations", Integers(rank, 1));
  const Integers pads = node.integers("pads", Integers(2 * rank, 0));
  if (w.kernel.size() != rank || w.stride.size() != rank || w.dilation.size() != rank ||
      pads.size() != 2 * rank)
    b.fail("its window does not have the axes of its input");
  w.before.assign(pads.begin(), pads.begin() + grid.rank);
  w.after.assign(pads.begin() + grid.rank, pads.end());
  const std::string automatic = node.text("auto_pad", "NOTSET");
  if (automatic == "NOTSET") return w;
  for (std::size_t i = 0; i < rank; ++i) {
    w.before[i] = w.after[i] = 0;
    if (automatic == "VALID") continue;
    const auto in = static_cast<std::int64_t>(rank == 2 && i == 0 ? grid.height : grid.width);
    const std::int64_t out = (in + w.stride[i] - 1) / w.stride[i];
    const std::int64_t all =
        std::max<std::int64_t>(0, (out - 1) * w.stride[i] + (w.kernel[i] - 1) * w.dilation[i] + 1 - in);
    w.before[i] = automatic == "SAME_UPPER" ? all / 2 : all - all / 2;
    w.after[i] = all - w.before[i];
  }
  return w;
}

/// Rows and columns of `value` around a grid.
std::size_t add_pad(LayerBuilder& b, std::size_t from, const Integers& before, const Integers& after,
                    double value) {
  Fields fields("pad");
  fields.set("left", before.back()).set("right", after.back()).set("value", value);
  if (before.size() == 2) fields.set("top", before[0]).set("bottom", after[0]);
  return b.add_step("pad", fields, {from}, {}, b.node().name + "_pad");
}

void give_grid(LayerBuilder& b, std::size_t step) { b.set_output(step, channels_first(b.step(step).output)); }

std::vector<StepTensor> weight_and_bias(LayerBuilder& b, std::int64_t filters) {
  std::vector<StepTensor> tensors{b.tensor(1, b.weights_at(1).dims())};
  if (b.constant_at(2)) tensors.push_back(b.tensor(2, {filters}));
  return tensors;
}

void conv(LayerBuilder& b) {
  const View x = b.as_grid(b.data(0));
  const Shape grid = b.shape_of(x);
  const Dims& weights = b.weights_at(1).dims();
  if (weights.size() != static_cast<std::size_t>(grid.rank) + 2) b.fail("its weights do not fit its input");
  const Window w = window_of(b, grid, {weights.begin() + 2, weights.end()});
  std::vector<StepTensor> tensors = weight_and_bias(b, weights[0]);
  Fields fields("conv");
  fields.set("filters", weights[0]).set_pair("kernel", w.kernel).set_pair("stride", w.stride);
  fields.set_pair("dilation", w.dilation).set("groups", b.node().integer("group", 1));
  fields.set("bias", tensors.size() - 1);
  std::size_t from = x.step;
  if (w.symmetric()) {
    fields.set_pair("padding", w.before);
  } else if (b.node().text("auto_pad", "NOTSET") != "SAME_UPPER") {  // which is the field's default
    from = add_pad(b, from, w.before, w.after, 0.0);
    fields.set("padding", 0);
  }
  give_grid(b, b.add_step("conv", fields, {from}, std::move(tensors)));
}

void conv_transpose(LayerBuilder& b) {
  const View x = b.as_grid(b.data(0));
  const Shape grid = b.shape_of(x);
  const OperatorNode& node = b.node();
  const Dims& weights = b.weights_at(1).dims();
  if (weights.size() != static_cast<std::size_t>(grid.rank) + 2) b.fail("its weights do not fit its input");
  if (node.has("output_shape") || node.text("auto_pad", "NOTSET") != "NOTSET")
    b.fail("its padding follows from its output");
  const Window w = window_of(b, grid, {weights.begin() + 2, weights.end()});
  if (!w.symmetric()) b.fail("its padding differs between the sides");
  const std::int64_t groups = node.integer("group", 1), filters = weights[1] * groups;
  std::vector<StepTensor> tensors = weight_and_bias(b, filters);
  Fields fields("conv_transpose");
  fields.set("filters", filters).set_pair("kernel", w.kernel).set_pair("stride", w.stride);
  fields.set_pair("padding", w.before).set_pair("dilation", w.dilation).set("groups", groups);
  fields.set_pair("output_padding", node.integers("output_padding", Integers(w.kernel.size(), 0)));
  fields.set("bias", tensors.size() - 1);
  give_grid(b, b.add_step("conv_transpose", fields, {x.step}, std::move(tensors)));
}

/// No window's largest number is less.
constexpr double kLowest = std::numeric_limits<float>::lowest();

void pool(LayerBuilder& b, std::string_view kind) {
  const bool largest = kind == "pool";
  const View x = b.as_grid(b.data(0));
  const Shape grid = b.shape_of(x);
  Window w = window_of(b, grid, b.node().integers("kernel_shape"));
  if (std::ranges::any_of(w.dilation, [](auto d) { return d != 1; })) b.fail("its windows are dilated");
  std::size_t from = x.step;
  // ceil_mode: windows that reach over the end.
  const Dims out = b.output_dims();
  bool longer = false;
  for (std::size_t i = 0; i < w.kernel.size(); ++i) {
    const auto in = static_cast<std::int64_t>(grid.rank == 2 && i == 0 ? grid.height : grid.width);
    const std::int64_t reached = (out.at(i + 1) - 1) * w.stride[i] + w.kernel[i] - in - w.before[i];
    if (reached > w.after[i]) {
      w.after[i] = reached;
      longer = true;
    }
  }
  const bool counts_padding = !largest && b.node().integer("count_include_pad", 0) != 0 && w.padded();
  if (counts_padding && longer) b.fail("its last windows reach over the padding");
  if (counts_padding || (!w.symmetric() && largest)) {
    from = add_pad(b, from, w.before, w.after, largest ? kLowest : 0.0);
    w.before.assign(w.before.size(), 0);
  } else if (!w.symmetric()) {
    b.fail("its padding differs between the sides");
  }
  Fields fields{kind};
  fields.set_pair("kernel", w.kernel).set_pair("padding", w.before);
  if (w.stride != w.kernel) fields.set_pair("stride", w.stride);
  give_grid(b, b.add_step(kind, fields, {from}));
}
void max_pool(LayerBuilder& b) { pool(b, "pool"); }
void average_pool(LayerBuilder& b) { pool(b, "average_pool"); }

/// The whole grid to one position: `kept` tells which axes of the view stay, with size 1 if they were
/// reduced.
void reduce_grid(LayerBuilder& b, std::string_view kind, const View& view, const std::vector<bool>& reduced,
                 bool keep) {
  std::size_t channels = view.axes.size();
  for (std::size_t i = 0; i < reduced.size(); ++i)
    if (!reduced[i] && !view.axes[i].empty()) {
      if (channels < reduced.size()) b.fail("it leaves several axes");
      channels = i;
    }
  if (channels == view.axes.size())  // one channel, or one that is left out
    channels = static_cast<std::size_t>(std::ranges::find(reduced, false) - reduced.begin());
  if (channels == view.axes.size()) b.fail("it leaves no axis");
  const View grid = b.as_grid(LayerBuilder::channels_to_front(view, channels));
  const std::size_t step = b.add_step(kind, Fields(kind), {grid.step});
  std::vector<Axis> axes;
  for (std::size_t i = 0; i < reduced.size(); ++i)
    if (keep || !reduced[i]) axes.push_back(i == channels ? channels_first(b.step(step).output)[0] : Axis{});
  b.set_output(step, std::move(axes));
}

void global_pool(LayerBuilder& b, std::string_view kind) {
  std::vector<bool> reduced(b.data(0).axes.size(), true);
  if (reduced.empty()) b.fail("its input has no channels");
  reduced[0] = false;
  reduce_grid(b, kind, b.data(0), reduced, true);
}
void global_average_pool(LayerBuilder& b) { global_pool(b, "global_average_pool"); }
void global_max_pool(LayerBuilder& b) { global_pool(b, "global_max_pool"); }

void reduce(LayerBuilder& b, std::string_view kind) {
  const View& view = b.data(0);
  Integers axes = b.node().integers("axes");
  if (const Tensor* given = b.constant_at(1)) axes = given->integers();
  if (axes.empty()) b.fail("it works on all axes");
  std::vector<bool> reduced(view.axes.size(), false);
  for (const std::int64_t axis : axes) reduced[b.view_axis(axis, view.axes.size() + 1)] = true;
  reduce_grid(b, kind, view, reduced, b.node().integer("keepdims", 1) != 0);
}
void reduce_mean(LayerBuilder& b) { reduce(b, "global_average_pool"); }
void reduce_max(LayerBuilder& b) { reduce(b, "global_max_pool"); }

void pad(LayerBuilder& b) {
  const OperatorNode& node = b.node();
  if (node.text("mode", "constant") != "constant") b.fail("it pads with other numbers than a constant");
  const View& view = b.data(0);
  const std::size_t rank = view.axes.size() + 1;
  Integers given = node.opset < 11 ? node.integers("pads") : b.weights_at(1).integers();
  double value = node.number("value", 0.0f);
  if (node.opset >= 11)
    if (const Tensor* constant = b.constant_at(2))
      value = as_written(constant->cast(ElementType::float32).elements<float>()[0]);
  Integers pads(2 * rank, 0), axes(rank);
  for (std::size_t i = 0; i < rank; ++i) axes[i] = static_cast<std::int64_t>(i);
  if (const Tensor* some = b.constant_at(3)) axes = some->integers();
  if (given.size() != 2 * axes.size()) b.fail("its padding does not fit its axes");
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto axis =
        static_cast<std::size_t>(axes[i] < 0 ? axes[i] + static_cast<std::int64_t>(rank) : axes[i]);
    if (axis >= rank) b.fail("its axes are not those of its input");
    pads[axis] = given[i];
    pads[axis + rank] = given[i + axes.size()];
  }
  if (std::ranges::all_of(pads, [](auto n) { return n == 0; })) return b.set_moved(view.axes);
  if (pads[0] != 0 || pads[rank] != 0) b.fail("it pads the batch");
  // The channels are the axis that is not padded: the first one or the last.
  std::size_t channels = 1;
  if (pads[1] != 0 || pads[rank + 1] != 0) channels = rank - 1;
  if (pads[channels] != 0 || pads[rank + channels] != 0) b.fail("it pads the channels");
  const View grid = b.as_grid(LayerBuilder::channels_to_front(view, channels - 1));
  Integers before, after;
  for (std::size_t i = 1; i < rank; ++i) {
    if (i == channels) continue;
    before.push_back(pads[i]);
    after.push_back(pads[rank + i]);
  }
  const std::size_t step = add_pad(b, grid.step, before, after, value);
  b.step(step).name = node.name;
  View made;
  made.step = step;
  made.axes = channels_first(b.step(step).output);
  made.sole = true;
  b.set_output(LayerBuilder::channels_back(std::move(made), channels - 1));
}

/// The nearest input position of an output position, along an axis that grows `factor` times.
std::int64_t nearest(std::int64_t position, std::int64_t factor, const std::string& coordinates,
                     const std::string& rounding) {
  const auto scale = static_cast<double>(factor);
  double at = static_cast<double>(position);
  if (coordinates == "asymmetric")
    at /= scale;
  else
    at = (at + 0.5) / scale - 0.5;
  if (rounding == "floor") return static_cast<std::int64_t>(std::floor(at));
  if (rounding == "ceil") return static_cast<std::int64_t>(std::ceil(at));
  return static_cast<std::int64_t>(rounding == "round_prefer_ceil" ? std::floor(at + 0.5)
                                                                   : std::ceil(at - 0.5));
}

/// The scales that a node gives for the axes of its input, the batch in front; empty where it gives sizes.
std::vector<float> scales_of(LayerBuilder& b, std::size_t rank) {
  const OperatorNode& node = b.node();
  const bool early = node.op == "Upsample" || node.opset < 11;
  std::vector<float> given = node.numbers("scales");  // of Upsample before opset 9
  if (given.empty())
    if (const Tensor* scales = b.constant_at(early ? 1 : 2)) {
      const Tensor floats = scales->cast(ElementType::float32);
      given.assign(floats.elements<float>().begin(), floats.elements<float>().end());
    }
  if (given.empty() || !node.has("axes")) return given;
  const Integers axes = node.integers("axes");
  if (axes.size() != given.size()) b.fail("its scales do not fit its axes");
  std::vector<float> all(rank, 1.0f);
  for (std::size_t i = 0; i < axes.size(); ++i)
    all.at(static_cast<std::size_t>(axes[i] < 0 ? axes[i] + static_cast<std::int64_t>(rank) : axes[i])) =
        given[i];
  return all;
}

void resize(LayerBuilder& b) {
  const OperatorNode& node = b.node();
  if (node.text("mode", "nearest") != "nearest") b.fail("it interpolates");
  const bool old = node.op == "Upsample" || node.opset < 11;
  const std::string coordinates =
                        old ? "asymmetric" : node.text("coordinate_transformation_mode", "half_pixel"),
                    rounding = old ? "floor" : node.text("nearest_mode", "round_prefer_floor");
  if (coordinates != "asymmetric" && coordinates != "half_pixel" && coordinates != "pytorch_half_pixel")
    b.fail("it takes its positions from corner to corner");
  const View x = b.as_grid(b.data(0));
  const Dims in = x.dims(), out = b.output_dims();
  // The positions follow from the scales, also where those only come to the same sizes: 2.4 of two is four.
  const std::vector<float> scales = scales_of(b, in.size() + 1);
  if (!scales.empty() && (scales.size() != in.size() + 1 || scales[0] != 1.0f))
    b.fail("its scales do not fit its input");
  Integers factors;
  for (std::size_t i = 0; i < in.size(); ++i) {
    factors.push_back(out.at(i) / in[i]);
    if (out[i] % in[i] != 0 || (!scales.empty() && scales[i + 1] != static_cast<float>(factors[i])))
      b.fail("its size does not grow by a whole factor");
    for (std::int64_t k = 0; k < factors.back(); ++k)
      if (nearest(k, factors.back(), coordinates, rounding) != 0)
        b.fail("its positions are not those of an even repetition");
  }
  if (factors[0] != 1) b.fail("it grows the channels");
  factors.erase(factors.begin());
  give_grid(b, b.add_step("upsample", Fields("upsample").set_pair("factor", factors), {x.step}));
}

}  // namespace

RuleList rules_of_windows() {
  return {{"AveragePool", average_pool},
          {"Conv", conv},
          {"ConvTranspose", conv_transpose},
          {"GlobalAveragePool", global_average_pool},
          {"GlobalMaxPool", global_max_pool},
          {"MaxPool", max_pool},
          {"Pad", pad},
          {"ReduceMax", reduce_max},
          {"ReduceMean", reduce_mean},
          {"Resize", resize},
          {"Upsample", resize}};
}

}  // namespace halfwave
