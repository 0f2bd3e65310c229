#pragma once
#include <halfwave/train.h>

#include <chrono>

#include <memory>
#include <optional>

#include "train/checkpoint.h"
#include "train/evaluator.h"
#include "train/run_state.h"
#include "train/run_warnings.h"
#include "train/schedule.h"
#include "train/training_log.h"
#include "train/update_step.h"
#include "train/weight_average.h"

namespace halfwave {

/// A training run: the loop over epochs and batches around UpdateStep, with evaluation, checkpoints and early
/// stopping.
class Run {
 public:
  /// options: resolved.
  Run(const Dataset& data, const TrainOptions& options, std::shared_ptr<ModelParts> model, bool started,
      TrainObserver* observer);

  TrainResult train();

 private:
  using Clock = std::chrono::steady_clock;

  void resume();
  void begin_log();
  /// What the log says of the epoch; where it cannot be written the run goes on without it.
  void log_epoch(const EpochReport& report);
  /// False where the run ends before the epoch does.
  bool run_epoch();
  std::span<const std::uint32_t> rows_of(std::int64_t step) const;
  /// False where the run ends because its numbers are no longer finite.
  bool finish_epoch();
  void report_progress() const;
  void save_checkpoint();
  void diverged(std::int64_t update, const std::string& where);
  void warn(const std::string& warning);
  bool stops_early() const;
  TrainResult result();

  const Dataset& data_;
  TrainOptions options_;
  std::shared_ptr<ModelParts> model_;
  TrainObserver* observer_;
  std::int64_t steps_per_epoch_;
  UpdateStep step_;
  WeightAverage average_;
  Evaluator evaluator_;
  Schedule schedule_;
  std::optional<Checkpoint> checkpoint_;
  std::optional<TrainingLog> log_;
  RunState state_;
  AlignedVector<float> epoch_values_;  ///< after the last whole epoch, until a finite loss shows them good
  std::vector<std::uint32_t> order_;
  TrainResult::End end_ = TrainResult::End::finished;
  std::string message_;
  std::vector<std::string> warnings_;
  RunWarnings rules_;
  Clock::time_point epoch_start_, run_start_;
  double seconds_before_ = 0.0;     ///< of the run, before this process
  std::int64_t examples_here_ = 0;  ///< seen by this process
};

}  // namespace halfwave
