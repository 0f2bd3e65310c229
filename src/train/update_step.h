#pragma once
#include <halfwave/train.h>

#include <functional>
#include <optional>

#include "graph/model_parts.h"
#include "train/augmented_input.h"
#include "train/loss.h"
#include "train/optimiser.h"

namespace halfwave {

/// One update of a network by one batch: gather, forward, loss, backward, optimiser. Allocates nothing after
/// its making.
class UpdateStep {
 public:
  /// Every option must have its value (no "auto" left).
  UpdateStep(ModelParts& model, const Examples& examples, const TrainOptions& options, Augment augment = {});

  /// Runs update number `update` (from 0) on the examples named by rows. The loss is checked before anything
  /// is changed: where it is not finite nothing is, and the result's loss is not finite. keep_gradients:
  /// plan().gradients() is whole afterwards. next: the rows of the next update where they are known already.
  BatchResult run(std::span<const std::uint32_t> rows, std::int64_t update, double rate,
                  bool keep_gradients = false, std::span<const std::uint32_t> next = {});

  /// Told of the examples in the batch between the forward and the backward pass of every run() that keeps
  /// gradients: with a log_dir the plan holds the outputs of activations then.
  void watch(std::function<void(std::size_t batch)> watcher) { watcher_ = std::move(watcher); }

  Plan& plan() { return plan_; }
  Optimiser& optimiser() { return optimiser_; }

  /// After a loss that was not finite: the layer in which NaN or infinity first appears in this batch, and
  /// how.
  std::string find_divergence() const;

 private:
  /// Applies each part of the gradient as it becomes final.
  class Immediate final : public UpdateSink {
   public:
    explicit Immediate(UpdateStep& step) : step_(step) {}
    Companions companions() const override { return step_.optimiser_.arrays(); }
    void ready(std::size_t tensor, std::size_t begin, std::size_t count, const float* gradient) override {
      step_.optimiser_.apply(tensor, begin, count, gradient);
    }

   private:
    UpdateStep& step_;
  };
  /// Leaves the gradient alone: clipping needs the norm of the whole first.
  class Later final : public UpdateSink {
   public:
    Companions companions() const override { return {}; }
    void ready(std::size_t, std::size_t, std::size_t, const float*) override {}
  };

  void clip_and_apply(std::int64_t update, double rate);

  ModelParts& model_;
  const Examples& examples_;
  Loss loss_;
  InputForm form_;
  std::size_t batch_;
  std::optional<AugmentedInput> augmented_;
  Plan plan_;
  Optimiser optimiser_;
  StepContext context_;
  double clip_;
  std::function<void(std::size_t batch)> watcher_;
};

}  // namespace halfwave
