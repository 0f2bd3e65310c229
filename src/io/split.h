#pragma once
#include "halfwave/dataset.h"

namespace halfwave {

/// Moves the share `validation` of the training part (rounded, at least one example) to the test part, by the
/// seed and stratified: the share of each class differs by less than one example, and every class keeps one
/// for training. Both parts keep the order of their examples. Throws Error (usage) where the share is not in
/// [0, 1), (input) where a part would be empty.
void split_off_test(Dataset& data, double validation, std::uint64_t seed);

/// Keeps so many training examples, by the seed: of a classification of each class in proportion and at least
/// one, where there are as many; 0 keeps all. A smaller number keeps a part of what a larger one keeps. They
/// keep their order; the test part stays as it is. Where there are fewer, all stay and `warnings` says so.
/// Throws Error (usage) for a negative number.
void keep_examples(Dataset& data, std::int64_t count, std::uint64_t seed);

}  // namespace halfwave
