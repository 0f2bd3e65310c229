#pragma once
#include <halfwave/inspect.h>

#include <optional>
#include <vector>

#include "graph/model_parts.h"

namespace halfwave {

/// What is known of a regression's targets, in the network's units (standardised where it does so).
struct TargetRange {
  std::vector<float> sorted;
};

/// What can be told from a network alone, in no order. With targets, what is said of the output's range is
/// about these.
std::vector<Finding> lint(const ModelParts& parts, const TargetRange* targets = nullptr);

// Its parts.

/// How layers follow each other.
std::vector<Finding> lint_structure(const ModelParts& parts, const TargetRange* targets = nullptr);
/// The numbers in the layers.
std::vector<Finding> lint_weights(const ModelParts& parts);
/// How the numbers of rectifiers' layers began.
std::vector<Finding> lint_initialisation(const Network& network);

}  // namespace halfwave
