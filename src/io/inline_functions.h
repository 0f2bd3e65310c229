#pragma once
#include <onnx/onnx_pb.h>

#include <map>
#include <string>

namespace halfwave {

/// The version of each domain of operators that the model imports; "ai.onnx" is "". Throws Error (input)
/// where two differ.
std::map<std::string, std::int64_t> imported_opsets(const onnx::ModelProto& model);

/// Puts the nodes of the model's own functions in place of their calls; the model has no functions
/// afterwards. Throws Error (input) naming the node where a call does not fit its function, functions call
/// each other in a circle, or all of it becomes unreasonably large.
void inline_functions(onnx::ModelProto& model);

}  // namespace halfwave
