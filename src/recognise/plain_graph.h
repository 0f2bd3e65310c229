#pragma once
#include <string>
#include <vector>

#include "operators/operator_graph.h"

namespace halfwave {

/// A graph in ONNX's own operators that gives numbers, made of one as scikit-learn's models come (domain
/// ai.onnx.ml): a Scaler is Sub and Mul; results that only name the class of another result (ArgMax and what
/// turns its number into a label) or rename its numbers (ZipMap) are left to Halfwave.
struct PlainGraph {
  static constexpr std::size_t kNone = ~std::size_t{0};

  OperatorGraph graph;
  std::vector<std::size_t> nodes;    ///< of each node: its number in the original; kNone: it has none
  std::vector<std::string> classes;  ///< the labels, where there are any
};

PlainGraph plain_graph(const OperatorGraph& original);

}  // namespace halfwave
