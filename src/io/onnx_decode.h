#pragma once
#include <onnx/onnx_pb.h>

#include <filesystem>

#include "operators/operator_graph.h"

namespace halfwave {

/// Newest version of the file format, and of ONNX's own operators, whose meaning is known.
inline constexpr std::int64_t kNewestIr = 14, kNewestOpset = 28;

/// The model's graph, checked. The model is put in a form whose nodes are those of the result, one by one:
/// elements of tensors in other files of the folder are taken in, the model's own functions put in place of
/// their calls, nodes put in an order in which each comes after those that it needs. Operators are not
/// looked at (check_operators does). Throws Error (input) naming node, tensor or value.
OperatorGraph decode_graph(onnx::ModelProto& model, const std::filesystem::path& folder);

}  // namespace halfwave
