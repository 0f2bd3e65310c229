#pragma once
#include "halfwave/dataset.h"

namespace halfwave {

/// Moves the share `validation` of the training part (rounded, at least one example) to the test part, by the
/// seed and stratified: the share of each class differs by less than one example, and every class keeps one
/// for training. Both parts keep the order of their examples. Throws Error (usage) where the share is not in
/// [0, 1), (input) where a part would be empty.
void split_off_test(Dataset& data, double validation, std::uint64_t seed);

}  // namespace halfwave
