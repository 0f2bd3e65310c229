#pragma once
#include <halfwave/dataset.h>
#include <halfwave/train.h>

#include <cstdint>
#include <string>

#include "graph/plan.h"
#include "io/event_file.h"

namespace halfwave {

/// What TensorBoard is told of a run: at its beginning the network, the options and the data, after each
/// epoch the figures of its report and, of each layer with weights, histograms of weights, biases, the
/// gradient of the weights in the epoch's last step and the outputs of the activation behind it for that
/// step's batch. Steps are updates.
class TrainingLog {
 public:
  /// Begins a new file in the folder, which is made where it is missing; updates: done before. Data and
  /// network must outlive the log. Throws Error (input) where the folder cannot be made or written.
  TrainingLog(const std::string& folder, const Dataset& data, const TrainOptions& options,
              const Network& network, std::int64_t updates);

  /// The folder had event files already.
  bool follows_others() const { return file_.follows_others(); }

  /// After the forward pass of an epoch's last step, before the backward pass; the plan holds activations.
  void activations(const Plan& plan, std::size_t batch);
  /// After an epoch whose last step kept its gradients. Throws Error (input) where the file cannot be
  /// written.
  void epoch(const EpochReport& report, std::int64_t updates, const Plan& plan);

 private:
  void add_start(const TrainOptions& options, std::int64_t updates);
  void add_figures(const EpochReport& report);
  void add_tensors(const Plan& plan);

  const Dataset& data_;
  const Network& network_;
  bool health_;
  int threads_;
  EventFile file_;
};

}  // namespace halfwave
