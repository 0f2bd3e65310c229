#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "layers/layer.h"
#include "operators/operator_graph.h"

namespace halfwave {

/// A part of a foreign graph that has no layers: what takes its input and how its results are one output.
struct OperatorRegion {
  /// One of the values that come in or go out, as a part of the layer's numbers: of each example, element i
  /// in ONNX's order is number order[i] (positions by channels, row by row); an empty order: number first +
  /// i.
  struct Value {
    ElementType type = ElementType::float32;
    Dims dims{};              ///< of `together` examples, as the graph takes or gives them
    std::size_t numbers = 0;  ///< of one example
    std::size_t first = 0;
    std::vector<std::uint32_t> order{};
  };

  OperatorGraph graph;
  std::vector<Value> inputs, outputs;
  Shape output;
  /// Examples that the graph takes at once, along the first axis of its values; 0: any number of them.
  std::size_t together = 0;
  std::string reason;  ///< why there are no layers for it: "node 'x' (Op, opset 13): …"
};

/// A layer that runs the operators of a region one by one. It is the slow path: it allocates, and it hands no
/// gradient back. No network line can name it.
std::unique_ptr<Layer> make_operators(std::shared_ptr<const OperatorRegion> region);

/// Of a layer that make_operators made, else null.
const OperatorRegion* operator_region(const Layer& layer);

}  // namespace halfwave
