#pragma once
#include <span>

#include "halfwave/dataset.h"

namespace halfwave {

/// A data set that is computed: always the same examples, whatever the seed of the run.
struct GeneratedSet {
  const char* name;
  Task task;
  std::size_t train, test;  ///< examples
  const char* description;
  Dataset (*make)(const GeneratedSet&);
};

std::span<const GeneratedSet> generated_sets();

/// MNIST-1D (S. Greydanus, D. Kobak, "Scaling down deep learning with MNIST-1D", 2020, arXiv:2011.14439) by
/// its published procedure and settings, with Halfwave's random numbers: the examples differ from the
/// published ones, their distribution does not.
Dataset make_mnist1d(const GeneratedSet& set);

}  // namespace halfwave
