#pragma once
#include <vector>

#include "graph/model_parts.h"
#include "operators/operator_graph.h"

namespace halfwave {

/// Where a tensor of a network came from: the constant that a node of the graph takes, and how the one is
/// made of the other. Number i of the tensor is factor · c, or factor / c where `reciprocal`, with c element
/// places[i] of the constant as it is in the shape `dims`: its own, or one that it is spread to, such as one
/// slope for all channels.
struct TensorLink {
  std::size_t tensor;  ///< of Network::tensors()
  std::size_t node;    ///< of OperatorGraph::nodes
  std::size_t input;   ///< which of its inputs
  Dims dims;
  std::vector<std::uint32_t> places;  ///< empty: i
  float factor = 1.0f;
  bool reciprocal = false;
};

/// A graph as a network of Halfwave's layers.
///
/// The first axis of the graph's values is the batch. What the graph can be said in, region by region between
/// the single values that everything flows through, becomes layers; a region that cannot be said in layers
/// becomes one that runs its operators (layers/operators.h). A layer has the name of the node that makes its
/// output, the last one of those that it stands for: the Add behind a MatMul, the Mul that ends x ·
/// sigmoid(x). A node without a layer (Transpose, Reshape, Identity, …) only changes how the next ones see
/// its input.
struct Recognised {
  ModelParts parts;  ///< without `original`
  std::vector<TensorLink> links;
};

/// Throws Error (input) naming the node where the graph is not one that Halfwave can run: operators that are
/// not known, shapes that do not fit, …
Recognised recognise(const OperatorGraph& graph);

/// A constant of the graph that is another one now, because a network's tensor has changed since.
struct ChangedConstant {
  std::size_t node, input;  ///< who takes it; the input may be one that the node has left out so far
  Tensor value;  ///< in the type that the graph wants, and in its shape or one that is spread like it
};

/// The constants of the graph that have to be changed so that it computes what the network computes now; none
/// for tensors whose numbers are still those of the graph. Throws Error (usage) where a tensor has changed
/// that the graph has no constant for (the factor -1 of a Neg): the network can then only be written as
/// Halfwave's own.
std::vector<ChangedConstant> changed_constants(const OperatorGraph& graph, const Network& network,
                                               std::span<const TensorLink> links);

}  // namespace halfwave
