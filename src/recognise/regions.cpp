#include "recognise/regions.h"

#include <algorithm>
#include <set>

namespace halfwave {
namespace {

/// The values that somebody still takes, while nodes are gone through in order.
class LiveValues {
 public:
  explicit LiveValues(const BoundGraph& graph) : graph_(graph) {}

  void make(const std::string& value, std::size_t uses) {
    if (uses > 0) left_[value] = uses;
  }
  void take(const std::string& value, std::size_t times = 1) {
    const auto found = left_.find(value);
    if (found != left_.end() && (found->second -= times) == 0) left_.erase(found);
  }
  /// The only one, if it can be between two regions; else null.
  const std::string* only() const {
    if (left_.size() != 1 || !graph_.is_batched(left_.begin()->first)) return nullptr;
    return &left_.begin()->first;
  }

 private:
  const BoundGraph& graph_;
  std::map<std::string, std::size_t> left_;
};

}  // namespace

std::vector<std::size_t> GraphRegion::nodes() const {
  std::set<std::size_t> all;
  for (const Unit& unit : units) {
    all.insert(unit.last);
    if (unit.layer) all.insert(unit.layer->nodes.begin(), unit.layer->nodes.end());
  }
  return {all.begin(), all.end()};
}

std::vector<GraphRegion> regions_of(const BoundGraph& graph,
                                    const std::map<std::size_t, FoundLayer>& layers) {
  std::set<std::size_t> inner;  // nodes of found layers that are not the last
  for (const auto& [last, layer] : layers)
    for (const std::size_t node : layer.nodes)
      if (node != last) inner.insert(node);

  LiveValues live(graph);
  const std::string& input = graph.graph().inputs[0].name;
  live.make(input, graph.users(input));
  std::vector<GraphRegion> regions;
  GraphRegion region{input, "", {}};
  for (const std::size_t index : graph.data_nodes()) {
    if (inner.contains(index)) continue;
    const OperatorNode& node = graph.node(index);
    const auto found = layers.find(index);
    region.units.push_back({index, found == layers.end() ? nullptr : &found->second});
    for (const std::string& output : node.outputs)
      if (!output.empty()) live.make(output, graph.users(output));
    if (found != layers.end()) {
      for (const std::size_t part : found->second.nodes)
        for (const std::string& taken : graph.node(part).inputs)
          if (taken == found->second.x) live.take(taken);
    } else {
      for (const std::string& taken : node.inputs) live.take(taken);
    }
    const std::string* const only = live.only();
    if (!only || *only == region.from) continue;
    region.to = *only;
    GraphRegion next{region.to, "", {}};
    regions.push_back(std::move(region));
    region = std::move(next);
  }
  if (!region.units.empty()) regions.push_back(std::move(region));
  // The last one gives the results; one result is a value like others.
  if (!regions.empty()) {
    const auto& outputs = graph.graph().outputs;
    if (regions.back().to.empty() && outputs.size() == 1) regions.back().to = outputs[0].name;
    if (outputs.size() > 1) regions.back().to.clear();
  }
  return regions;
}

}  // namespace halfwave
