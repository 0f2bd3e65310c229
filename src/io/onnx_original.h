#pragma once
#include <onnx/onnx_pb.h>

#include <filesystem>

#include "graph/model_parts.h"

namespace halfwave {

/// A model of a file that another program wrote: its graph as a network of Halfwave's layers, the file kept
/// as ModelParts::original. Other files with its tensors are in `folder`. Throws Error (input) naming node,
/// tensor or value.
ModelParts from_original(onnx::ModelProto model, const std::filesystem::path& folder);

/// That file again: its nodes, names and metadata, with those numbers put in place that have changed since
/// (in the types that they had), and with schema and facts where the model was trained here.
onnx::ModelProto to_original(const ModelParts& parts);

}  // namespace halfwave
