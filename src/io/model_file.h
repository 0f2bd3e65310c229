#pragma once
#include <filesystem>
#include <span>
#include <string>

#include "core/file.h"
#include "graph/model_parts.h"

namespace halfwave {

/// Writes a model as an ONNX file that takes raw inputs (docs/onnx.md), whole or not at all; one that came
/// from another program's file as that file, with the numbers that have changed since. Throws Error: (input)
/// where the file cannot be written or would be larger than ONNX allows (2 GiB), (diverged) where a tensor is
/// not finite.
void write_model(const ModelParts& parts, const std::filesystem::path& path);

/// Reads an ONNX file. Of one that Halfwave wrote every number comes back bit for bit; any other becomes a
/// network of Halfwave's layers that computes what its graph does. Throws Error (input) naming the file and
/// its tensor or node where it is damaged, was changed since Halfwave wrote it, uses an operator that is not
/// known, or is unsafe (docs/onnx.md).
ModelParts read_model(const std::filesystem::path& path);

/// What becomes of a file of another program whose model is trained here, where that has no constant for
/// something that a layer learns: it is written in Halfwave's own format, as this says; "" where it stays the
/// file it was. Throws Error (usage) where the model could not be written at all.
std::string own_format_after_training(const ModelParts& parts);

// Reading and writing in memory; messages do not name a file. Tensors in other files are looked for in
// `folder`.
Bytes encode_model(const ModelParts& parts);
ModelParts decode_model(std::span<const std::uint8_t> bytes, const std::filesystem::path& folder);

}  // namespace halfwave
