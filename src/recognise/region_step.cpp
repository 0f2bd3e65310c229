#include <algorithm>

#include "recognise/layer_builder.h"

namespace halfwave {
namespace {

void declare(const BoundGraph& graph, const std::string& name, std::vector<GraphValue>& list) {
  GraphValue value;
  value.name = name;
  value.type = graph.info(name).type;
  value.has_dims = false;
  list.push_back(std::move(value));
}

/// The nodes, and what they take of the graph but for `from`; whether some of it depends on the batch's size
/// and is as for one example.
bool take_nodes(const BoundGraph& graph, const std::vector<std::size_t>& nodes, const std::string& from,
                OperatorGraph& part) {
  std::set<std::string_view> made{from};
  for (const std::size_t i : nodes) {
    part.nodes.push_back(graph.node(i));
    made.insert(graph.node(i).outputs.begin(), graph.node(i).outputs.end());
  }
  bool for_one = false;
  for (const OperatorNode& node : part.nodes)
    for (const std::string& input : node.inputs) {
      if (input.empty() || made.contains(input) || part.constant(input)) continue;
      const Tensor* constant = graph.constant(input);
      for_one = for_one || !constant;
      part.constants[input] = constant ? *constant : graph.folded_for_one(input);
    }
  return for_one;
}

OperatorRegion::Value output_value(const BoundGraph& graph, const std::string& name, std::size_t first) {
  OperatorRegion::Value value{.type = graph.info(name).type, .numbers = 1, .first = first};
  for (const std::int64_t dim : graph.example_dims(name)) value.numbers *= static_cast<std::size_t>(dim);
  return value;
}

/// What a value of these dimensions is between layers: an image, a signal or a row.
Shape shape_of_dims(const Dims& dims, std::size_t numbers) {
  const auto size = [&](std::size_t i) { return static_cast<std::size_t>(dims[i]); };
  if (dims.size() == 3) return {2, size(1), size(2), size(0)};
  if (dims.size() == 2) return {1, 1, size(1), size(0)};
  return Shape::row(numbers);
}

}  // namespace

void LayerBuilder::add_region(const std::vector<std::size_t>& nodes, const std::string& from,
                              const std::string& to, const std::string& reason) {
  node_ = nullptr;
  const View view = settled(view_of(from));
  auto region = std::make_shared<OperatorRegion>();
  region->reason = reason;
  const bool for_one = take_nodes(graph_, nodes, from, region->graph);
  region->together = for_one ? 1 : graph_.any_batch() ? 0 : static_cast<std::size_t>(graph_.batch());

  declare(graph_, from, region->graph.inputs);
  OperatorRegion::Value in{.type = graph_.info(from).type, .dims = *graph_.info(from).dims};
  if (region->together > 0) in.dims[0] = static_cast<std::int64_t>(region->together);
  in.order = numbers_of(view.axes);
  in.numbers = in.order.size();
  region->inputs.push_back(std::move(in));

  View result;
  if (!to.empty()) {
    declare(graph_, to, region->graph.outputs);
    OperatorRegion::Value out = output_value(graph_, to, 0);
    const Dims dims = graph_.example_dims(to);
    region->output = has_grids_ ? shape_of_dims(dims, out.numbers) : Shape::row(out.numbers);
    result.axes = region->output.rank > 0 ? channels_first(region->output) : row_major(dims);
    if (region->output.rank > 0) out.order = numbers_of(result.axes);
    region->outputs.push_back(std::move(out));
  } else {
    std::size_t first = 0;
    for (const GraphValue& output : graph_.graph().outputs) {
      declare(graph_, output.name, region->graph.outputs);
      region->outputs.push_back(output_value(graph_, output.name, first));
      first += region->outputs.back().numbers;
    }
    region->output = Shape::row(first);
    result.axes = {in_order(first)};
  }

  Step step;
  step.inputs = {view.step};
  step.output = region->output;
  step.name = graph_.node(nodes.back()).name;
  step.region = std::move(region);
  state.steps.push_back(std::move(step));
  result.step = state.steps.size() - 1;
  result.sole = true;
  state.views[to] = std::move(result);
}

}  // namespace halfwave
