#pragma once
#include <filesystem>

#include "graph/model_parts.h"

namespace halfwave {

/// Writes a model as an ONNX file that takes raw inputs (docs/onnx.md), whole or not at all. Throws Error:
/// (input) where the file cannot be written or would be larger than ONNX allows (2 GiB), (diverged) where a
/// tensor is not finite.
void write_model(const ModelParts& parts, const std::filesystem::path& path);

/// Reads a file of write_model: every number comes back bit for bit. Throws Error (input) naming the file and
/// its tensor or node where it is damaged, was written by another program, or was changed since.
ModelParts read_model(const std::filesystem::path& path);

}  // namespace halfwave
