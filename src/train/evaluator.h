#pragma once
#include <halfwave/model.h>

#include <utility>

#include "graph/model_parts.h"

namespace halfwave {

/// A model ready to run on examples, in batches.
class Evaluator {
 public:
  /// layers: how many of the network's layers to run (logit_layers for a loss, all for predictions).
  /// examples: the most that will come at once; fewer than a batch need less memory.
  Evaluator(ModelParts& model, std::size_t layers, std::size_t examples, int threads,
            Skipping skipping = Skipping::automatic);

  /// Calls body(first, count, plan) for the batches of the examples, in order.
  template <class Body>
  void run(const Examples& examples, Body&& body) {
    plan_.tensors_changed();
    for (std::size_t first = 0; first < examples.count; first += batch_) {
      const std::size_t count = std::min(batch_, examples.count - first);
      context_.batch = count;
      gather(examples, form_, first, context_, plan_);
      plan_.forward(context_);
      body(first, count, std::as_const(plan_));
    }
  }

  /// For a plan of logit_layers: loss and accuracy, or squared error in the targets' units.
  Evaluation evaluate(const Examples& examples);

 private:
  ModelParts& model_;
  std::size_t batch_;
  InputForm form_;
  Plan plan_;
  StepContext context_;
};

}  // namespace halfwave
