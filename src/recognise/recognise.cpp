#include "recognise/recognise.h"

#include <fmt/format.h>
#include <halfwave/error.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <set>

#include "recognise/fields.h"
#include "recognise/layer_builder.h"
#include "recognise/norms.h"
#include "recognise/plain_graph.h"
#include "recognise/regions.h"

namespace halfwave {
namespace {

/// The graph region by region: where one cannot be said in layers, everything is as it was before it, and it
/// becomes one layer that runs its operators.
class Recogniser {
 public:
  explicit Recogniser(const BoundGraph& graph) : graph_(graph), layers_(find_norms(graph)), builder_(graph) {
    layers_.merge(find_activations(graph));
  }

  void run() {
    const std::vector<GraphRegion> regions = regions_of(graph_, layers_);
    for (std::size_t i = 0; i < regions.size(); ++i) {
      const GraphRegion& region = regions[i];
      Before before{builder_.begin(region.from), line_.items.size()};
      try {
        add(region);
      } catch (const NoLayer& no) {
        go_back(before);
        run_operators(regions, i, no.reason, std::move(before));
      }
    }
    if (regions.empty()) end({graph_.graph().outputs[0].name});  // the input is the result
    if (line_.items.empty()) {
      LayerBuilder::State& state = builder_.state;
      Step step;
      step.kind = find_layer_kind("identity");
      step.inputs = {kInputStep};
      step.output = state.input.shape;
      state.steps.push_back(std::move(step));
      line_.items.push_back({state.steps.size() - 1, {}});
    }
  }

  const LayerBuilder::State& state() const { return builder_.state; }
  const StepLine& line() const { return line_; }

 private:
  std::size_t last_step() const { return line_.items.empty() ? kInputStep : line_.items.back().step; }

  void add(const GraphRegion& region) {
    for (const Unit& unit : region.units) {
      if (unit.layer)
        builder_.add(*unit.layer, unit.last);
      else
        builder_.add(unit.last);
    }
    std::size_t to = 0;
    if (is_end(region)) {
      std::vector<std::string> results;
      for (const GraphValue& output : graph_.graph().outputs) results.push_back(output.name);
      to = end(results);
    } else {
      to = builder_.view_of(region.to).step;
    }
    append(to);
  }

  bool is_end(const GraphRegion& region) const {
    return region.to.empty() || (graph_.graph().outputs.size() == 1 && graph_.is_result(region.to) &&
                                 graph_.users(region.to) == 1);
  }

  /// The results as one row; the step that makes it.
  std::size_t end(const std::vector<std::string>& results) {
    std::vector<std::size_t> rows;
    for (const std::string& result : results) {
      if (!graph_.is_batched(result))
        throw NoLayer{fmt::format("result '{}' is no batch of numbers", result)};
      rows.push_back(builder_.as_result(result).step);
    }
    if (rows.size() == 1) return rows[0];
    return builder_.add_step("concat", Fields("concat"), rows, {}, "");
  }

  /// The steps up to `to` into the line.
  void append(std::size_t to) {
    const std::optional<StepLine> more = line_of(builder_.state.steps, last_step(), to);
    if (!more) throw NoLayer{"its branches are not those of a network line"};
    for (const StepLine::Item& item : more->items) line_.items.push_back(item);
  }

  /// As everything was before a region.
  struct Before {
    LayerBuilder::Snapshot builder;
    std::size_t items;  ///< of the line
  };
  void go_back(const Before& before) {
    builder_.go_back(before.builder);
    line_.items.erase(line_.items.begin() + static_cast<std::ptrdiff_t>(before.items), line_.items.end());
  }

  /// Region i as a layer of operators, together with the one before if that is one as well.
  void run_operators(const std::vector<GraphRegion>& regions, std::size_t i, const std::string& reason,
                     Before before) {
    Opaque opaque{i, 0, reason, std::move(before)};
    if (last_opaque_ && last_opaque_->steps_after == builder_.state.steps.size()) {
      opaque = std::move(*last_opaque_);
      go_back(opaque.before);
    }
    std::set<std::size_t> nodes;
    for (std::size_t k = opaque.first; k <= i; ++k)
      for (const std::size_t node : regions[k].nodes()) nodes.insert(node);
    builder_.add_region({nodes.begin(), nodes.end()}, regions[opaque.first].from,
                        is_end(regions[i]) ? "" : regions[i].to, opaque.reason);
    append(builder_.state.steps.size() - 1);
    opaque.steps_after = builder_.state.steps.size();
    last_opaque_ = std::move(opaque);
  }

  struct Opaque {
    std::size_t first;  ///< region
    std::size_t steps_after;
    std::string reason;
    Before before;
  };

  const BoundGraph& graph_;
  std::map<std::size_t, FoundLayer> layers_;  ///< by their last node
  LayerBuilder builder_;
  StepLine line_;
  std::optional<Opaque> last_opaque_;
};

/// The line of layers, and the steps in the order in which the network has them.
NetworkLine network_line(const std::vector<Step>& steps, const StepLine& line,
                         std::vector<std::size_t>& order) {
  NetworkLine made;
  for (const StepLine::Item& item : line.items) {
    NetworkLine::Item& to = made.items.emplace_back();
    for (const StepLine& branch : item.branches) to.branches.push_back(network_line(steps, branch, order));
    to.layer = steps[item.step].make();
    order.push_back(item.step);
  }
  return made;
}

/// Layers by their nodes' names; those without a node by their kind and number. No two are alike.
std::vector<std::string> names_of(const Network& network, const std::vector<Step>& steps,
                                  const std::vector<std::size_t>& order) {
  std::set<std::string> taken;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::string& wanted = steps[order[i]].name.empty() ? network.layer_name(i) : steps[order[i]].name;
    std::string name = wanted;
    for (int n = 2; !taken.insert(name).second; ++n) name = fmt::format("{}_{}", wanted, n);
    names.push_back(std::move(name));
  }
  return names;
}

void fill_tensors(Network& network, const std::vector<Step>& steps, const std::vector<std::size_t>& order,
                  std::vector<TensorLink>& links) {
  for (std::size_t t = 0; t < network.tensors().size(); ++t) {
    const NetworkTensor& tensor = network.tensors()[t];
    const StepTensor& from = steps[order[tensor.layer]].tensors.at(tensor.index);
    network.set(tensor, from.numbers());
    if (from.node == StepTensor::kNoNode) continue;
    links.push_back({t, from.node, from.input, from.dims, from.places, from.factor, from.reciprocal});
  }
}

Preprocessing preprocessing_of(const InputStep& input) {
  Preprocessing made;
  const std::size_t n = input.numbers();
  made.mean.assign(n, 0.0f);
  made.scale.assign(n, 1.0f);
  std::vector<std::uint32_t> same(n);
  std::iota(same.begin(), same.end(), 0u);
  if (!input.mean.empty())
    for (std::size_t j = 0; j < n; ++j) {
      made.mean[j] = input.mean[input.order[j]];
      made.scale[j] = input.scale[input.order[j]];
    }
  if (input.order != same) made.order = input.order;
  return made;
}

/// What the network is for, by how it ends.
void set_task(ModelParts& parts) {
  const Network& network = parts.network;
  const std::size_t outputs = network.outputs();
  const std::string_view end = network.layer(network.size() - 1).info().name;
  const bool two_classes = outputs == 1 && end == "sigmoid";
  constexpr std::size_t kMostClasses = std::size_t{1}
                                       << 16;  // more numbers are something else, e.g. an image
  Schema& schema = parts.schema;
  schema.outputs = outputs;
  schema.task = parts.results.size() == 1 && (outputs > 1 || two_classes) && outputs <= kMostClasses
                    ? Task::classification
                    : Task::regression;
  if (schema.task == Task::classification)
    for (std::size_t i = 0; i < (two_classes ? 2 : outputs); ++i) schema.classes.push_back(std::to_string(i));
}

std::vector<std::int64_t> dims_of(const BoundGraph& graph, const std::string& value, bool batched) {
  return batched ? graph.example_dims(value) : graph.info(value).dims.value_or(Dims{});
}

Recognised assemble(const BoundGraph& graph, const LayerBuilder::State& state, const StepLine& line,
                    bool batched) {
  std::vector<std::size_t> order;
  NetworkLine layers = network_line(state.steps, line, order);
  Recognised made{{Network(std::move(layers), state.input.shape), {}, {}, {}, {}, {}, nullptr}, {}};
  ModelParts& parts = made.parts;
  fill_tensors(parts.network, state.steps, order, made.links);
  parts.network.rename(names_of(parts.network, state.steps, order));
  parts.preprocessing = preprocessing_of(state.input);
  parts.schema.shape = state.input.dims;
  for (const GraphValue& output : graph.graph().outputs)
    parts.results.push_back({output.name, dims_of(graph, output.name, batched)});
  for (const std::size_t node : graph.unused_nodes()) parts.unused_nodes.push_back(graph.node(node).name);
  set_task(parts);
  return made;
}

// Numbers of one example; a small file can declare any sizes.
constexpr std::int64_t kMostInputs = std::int64_t{1} << 24, kMostResults = std::int64_t{1} << 26;

/// Throws where a value is not so many numbers for each example, or too many.
void check_end(const BoundGraph& graph, const std::string& value, std::int64_t most, bool batched) {
  const ValueInfo& info = graph.info(value);
  const auto wrong = [&](const char* why) { return input_error(fmt::format("'{}': {}", value, why)); };
  if (info.type == ElementType::text) throw wrong("texts are not supported as inputs or results");
  if (info.type == ElementType::sequence)
    throw wrong("it is a sequence of tensors; only tensors are supported as inputs or results");
  if (!info.dims) throw wrong("its shape depends on the numbers of the input");
  const std::int64_t count = element_count(*info.dims) / (batched ? graph.batch() : 1);
  if (count == 0) throw wrong("it is empty");
  if (count > most)
    throw input_error(
        fmt::format("'{}': {} numbers are more than the {} that an example may have", value, count, most));
}

/// The same for all that goes into and comes out of a graph.
void check_ends(const BoundGraph& graph, bool batched) {
  for (const GraphValue& input : graph.graph().inputs) check_end(graph, input.name, kMostInputs, batched);
  for (const GraphValue& output : graph.graph().outputs) check_end(graph, output.name, kMostResults, batched);
}

/// All of a graph whose values are no batches, or that has several inputs, as one layer: an example is one of
/// everything that it takes.
Recognised whole_graph(const BoundGraph& graph, bool batched) {
  check_ends(graph, batched);
  auto region = std::make_shared<OperatorRegion>();
  region->graph = graph.graph();
  region->together = batched && graph.any_batch() ? 0 : batched ? static_cast<std::size_t>(graph.batch()) : 1;
  region->reason = "the graph as a whole";
  const auto values = [&](std::vector<GraphValue>& list, std::vector<OperatorRegion::Value>& to) {
    std::size_t first = 0;
    for (GraphValue& value : list) {
      const ValueInfo& info = graph.info(value.name);
      OperatorRegion::Value part{.type = info.type, .dims = *info.dims, .first = first};
      part.numbers = static_cast<std::size_t>(element_count(part.dims));
      if (batched) part.numbers /= static_cast<std::size_t>(graph.batch());
      first += part.numbers;
      value.has_dims = false;
      to.push_back(std::move(part));
    }
    return first;
  };
  LayerBuilder::State state;
  const std::size_t numbers = values(region->graph.inputs, region->inputs);
  region->output = Shape::row(values(region->graph.outputs, region->outputs));
  state.input.fixed = true;
  state.input.shape = Shape::row(numbers);
  state.input.dims = graph.graph().inputs.size() > 1 ? Dims{static_cast<std::int64_t>(numbers)}
                                                     : dims_of(graph, graph.graph().inputs[0].name, batched);
  state.input.order.resize(numbers);
  std::iota(state.input.order.begin(), state.input.order.end(), 0u);
  Step step;
  step.inputs = {kInputStep};
  step.output = region->output;
  step.name = graph.graph().nodes.empty() ? "" : graph.graph().nodes.back().name;
  step.region = std::move(region);
  state.steps.push_back(std::move(step));
  return assemble(graph, state, {{{0, {}}}}, batched);
}

/// Whether a node takes sums or the largest over the batch, so that an example's result is one of those that
/// it happens to be computed with.
bool mixes_examples(const BoundGraph& graph, const OperatorNode& node) {
  const bool softmax = node.op == "Softmax" || node.op == "LogSoftmax" || node.op == "Hardmax";
  if ((!softmax && !node.op.starts_with("Reduce")) || !node.domain.empty() ||
      !graph.is_batched(node.inputs[0]))
    return false;
  const auto rank = static_cast<std::int64_t>(graph.example_dims(node.inputs[0]).size()) + 1;
  std::vector<std::int64_t> axes = node.integers("axes");
  if (softmax) {
    axes = {node.integer("axis", node.opset < 13 ? 1 : -1)};
  } else if (node.inputs.size() > 1 && !node.inputs[1].empty()) {
    const Tensor* given = graph.constant(node.inputs[1]);
    if (!given) return false;
    axes = given->integers();
  }
  if (axes.empty()) return node.integer("noop_with_empty_axes", 0) == 0;
  return std::ranges::any_of(axes, [&](std::int64_t axis) { return axis == 0 || axis == -rank; });
}

void check_examples_apart(const BoundGraph& graph) {
  for (const std::size_t i : graph.data_nodes())
    if (mixes_examples(graph, graph.node(i)))
      throw input_error(fmt::format(
          "{}: it works along the batch, whose size the file leaves open, so an example's result depends on "
          "the others; fix the size of the batch in the file.",
          graph.node(i).place()));
}

Recognised recognise_plain(const OperatorGraph& graph) {
  const BoundGraph bound(graph);
  const auto is_batch = [&](const GraphValue& value) {
    const ValueInfo& info = bound.info(value.name);
    return info.dims && !info.dims->empty() && (*info.dims)[0] == bound.batch();
  };
  const bool batched =
      std::ranges::all_of(graph.inputs, is_batch) && std::ranges::all_of(graph.outputs, is_batch);
  if (!batched && bound.any_batch()) return whole_graph(BoundGraph(graph, true), false);
  if (bound.any_batch()) check_examples_apart(bound);
  const bool simple =
      graph.inputs.size() == 1 && graph.inputs[0].dims.size() > 1 &&
      std::ranges::all_of(graph.outputs, [&](const GraphValue& o) { return bound.is_data(o.name); });
  if (!batched || !simple) return whole_graph(bound, batched);
  check_ends(bound, batched);
  Recogniser recogniser(bound);
  try {
    recogniser.run();
  } catch (const NoLayer&) {  // the result is none of its values, such as an axis of a constant picked by it
    return whole_graph(bound, batched);
  }
  return assemble(bound, recogniser.state(), recogniser.line(), batched);
}

}  // namespace

Recognised recognise(const OperatorGraph& original) {
  const PlainGraph plain = plain_graph(original);
  Recognised made = recognise_plain(plain.graph);
  for (TensorLink& link : made.links) link.node = plain.nodes[link.node];
  std::erase_if(made.links, [](const TensorLink& link) { return link.node == PlainGraph::kNone; });
  Schema& schema = made.parts.schema;
  if (plain.classes.size() == schema.classes.size()) schema.classes = plain.classes;
  return made;
}

}  // namespace halfwave
