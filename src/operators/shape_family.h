#pragma once
#include <array>
#include <span>

#include "operators/operator.h"

namespace halfwave {

// The parts of the family shape_operators(), a file each.
std::span<const Operator> reshaping_operators();  // Reshape, Flatten, Squeeze, Unsqueeze, Shape, Size
std::span<const Operator> arranging_operators();  // Transpose, Concat, Split, DepthToSpace, …
std::span<const Operator> slicing_operators();    // Slice, Pad, Expand, Tile, Trilu
std::span<const Operator> gathering_operators();  // Gather*, Scatter*
std::span<const Operator> constant_operators();   // Constant, ConstantOfShape, Range, OneHot
std::span<const Operator> sorting_operators();    // TopK

/// What is known of tensors put one behind the other. Throws Error (input) where they do not fit.
ValueInfo concatenated(std::span<const ValueInfo> parts, std::int64_t axis);

}  // namespace halfwave
