#pragma once
#include <onnx/onnx_pb.h>

#include "graph/model_parts.h"

namespace halfwave {

/// Whether Halfwave wrote the file, by its producer or metadata.
bool is_own(const onnx::ModelProto& model);

/// The model of a file that Halfwave wrote (docs/onnx.md): the network from its line, the numbers from the
/// graph's tensors. The graph must be the one that Halfwave makes of them, so that it cannot be another
/// function than the result. Nothing is allocated before the tensors in the file account for it. Throws Error
/// naming the tensor or node.
ModelParts from_onnx(const onnx::ModelProto& model);

}  // namespace halfwave
