#include "recognise/layer_builder.h"

#include <fmt/format.h>
#include <halfwave/error.h>

#include <algorithm>

#include "recognise/fields.h"
#include "recognise/spread.h"

namespace halfwave {
LayerBuilder::LayerBuilder(const BoundGraph& graph)
    : graph_(graph), has_grids_(std::ranges::any_of(graph.data_nodes(), [&](std::size_t node) {
        const std::string& op = graph.node(node).op;
        return op == "Conv" || op == "ConvTranspose" || op.ends_with("Pool");
      })) {
  const GraphValue& input = graph.graph().inputs[0];
  state.input.dims = graph.example_dims(input.name);
  View view;
  view.axes = row_major(state.input.dims);
  view.raw = true;
  view.sole = graph.users(input.name) == 1;
  state.views[input.name] = std::move(view);
}

LayerBuilder::Snapshot LayerBuilder::begin(const std::string& value) {
  const View view = view_of(value);
  state.views.clear();
  state.views[value] = view;
  return {state.steps.size(), view.step, view.step == kInputStep ? Step() : step(view.step), state.input,
          state.views};
}

void LayerBuilder::go_back(const Snapshot& snapshot) {
  state.steps.resize(snapshot.steps);
  if (snapshot.changed != kInputStep) step(snapshot.changed) = snapshot.step;
  state.input = snapshot.input;
  state.views = snapshot.views;
}

void LayerBuilder::fail(const std::string& why) const {
  throw NoLayer{node_ ? fmt::format("{}: {}", node_->place(), why) : why};
}

void LayerBuilder::add(std::size_t node) {
  index_ = node;
  node_ = &graph_.node(node);
  const Rule rule = node_->domain.empty() ? find_rule(node_->op) : nullptr;
  if (!rule) fail("no layer does this");
  rule(*this);
}

void LayerBuilder::add(const FoundLayer& layer, std::size_t last) {
  index_ = last;
  node_ = &graph_.node(last);
  const std::string_view kind = layer.kind->name;
  if (kind == "layer_norm") return add_norm(layer);
  View view = settled(view_of(layer.x));
  if (kind == "relu" && become_brelu(view)) return;
  if (kind == "crelu") {
    const std::size_t channels = view_axis(node_->integer("axis", 1), view.axes.size() + 1);
    view = with_channels(view, channels);
    const std::size_t made = add_step(kind, layer.fields, {view.step});
    return set_output(made, seen_from(view, channels, state.steps[made].output));
  }
  set_output(add_step(kind, layer.fields, {view.step}), view.axes);
}

/// Its scale and bias may follow.
void LayerBuilder::add_norm(const FoundLayer& layer) {
  const View view = with_channels(view_of(layer.x), layer.axis);
  std::vector<StepTensor> tensors(2);
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
    tensors[i].constant = Tensor::scalar(i == 0 ? 1.0f : 0.0f);
    tensors[i].dims = {static_cast<std::int64_t>(shape_of(view).channels)};
  }
  set_output(add_step("layer_norm", layer.fields, {view.step}, std::move(tensors)), view.axes);
}

/// Less a number for each unit, then relu.
bool LayerBuilder::become_brelu(const View& view) {
  if (!view.sole || view.step == kInputStep) return false;
  Step& before = step(view.step);
  if (!before.kind || before.kind->name != "scale" || before.fields[0] != 0.0 ||
      before.fields[2] != 0.0 ||  // fixed: its shift is no weight
      before.tensors[0].factor > 0.0f)
    return false;
  before.kind = find_layer_kind("brelu");
  before.fields = Fields("brelu");
  before.tensors[0].factor = 1.0f;
  before.name = node_->name;
  set_output(view.step, view.axes);
  return true;
}

const View& LayerBuilder::view_of(std::string_view value) const {
  const auto found = state.views.find(value);
  if (found == state.views.end()) fail(fmt::format("value '{}' is not known here", value));
  return found->second;
}

bool LayerBuilder::is_data(std::size_t i) const {
  return i < node().inputs.size() && graph_.is_data(node().inputs[i]);
}
const View& LayerBuilder::data(std::size_t i) const {
  if (!is_data(i)) fail(fmt::format("its input {} is constant", i));
  return view_of(node().inputs[i]);
}
const Tensor* LayerBuilder::constant_at(std::size_t i) const {
  if (i >= node().inputs.size() || node().inputs[i].empty()) return nullptr;
  const Tensor* constant = graph_.constant(node().inputs[i]);
  if (!constant) fail(fmt::format("its input {} is not constant", i));
  return constant;
}
const Tensor& LayerBuilder::weights_at(std::size_t i) const {
  const Tensor* constant = constant_at(i);
  if (!constant) fail(fmt::format("its input {} is left out", i));
  return *constant;
}

Dims LayerBuilder::input_dims() const { return view_of(node().inputs[0]).dims(); }
Dims LayerBuilder::output_dims() const {
  if (!graph_.is_batched(node().outputs[0])) fail("its output has no batch as its first axis");
  return graph_.example_dims(node().outputs[0]);
}

std::size_t LayerBuilder::view_axis(std::int64_t axis, std::size_t rank) const {
  if (axis < 0) axis += static_cast<std::int64_t>(rank);
  if (axis < 1 || axis >= static_cast<std::int64_t>(rank)) fail("it works along the batch");
  return static_cast<std::size_t>(axis - 1);
}

const Shape& LayerBuilder::shape_of(const View& view) const {
  return view.step == kInputStep ? state.input.shape : state.steps[view.step].output;
}

std::size_t LayerBuilder::add_step(std::string_view kind, std::vector<double> fields,
                                   std::vector<std::size_t> inputs, std::vector<StepTensor> tensors,
                                   const std::string& name) {
  Step step;
  step.kind = find_layer_kind(kind);
  if (!step.kind) fail(fmt::format("there is no layer '{}'", kind));
  step.fields = std::move(fields);
  step.inputs = std::move(inputs);
  step.tensors = std::move(tensors);
  step.name = name;
  remake(step);
  state.steps.push_back(std::move(step));
  return state.steps.size() - 1;
}

void LayerBuilder::remake(Step& step) const {
  for (std::size_t i = 0; i < step.fields.size(); ++i) {
    const LayerField& field = step.kind->fields[i];
    if (!(step.fields[i] >= field.low && step.fields[i] <= field.high))
      fail(fmt::format("{} takes a {} from {} to {}, not {}", step.kind->name, field.name, field.low,
                       field.high, step.fields[i]));
  }
  std::vector<Shape> shapes;
  for (const std::size_t input : step.inputs)
    shapes.push_back(input == kInputStep ? state.input.shape : state.steps[input].output);
  try {
    const std::unique_ptr<Layer> layer = step.make();
    layer->bind(shapes);
    step.output = layer->output();
    const std::vector<TensorSpec> tensors = layer->tensors();
    for (std::size_t i = 0; i < step.tensors.size(); ++i)
      if (tensors.size() != step.tensors.size() ||
          tensors[i].count() != static_cast<std::size_t>(element_count(step.tensors[i].dims)))
        fail("its constants do not fit");
  } catch (const Error& error) {
    fail(error.what());
  }
}

StepTensor LayerBuilder::tensor(std::size_t i, Dims dims) const {
  const Tensor& constant = weights_at(i);
  if (!is_floating(constant.type()) || !spreads_to(constant.dims(), dims))
    fail(fmt::format("its input {} has the shape {}", i, describe(constant.dims())));
  StepTensor made;
  made.node = index_;
  made.input = i;
  made.constant = constant;
  made.dims = std::move(dims);
  return made;
}

void LayerBuilder::set_output(View view) {
  if (view.dims() != output_dims())
    fail(fmt::format("its output would have the shape {}, not {}", describe(view.dims()),
                     describe(output_dims())));
  for (std::size_t i = 1; i < node().outputs.size(); ++i)
    if (!node().outputs[i].empty() && graph_.users(node().outputs[i]) > 0) fail("it has a second output");
  const std::string& name = node().outputs[0];
  view.sole = view.sole && graph_.users(name) == 1 && !graph_.is_result(name);
  state.views[name] = std::move(view);
}

void LayerBuilder::set_output(std::size_t step, std::vector<Axis> axes) {
  View view;
  view.step = step;
  view.axes = std::move(axes);
  view.sole = true;
  set_output(std::move(view));
}

void LayerBuilder::set_moved(std::vector<Axis> axes) {
  View view = data(0);
  view.axes = std::move(axes);
  view.node = node().name;
  set_output(std::move(view));
}

View LayerBuilder::as_result(std::string_view value) {
  node_ = nullptr;
  const View& view = view_of(value);
  return as_row(view);
}

}  // namespace halfwave
