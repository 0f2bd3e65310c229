#include <algorithm>

#include "recognise/fields.h"
#include "recognise/layer_builder.h"
#include "recognise/spread.h"

namespace halfwave {
namespace {

/// (x - mean) / sqrt(variance + epsilon) · scale + bias, by the first axis behind the batch.
void batch_normalization(LayerBuilder& b) {
  const OperatorNode& node = b.node();
  if (node.integer("training_mode", 0) != 0) b.fail("it takes the batch's own statistics");
  if (node.opset < 9 && node.integer("spatial", 1) == 0) b.fail("it has statistics for every position");
  if (b.data(0).axes.empty()) b.fail("its input has no channels");
  const View x = b.with_channels(b.data(0), 0);
  std::vector<StepTensor> tensors;
  for (std::size_t i = 1; i <= 4; ++i) tensors.push_back(b.tensor(i, b.weights_at(i).dims()));
  const double momentum = 1.0 - as_written(node.number("momentum", 0.9f));
  Fields fields("batch_norm");
  fields.set("momentum", as_written(static_cast<float>(momentum)));
  fields.set("epsilon", as_written(node.number("epsilon", 1e-5f)));
  b.set_output(b.add_step("batch_norm", fields, {x.step}, std::move(tensors)), x.axes);
}

void layer_normalization(LayerBuilder& b) {
  const OperatorNode& node = b.node();
  View x = b.data(0);
  const std::size_t axis = b.view_axis(node.integer("axis", -1), x.axes.size() + 1);
  const Tensor& scale = b.weights_at(1);
  const Dims dims = x.dims();
  // Over all axes from this one on: the channels of each position, or the whole example.
  const bool whole = axis == 0;
  if (!whole && axis + 1 != dims.size()) b.fail("it works on several axes");
  x = whole && dims.size() > 1 ? b.as_row(x) : b.with_channels(x, axis);
  const Dims of(dims.begin() + static_cast<std::ptrdiff_t>(axis), dims.end());
  if (!spreads_to(scale.dims(), of)) b.fail("its scale does not fit its input");
  std::vector<StepTensor> tensors{b.tensor(1, of)};
  if (b.constant_at(2)) {
    tensors.push_back(b.tensor(2, of));
  } else {  // trained, it becomes an input of the node
    tensors.push_back(tensors[0]);
    tensors[1].input = 2;
    tensors[1].constant = Tensor(ElementType::float32, of);
  }
  const Fields fields = Fields("layer_norm").set("epsilon", as_written(node.number("epsilon", 1e-5f)));
  const std::size_t step = b.add_step("layer_norm", fields, {x.step}, std::move(tensors));
  b.set_output(step, whole ? reshaped(x.axes, dims).value() : x.axes);
}

void softmax(LayerBuilder& b, std::string_view kind) {
  const OperatorNode& node = b.node();
  View x = b.data(0);
  const Dims dims = x.dims();
  std::size_t axis = b.view_axis(node.integer("axis", node.opset < 13 ? 1 : -1), dims.size() + 1);
  bool whole = false;
  if (node.opset < 13) {  // over all axes from this one on
    std::size_t sizes = 0, last = axis;
    for (std::size_t i = axis; i < dims.size(); ++i)
      if (dims[i] > 1) {
        ++sizes;
        last = i;
      }
    whole = sizes > 1;
    if (whole && axis > 0) b.fail("it works on several axes");
    if (!whole) axis = last;
  }
  x = whole ? b.as_row(x) : b.with_channels(x, axis);
  const std::size_t step = b.add_step(kind, {}, {x.step});
  b.set_output(step, whole ? reshaped(x.axes, dims).value() : x.axes);
}
void softmax(LayerBuilder& b) { softmax(b, "softmax"); }
void log_softmax(LayerBuilder& b) { softmax(b, "log_softmax"); }

/// One slope for all, or one a channel.
void prelu(LayerBuilder& b) {
  const Tensor& slope = b.weights_at(1);
  View x = b.data(0);
  const Dims dims = x.dims();
  // The slope is spread to its input, the last axes of both in line; in old files one of a single axis is by
  // channel.
  Dims of = slope.dims();
  if (b.node().opset < 7 && of.size() == 1 && dims.size() > 1) of.resize(dims.size(), 1);
  while (of.size() > dims.size() && of[0] == 1) of.erase(of.begin());
  if (!spreads_to(of, dims)) b.fail("its slope differs between examples");
  std::size_t axis = 0, changing = 0;
  for (std::size_t i = 0; i < of.size(); ++i)
    if (of[i] != 1) {
      ++changing;
      axis = dims.size() - of.size() + i;
    }
  if (changing > 1) b.fail("its slope differs along several axes");
  x = b.with_channels(x, axis);
  Dims spread_dims(dims.size() - axis, 1);
  spread_dims[0] = dims[axis];
  if (static_cast<std::int64_t>(slope.count()) == dims[axis]) spread_dims = slope.dims();
  StepTensor tensor = b.tensor(1, std::move(spread_dims));
  b.set_output(b.add_step("prelu", Fields("prelu"), {x.step}, {std::move(tensor)}), x.axes);
}

}  // namespace

RuleList rules_of_channels() {
  return {{"BatchNormalization", batch_normalization},
          {"LayerNormalization", layer_normalization},
          {"LogSoftmax", log_softmax},
          {"PRelu", prelu},
          {"Softmax", softmax}};
}

}  // namespace halfwave
