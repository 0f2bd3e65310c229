#pragma once
#include <map>

#include "recognise/activations.h"

namespace halfwave {

/// Nodes that together are (x - mean) / sqrt(variance + epsilon) over one axis, by the last of them: layer
/// normalization as graphs have it before opset 17, without its scale and bias.
std::map<std::size_t, FoundLayer> find_norms(const BoundGraph& graph);

}  // namespace halfwave
