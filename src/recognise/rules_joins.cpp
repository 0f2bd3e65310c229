#include <algorithm>
#include <cmath>
#include <optional>

#include "recognise/fields.h"
#include "recognise/layer_builder.h"
#include "recognise/spread.h"

namespace halfwave {
namespace {

/// x · factor + shift with one of the two a constant of the graph, number i of it factor · c, or factor / c.
struct Constant {
  std::size_t input;
  bool is_shift;
  float factor = 1.0f;
  bool reciprocal = false;
  bool negates = false;  ///< and x is to be taken times -1 before
};

/// The constant of Add, Sub, Mul or Div, of which one input is a value.
Constant constant_of(LayerBuilder& b) {
  const std::string& op = b.node().op;
  Constant c{.input = b.is_data(0) ? std::size_t{1} : std::size_t{0}, .is_shift = op != "Mul" && op != "Div"};
  if (op == "Sub" && c.input == 1) c.factor = -1.0f;
  if (op == "Sub" && c.input == 0) c.negates = true;
  if (op == "Div" && c.input == 0) b.fail("it divides by its input");
  c.reciprocal = op == "Div";
  return c;
}

/// Of a scale layer: its tensors are part of what the graph computes, and not learned.
constexpr std::size_t kFixed = 2;

/// Part of what is done to the raw input before the network: x = (raw - mean) · scale.
bool join_preprocessing(LayerBuilder& b, const View& view, const Constant& c,
                        const std::vector<float>& numbers) {
  InputStep& input = b.state.input;
  if (!view.raw || input.fixed || !view.sole) return false;
  std::vector<float> mean = input.mean, scale = input.scale;
  if (mean.empty()) {
    mean.assign(input.numbers(), 0.0f);
    scale.assign(input.numbers(), 1.0f);
  }
  const std::vector<std::uint32_t> places = numbers_of(view.axes);
  for (std::size_t i = 0; i < places.size(); ++i) {
    float &m = mean[places[i]], &s = scale[places[i]];
    if (c.negates) s = -s;
    if (c.is_shift)
      m -= numbers[i] / s;
    else
      s *= numbers[i];
    if (s == 0.0f || !std::isfinite(s) || !std::isfinite(m)) return false;
  }
  input.mean = std::move(mean);
  input.scale = std::move(scale);
  b.set_moved(view.axes);
  return true;
}

/// The constant in its own form, where it has as many numbers as are needed, or spread to dimensions `of`.
StepTensor tensor_of(LayerBuilder& b, const Constant& c, Dims of) {
  const Dims& own = b.weights_at(c.input).dims();
  while (of.size() < own.size()) of.insert(of.begin(), 1);
  StepTensor tensor = b.tensor(c.input, element_count(own) == element_count(of) ? own : of);
  tensor.factor = c.factor;
  tensor.reciprocal = c.reciprocal;
  return tensor;
}

/// Which tensor of a step, behind which only this node's constant comes, that constant is: a bias or shift
/// that it does not have yet, the scale or bias of a layer norm; else no number.
std::optional<std::size_t> open_tensor(const Step& step, const Constant& c, bool fixed) {
  if (!step.kind || c.negates || c.reciprocal) return std::nullopt;
  if (step.kind->name == "scale" && (step.fields[kFixed] != 0.0) != fixed) return std::nullopt;
  if (step.kind->name == "layer_norm") {
    const bool is_open = step.tensors[c.is_shift ? 1 : 0].node == StepTensor::kNoNode &&
                         (c.is_shift || step.tensors[1].node == StepTensor::kNoNode);
    return is_open ? std::optional(std::size_t{c.is_shift}) : std::nullopt;
  }
  for (std::size_t i = 0; i < step.fields.size() && c.is_shift; ++i) {
    const LayerField& field = step.kind->fields[i];
    const bool is_bias =
        (field.name == "bias" && field.whole) || (field.name == "shift" && step.kind->name == "scale");
    if (is_bias && step.fields[i] == 0.0) return step.tensors.size();
  }
  return std::nullopt;
}

/// A constant as a tensor of the step before.
void give_tensor(LayerBuilder& b, Step& step, std::size_t index, StepTensor tensor) {
  if (index < step.tensors.size()) {
    step.tensors[index] = std::move(tensor);
  } else {
    for (std::size_t i = 0; i < step.fields.size(); ++i)
      if (const std::string_view name = step.kind->fields[i].name; name == "bias" || name == "shift")
        step.fields[i] = 1.0;
    step.tensors.push_back(std::move(tensor));
  }
  step.name = b.node().name;
  b.remake(step);
}

/// The axis along which a constant of these dimensions changes; dims.size() where it does along several.
std::size_t changing_axis(const Dims& own, const Dims& dims) {
  std::size_t axis = dims.size(), changing = 0;
  for (std::size_t i = 0; i < own.size(); ++i)
    if (own[i] != 1) {
      ++changing;
      axis = dims.size() - (own.size() - i);
    }
  return changing == 1 ? axis : dims.size();
}

void with_constant(LayerBuilder& b) {
  const Constant c = constant_of(b);
  const View& view = b.data(1 - c.input);
  const Tensor& constant = b.weights_at(c.input);
  const Dims dims = view.dims();
  if (dims != b.output_dims() || !is_floating(constant.type()))
    b.fail("its constant is larger than its input");
  Dims own = constant.dims();
  while (own.size() > dims.size() && own[0] == 1) own.erase(own.begin());
  if (!spreads_to(own, dims)) b.fail("its constant differs between examples");
  if (view.raw) {
    std::vector<float> numbers = spread(constant.reshaped(own), dims);
    for (float& n : numbers) n = c.reciprocal ? c.factor / n : c.factor * n;
    if (join_preprocessing(b, view, c, numbers)) return;
  }
  View x = b.settled(view);
  std::size_t axis = changing_axis(own, dims);
  if (constant.count() == 1) {  // the same for all: the channels, wherever they are
    const Axis channels = channels_first(b.shape_of(x))[0];
    axis = static_cast<std::size_t>(std::ranges::find(x.axes, channels) - x.axes.begin());
  }
  if (axis < dims.size()) {
    x = b.with_channels(x, axis);
  } else {  // a number for each of several axes: all of them in one row
    if (dims.empty()) b.fail("its input has no axes");
    x = b.as_row(x);
  }
  Dims of = dims;
  if (axis < dims.size()) {
    of.assign(dims.size() - axis, 1);
    of[0] = dims[axis];
  }
  // 1 - x, x / 2: one number for all of several channels is how the graph computes, and no weight.
  const bool fixed = c.negates || (constant.count() == 1 && (own.empty() || b.shape_of(x).channels > 1));
  StepTensor tensor = tensor_of(b, c, std::move(of));
  const std::vector<Axis> axes = axis < dims.size() ? x.axes : reshaped(x.axes, dims).value();
  if (x.sole && x.step != kInputStep)
    if (const auto open = open_tensor(b.step(x.step), c, fixed)) {
      give_tensor(b, b.step(x.step), *open, std::move(tensor));
      return b.set_output(x.step, axes);
    }
  std::vector<StepTensor> tensors;
  if (c.negates) {
    tensors.push_back(tensor);
    tensors[0].node = StepTensor::kNoNode;
    tensors[0].constant = Tensor::scalar(-1.0f);
    tensors[0].factor = 1.0f;
  }
  tensors.push_back(std::move(tensor));
  Fields fields("scale");
  fields.set("factor", c.negates || !c.is_shift ? 1 : 0).set("shift", c.is_shift ? 1 : 0);
  fields.set("fixed", fixed ? 1 : 0);
  b.set_output(b.add_step("scale", fields, {x.step}, std::move(tensors)), axes);
}

void negative(LayerBuilder& b) {
  const View x = b.settled(b.data(0));
  StepTensor minus;
  minus.constant = Tensor::scalar(-1.0f);
  minus.dims = {static_cast<std::int64_t>(b.shape_of(x).channels)};
  const Fields fields = Fields("scale").set("shift", 0).set("fixed", 1);
  b.set_output(b.add_step("scale", fields, {x.step}, {std::move(minus)}), x.axes);
}

/// Values of one shape in one form.
std::vector<View> alike(LayerBuilder& b) {
  std::vector<View> views;
  for (std::size_t i = 0; i < b.node().inputs.size(); ++i) {
    if (b.data(i).dims() != b.output_dims()) b.fail("its inputs have several shapes");
    views.push_back(b.settled(b.data(i)));
  }
  const View first = views[0];
  const bool same = std::ranges::all_of(
      views, [&](const View& v) { return v.axes == first.axes && b.shape_of(v) == b.shape_of(first); });
  if (same) return views;
  const bool grid = first.axes.size() == 2 || first.axes.size() == 3;
  for (View& v : views) v = grid ? b.as_grid(v) : b.as_row(v);
  return views;
}

/// All inputs are values.
void join(LayerBuilder& b, std::string_view kind) {
  const std::vector<View> views = alike(b);
  std::vector<std::size_t> inputs;
  for (const View& v : views) inputs.push_back(v.step);
  const std::size_t step = b.add_step(kind, Fields(kind), inputs);
  b.set_output(step, reshaped(views[0].axes, b.output_dims()).value_or(views[0].axes));
}

bool all_data(LayerBuilder& b) {
  for (std::size_t i = 0; i < b.node().inputs.size(); ++i)
    if (!b.is_data(i)) return false;
  return true;
}

void add(LayerBuilder& b) {
  if (all_data(b) && b.node().inputs.size() > 1) return join(b, "residual");
  if (b.node().inputs.size() != 2) b.fail("it adds constants to several values");
  with_constant(b);
}
void subtract(LayerBuilder& b) {
  if (all_data(b)) b.fail("it takes the difference of two values");
  with_constant(b);
}
void divide(LayerBuilder& b) {
  if (all_data(b)) b.fail("it divides one value by another");
  with_constant(b);
}

/// A whole grid times one number a channel, as squeeze and excitation do.
void spread_product(LayerBuilder& b, std::size_t whole) {
  const View small = b.data(1 - whole);
  std::size_t channels = small.axes.size();
  for (std::size_t i = 0; i < small.axes.size(); ++i)
    if (!small.axes[i].empty()) channels = channels == small.axes.size() ? i : small.axes.size() + 1;
  if (channels >= small.axes.size() || small.axes.size() != b.data(whole).axes.size())
    b.fail("it multiplies values of several shapes");
  const View grid = b.with_channels(b.data(whole), channels), row = b.as_row(small);
  std::vector<std::size_t> inputs{grid.step, row.step};
  if (whole == 1) std::swap(inputs[0], inputs[1]);
  b.set_output(b.add_step("multiply", Fields("multiply"), inputs), grid.axes);
}

void multiply(LayerBuilder& b) {
  if (!all_data(b)) return with_constant(b);
  const Dims out = b.output_dims();
  if (b.data(0).dims() == b.data(1).dims()) return join(b, "multiply");
  for (const std::size_t whole : {std::size_t{0}, std::size_t{1}})
    if (b.data(whole).dims() == out) return spread_product(b, whole);
  b.fail("it multiplies values of several shapes");
}

void concat(LayerBuilder& b) {
  const std::size_t count = b.node().inputs.size(), rank = b.data(0).axes.size();
  const std::size_t axis = b.view_axis(b.node().integer("axis", 1), rank + 1);
  if (count == 1) return b.set_moved(b.data(0).axes);
  const Dims dims = b.output_dims();
  // Along the channels of a grid; or along the outermost axis of rows.
  bool outermost = true;
  for (std::size_t i = 0; i < axis; ++i) outermost = outermost && dims[i] == 1;
  std::vector<View> views;
  bool rows = true;
  const auto prepare = [&](auto&& prepared) {
    views.clear();
    for (std::size_t i = 0; i < count; ++i) views.push_back(prepared(b.data(i)));
  };
  const std::size_t steps = b.state.steps.size();
  const InputStep input = b.state.input;
  try {
    prepare([&](const View& v) { return b.with_channels(v, axis); });
    rows = std::ranges::all_of(views, [&](const View& v) { return b.shape_of(v).rank == 0; });
    for (const View& v : views)
      if (b.shape_of(v).rank != b.shape_of(views[0]).rank) b.fail("it joins rows and grids");
  } catch (const NoLayer&) {
    if (!outermost) throw;
    b.state.steps.resize(steps);
    b.state.input = input;
    rows = true;
    prepare([&](const View& v) { return b.as_row(v); });
  }
  std::vector<std::size_t> inputs;
  for (const View& v : views) inputs.push_back(v.step);
  const std::size_t step = b.add_step("concat", Fields("concat"), inputs);
  const Shape& shape = b.step(step).output;
  b.set_output(step,
               rows ? reshaped(channels_first(shape), dims).value() : b.seen_from(views[0], axis, shape));
}

}  // namespace

RuleList rules_of_joins() {
  return {{"Add", add},      {"Concat", concat}, {"Div", divide}, {"Mul", multiply},
          {"Neg", negative}, {"Sub", subtract},  {"Sum", add}};
}

}  // namespace halfwave
