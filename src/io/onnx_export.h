#pragma once
#include <onnx/onnx_pb.h>

#include "graph/model_parts.h"

namespace halfwave {

/// Names that writing and reading share: the producer, tensors of the preprocessing and keys of the metadata.
namespace onnx_names {
inline constexpr char kProducer[] = "halfwave";
inline constexpr char kFill[] = "preprocessing.fill", kMean[] = "preprocessing.mean",
                      kScale[] = "preprocessing.scale";
inline constexpr char kTargetScale[] = "target.scale", kTargetMean[] = "target.mean";
inline constexpr char kNetwork[] = "halfwave.network", kSchema[] = "halfwave.schema",
                      kFacts[] = "halfwave.facts";
}  // namespace onnx_names

/// Whether the network's own tensors carry their numbers, or only name and shape (to compare two graphs).
enum class Weights { included, omitted };

/// The model as ONNX: raw inputs, preprocessing, the layers by their ONNX expressions, and metadata
/// (docs/onnx.md). The parts must fit each other, as write_model checks.
onnx::ModelProto to_onnx(const ModelParts& parts, Weights weights);

}  // namespace halfwave
