#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "layers/layer.h"
#include "recognise/bound_graph.h"

namespace halfwave {

/// Nodes that together are one layer.
struct FoundLayer {
  const LayerInfo* kind = nullptr;
  std::vector<double> fields;
  std::set<std::size_t> nodes;
  std::string x;         ///< what they take; the last of the nodes makes the result
  std::size_t axis = 0;  ///< where it works along one: behind the batch
};

/// The activations of a graph, by their last node: the largest groups of nodes that compute what an
/// activation declares as its ONNX expression, however it is written, and give no other value to anybody. Not
/// those that have tensors, nor softmax, nor what changes nothing.
std::map<std::size_t, FoundLayer> find_activations(const BoundGraph& graph);

/// The number that people mean by a float: 0.01 by 0.01f, which is not 0.01 as a double.
double as_written(float number);

}  // namespace halfwave
