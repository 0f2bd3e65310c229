#pragma once
#include <halfwave/train.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/aligned.h"
#include "train/schedule.h"

namespace halfwave {

/// Where a run is: together with the network's numbers, their average and the optimiser's arrays, everything
/// that its rest depends on.
struct RunState {
  std::int64_t updates = 0;  ///< done so far
  std::int64_t epoch = 0;    ///< running, from 0
  std::int64_t step = 0;     ///< done in the running epoch
  double loss_sum = 0.0;     ///< of the running epoch
  std::int64_t correct = 0, seen = 0;
  double epoch_seconds = 0.0, seconds = 0.0;
  Schedule::Plateau plateau;
  double best_score = 0.0;  ///< larger is better
  std::int64_t best_epoch = 0, epochs_without_better = 0;
  std::vector<EpochReport> reports;
  std::vector<std::vector<std::uint64_t>> nonzeros;  ///< by layer, of the running epoch
  std::int64_t good_epoch = 0;
  AlignedVector<float>
      good_values;  ///< the model's numbers after good_epoch, the last whole epoch known to be sound
  AlignedVector<float> best_values;  ///< the model's numbers after the best epoch; with early stopping
};

}  // namespace halfwave
