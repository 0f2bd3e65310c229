#pragma once
#include "graph/model_parts.h"

namespace halfwave {

/// A copy with a network of its own: the same layers, names and numbers.
ModelParts copy_of(const ModelParts& model);

}  // namespace halfwave
