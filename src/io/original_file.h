#pragma once
#include <string>
#include <vector>

#include "operators/operator_graph.h"
#include "recognise/recognise.h"

namespace halfwave {

/// An ONNX file that another program wrote, as it was: a model that is written again keeps its nodes, names
/// and metadata, with the numbers that have changed since put in place.
struct OriginalFile {
  OperatorGraph graph;
  std::vector<TensorLink> links;
  std::string bytes;  ///< the file, tensors of other files taken in
};

}  // namespace halfwave
