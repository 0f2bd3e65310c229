#pragma once
#include <fmt/format.h>
#include <halfwave/error.h>

#include <string>
#include <vector>

#include "core/random.h"
#include "operators/operator_graph.h"

// Graphs of a single node, for the tests of the operators.

namespace halfwave {

/// A node with that many outputs and as yet no inputs.
inline OperatorNode one_node(std::string op, std::int64_t opset,
                             std::map<std::string, AttributeValue, std::less<>> attributes = {},
                             std::size_t outputs = 1) {
  OperatorNode node;
  node.name = "it";
  node.op = std::move(op);
  node.opset = opset;
  node.attributes = std::move(attributes);
  for (std::size_t i = 0; i < outputs; ++i) node.outputs.push_back(fmt::format("y{}", i));
  return node;
}

/// The graph that gives `node` those inputs; an empty one is left out.
inline OperatorGraph graph_of(OperatorNode node, const std::vector<Tensor>& inputs) {
  OperatorGraph graph;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    node.inputs.push_back(inputs[i] ? fmt::format("x{}", i) : "");
    if (inputs[i])
      graph.inputs.push_back({.name = node.inputs[i],
                              .type = inputs[i].type(),
                              .dims = inputs[i].dims(),
                              .names = {},
                              .element = info_of(inputs[i]).element});
  }
  for (const std::string& output : node.outputs)
    graph.outputs.push_back({.name = output, .dims = {}, .names = {}});
  graph.nodes.push_back(std::move(node));
  return graph;
}

inline std::vector<Tensor> run_node(const OperatorNode& node, const std::vector<Tensor>& inputs) {
  std::vector<Tensor> there;
  for (const Tensor& input : inputs)
    if (input) there.push_back(input);
  return run_graph(graph_of(node, inputs), there);
}

/// What is inferred of the first output from the shapes of the inputs alone.
inline ValueInfo inferred(const OperatorNode& node, const std::vector<Tensor>& inputs) {
  std::vector<Dims> dims;
  for (const Tensor& input : inputs)
    if (input) dims.push_back(input.dims());
  return infer_graph(graph_of(node, inputs), dims).at("y0");
}

template <class T>
Tensor tensor(Dims dims, std::initializer_list<T> elements) {
  return Tensor::of<T>(std::move(dims), {elements.begin(), elements.size()});
}
inline Tensor sequence(std::vector<Tensor> tensors) {
  return Tensor::of<Tensor>({std::ssize(tensors)}, tensors);
}
template <class T>
std::vector<T> elements(const Tensor& tensor) {
  const std::span<const T> all = tensor.elements<T>();
  return {all.begin(), all.end()};
}

/// Uniform numbers of that type.
inline Tensor random_tensor(ElementType type, Dims dims, Random& random, double low = -4, double high = 4) {
  Tensor made(ElementType::float64, std::move(dims));
  for (double& x : made.elements<double>()) x = low + (high - low) * random.uniform_double();
  return made.cast(type);
}

/// The index along each dimension of the element at that place of a row-major array.
inline Dims index_of(std::size_t place, const Dims& dims) {
  Dims index(dims.size());
  for (std::size_t i = dims.size(); i-- > 0;) {
    index[i] = static_cast<std::int64_t>(place) % dims[i];
    place /= static_cast<std::size_t>(dims[i]);
  }
  return index;
}

/// The place of the element with that index, lined up from the last dimension on, in an array of which
/// dimensions of size 1 repeat.
inline std::size_t place_of(const Dims& index, const Dims& dims) {
  std::size_t place = 0;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    const std::int64_t along = dims[i] == 1 ? 0 : index[index.size() - dims.size() + i];
    place = place * static_cast<std::size_t>(dims[i]) + static_cast<std::size_t>(along);
  }
  return place;
}

/// The message of the Error that f() throws; "" where it throws none.
template <class F>
std::string refusal(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.kind() == ErrorKind::input ? error.what()
                                            : fmt::format("not of kind input: {}", error.what());
  }
  return "";
}

}  // namespace halfwave
