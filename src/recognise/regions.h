#pragma once
#include <string>
#include <vector>

#include "recognise/activations.h"
#include "recognise/bound_graph.h"

namespace halfwave {

/// A node, or nodes that are one layer and are taken as one.
struct Unit {
  std::size_t last;  ///< node
  const FoundLayer* layer = nullptr;
};

/// A part of a graph between two values that everything flows through.
struct GraphRegion {
  std::string from, to;  ///< values; to is "" for all results of the graph
  std::vector<Unit> units;

  /// In the graph's order.
  std::vector<std::size_t> nodes() const;
};

/// The smallest such parts, one after the other. Values between them have the batch as their first axis.
std::vector<GraphRegion> regions_of(const BoundGraph& graph, const std::map<std::size_t, FoundLayer>& layers);

}  // namespace halfwave
