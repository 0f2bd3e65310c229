#pragma once
#include <halfwave/dataset.h>

#include <cstdint>
#include <future>
#include <span>
#include <vector>

#include "graph/model_parts.h"
#include "train/augment.h"

namespace halfwave {

/// The input of training steps on augmented examples. Where it pays, the next batch is made on a thread of
/// its own while the step of this one runs; the numbers are the same either way.
class AugmentedInput {
 public:
  /// batch: the largest. Examples and form must outlive it.
  AugmentedInput(const Examples& examples, const InputForm& form, Augment augment, std::size_t batch,
                 std::uint64_t seed, int threads);
  AugmentedInput(const AugmentedInput&) = delete;
  AugmentedInput& operator=(const AugmentedInput&) = delete;

  /// Fills the plan's input with the examples named by `rows`, the first of which is number `first` of all
  /// that the run has seen, and begins with those of the step after it, `next` (may be empty).
  void fill(std::span<const std::uint32_t> rows, std::uint64_t first, std::span<const std::uint32_t> next,
            const StepContext& context, Plan& plan);

 private:
  /// Makes those examples of the batch `rows_`; `part`: of the threads, whose maps are used.
  void make(Range places, int part);
  void begin(std::span<const std::uint32_t> rows, std::uint64_t first);

  const Examples& examples_;
  const InputForm& form_;
  Augment augment_;
  std::uint64_t seed_;
  int threads_;
  std::vector<float> mean_;          ///< [features]: the mean as the network is given it
  std::vector<std::uint32_t> rows_;  ///< the examples that made_ holds, or will
  std::uint64_t first_ = 0;          ///< number of the first one
  std::vector<float> made_;          ///< [batch, features], channels first
  std::vector<std::int32_t> maps_;   ///< [threads, 2, positions]
  std::future<void> coming_;         ///< last: its thread has ended before the rest goes
};

}  // namespace halfwave
