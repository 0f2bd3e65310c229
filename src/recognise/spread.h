#pragma once
#include <vector>

#include "operators/tensor.h"

namespace halfwave {

/// Whether a tensor of these dimensions can be spread to others as ONNX's operators do (numpy's
/// broadcasting).
bool spreads_to(const Dims& from, const Dims& to);
/// A tensor of numbers, as floats, spread to other dimensions; what is missing in front counts as 1.
std::vector<float> spread(const Tensor& numbers, const Dims& to);

}  // namespace halfwave
