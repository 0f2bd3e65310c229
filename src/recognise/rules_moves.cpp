#include <algorithm>
#include <numeric>

#include "recognise/fields.h"
#include "recognise/layer_builder.h"

namespace halfwave {
namespace {

void identity(LayerBuilder& b) { b.set_moved(b.data(0).axes); }

void cast(LayerBuilder& b) {
  if (!b.graph().keeps_numbers(b.node())) b.fail("it rounds, or gives no floating numbers");
  identity(b);
}

/// Reshape, Flatten, Squeeze, Unsqueeze: the same numbers along other axes.
void reshape(LayerBuilder& b) {
  if (auto axes = reshaped(b.data(0).axes, b.output_dims())) return b.set_moved(std::move(*axes));
  const View row = b.as_row(b.data(0));
  View view = row;
  view.axes = reshaped(row.axes, b.output_dims()).value();
  view.node = b.node().name;
  b.set_output(std::move(view));
}

void transpose(LayerBuilder& b) {
  const View& view = b.data(0);
  std::vector<std::int64_t> order(view.axes.size() + 1);
  std::iota(order.rbegin(), order.rend(), 0);
  order = b.node().integers("perm", order);
  std::vector<Axis> axes;
  if (order.at(0) != 0) b.fail("it moves the batch");
  for (std::size_t i = 1; i < order.size(); ++i)
    axes.push_back(view.axes.at(static_cast<std::size_t>(order[i]) - 1));
  b.set_moved(std::move(axes));
}

void dropout(LayerBuilder& b) {
  const OperatorNode& node = b.node();
  double rate = node.has("ratio") ? as_written(node.number("ratio", 0.5f)) : 0.5;
  if (node.opset >= 12) {
    if (const Tensor* ratio = b.constant_at(1))
      rate = as_written(ratio->cast(ElementType::float32).elements<float>()[0]);
    if (const Tensor* training = b.constant_at(2))
      if (training->cast(ElementType::int64).integers()[0] != 0) b.fail("it drops numbers when it runs");
  }
  if (rate == 0.0) return identity(b);
  const View view = b.settled(b.data(0));
  b.set_output(b.add_step("dropout", Fields("dropout").set("rate", rate), {view.step}), view.axes);
}

}  // namespace

RuleList rules_of_moves() {
  return {{"Cast", cast},       {"Dropout", dropout}, {"Flatten", reshape},     {"Identity", identity},
          {"Reshape", reshape}, {"Squeeze", reshape}, {"Transpose", transpose}, {"Unsqueeze", reshape}};
}

}  // namespace halfwave
