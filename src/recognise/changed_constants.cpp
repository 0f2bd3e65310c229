#include <fmt/format.h>
#include <halfwave/error.h>

#include <algorithm>
#include <map>

#include "recognise/recognise.h"
#include "recognise/spread.h"

namespace halfwave {
namespace {

/// A value of the graph that no input has part in, computed where nodes make it.
class Constants {
 public:
  explicit Constants(const OperatorGraph& graph) : graph_(graph) {
    for (std::size_t i = 0; i < graph.nodes.size(); ++i)
      for (const std::string& output : graph.nodes[i].outputs) producers_[output] = i;
  }

  Tensor get(const std::string& name) const {
    if (const Tensor* constant = graph_.constant(name)) return *constant;
    const auto producer = producers_.find(name);
    if (producer == producers_.end()) return {};
    OperatorGraph part;
    const OperatorNode& node = graph_.nodes[producer->second];
    for (const std::string& input : node.inputs)
      if (!input.empty()) part.constants[input] = get(input);
    part.nodes = {node};
    GraphValue output;
    output.name = name;
    part.outputs = {output};
    return run_graph(part, {})[0];
  }

 private:
  const OperatorGraph& graph_;
  std::map<std::string_view, std::size_t> producers_;
};

/// Tensors without a link are as recognise() made them: all factors -1 or 1, all shifts 0.
void check_unlinked(const Network& network, std::span<const TensorLink> links) {
  for (std::size_t t = 0; t < network.tensors().size(); ++t) {
    const NetworkTensor& tensor = network.tensors()[t];
    if (std::ranges::find(links, t, &TensorLink::tensor) != links.end()) continue;
    const std::string_view kind = network.layer(tensor.layer).info().name;
    const float start = kind == "scale" ? -1.0f : tensor.spec.name == "scale" ? 1.0f : 0.0f;
    for (const float x : network.get(tensor))
      if (x != start)
        throw usage_error(fmt::format(
            "Layer '{}' has learned its {}, for which the model file has no place among its constants.",
            network.layer_name(tensor.layer), tensor.spec.name));
  }
}

}  // namespace

std::vector<ChangedConstant> changed_constants(const OperatorGraph& graph, const Network& network,
                                               std::span<const TensorLink> links) {
  check_unlinked(network, links);
  const Constants constants(graph);
  std::vector<ChangedConstant> changed;
  for (const TensorLink& link : links) {
    const std::vector<float> numbers = network.get(network.tensors()[link.tensor]);
    const OperatorNode& node = graph.nodes[link.node];
    const Tensor before = link.input < node.inputs.size() ? constants.get(node.inputs[link.input]) : Tensor();
    Tensor after(ElementType::float32, link.dims);
    const std::span<float> elements = after.elements<float>();
    const std::vector<float> were = before ? spread(before, link.dims) : std::vector<float>(elements.size());
    bool same = true;
    for (std::size_t i = 0; i < elements.size(); ++i) {
      const std::size_t place = link.places.empty() ? i : link.places[i];
      const float was = link.reciprocal ? link.factor / were[place] : link.factor * were[place];
      same = same && was == numbers[i];
      elements[place] = was == numbers[i] ? were[place]
                        : link.reciprocal ? link.factor / numbers[i]
                                          : numbers[i] / link.factor;
    }
    if (same) continue;
    const ElementType type = before ? before.type() : ElementType::float32;
    changed.push_back({link.node, link.input, type == ElementType::float32 ? after : after.cast(type)});
  }
  return changed;
}

}  // namespace halfwave
