#pragma once
#include <halfwave/train.h>

#include <cstdint>

namespace halfwave {

/// The learning rate over a run: a function of the update's number, but for "plateau", which also follows the
/// test part.
class Schedule {
 public:
  Schedule(const TrainOptions& options, std::int64_t updates_per_epoch);

  /// Rate of update number `update` (from 0).
  double rate(std::int64_t update) const;

  /// What "plateau" remembers; part of a checkpoint.
  struct Plateau {
    double factor = 1.0;
    std::int64_t epochs_without_better = 0;
  };
  const Plateau& plateau() const { return plateau_; }
  void restore(const Plateau& plateau) { plateau_ = plateau; }
  /// To be called after each epoch.
  void epoch_done(bool better);

 private:
  enum class Kind { constant, cosine, step, plateau } kind_;
  double rate_, warmup_updates_, updates_, step_updates_, factor_;
  std::int64_t patience_;
  Plateau plateau_;
};

}  // namespace halfwave
