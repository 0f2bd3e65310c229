#pragma once
#include <onnx/onnx_pb.h>

#include <string>

#include "graph/network.h"
#include "io/onnx_export.h"

namespace halfwave {

/// Adds one layer to the graph by its ONNX expression: its tensors, and nodes that take the value named `x`.
/// The last node is named like the layer. Returns the name of the layer's output: x itself where the layer is
/// the identity.
std::string add_layer(onnx::GraphProto& graph, const Network& network, std::size_t layer,
                      const std::string& x, Weights weights);

}  // namespace halfwave
