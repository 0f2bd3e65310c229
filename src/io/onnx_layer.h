#pragma once
#include <onnx/onnx_pb.h>

#include <string>
#include <vector>

#include "graph/network.h"
#include "io/onnx_export.h"

namespace halfwave {

/// The shape of a layer's tensor in the graph: an activation's, one number a channel, broadcasts to the
/// positions; all others are as they are.
std::vector<std::size_t> onnx_shape(const Layer& layer, const TensorSpec& spec);

/// Adds one layer to the graph by its ONNX expression: its tensors, and nodes that take the values named `x`,
/// several where the layer joins. The last node is named like the layer. Returns the name of the layer's
/// output: x itself where the layer is the identity.
std::string add_layer(onnx::GraphProto& graph, const Network& network, std::size_t layer,
                      const std::vector<std::string>& x, Weights weights);

}  // namespace halfwave
