#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "graph/model_parts.h"
#include "kernels/losses.h"

namespace halfwave {

/// What a batch gave.
struct BatchResult {
  double loss = 0.0;        ///< sum over the examples
  std::size_t correct = 0;  ///< classification: examples whose predicted class is their label
};

/// The loss that suits a task when the user names none.
std::string_view usual_loss(Task task);

/// A loss bound to a task: targets in the form the kernels take, gradient and predictions by batch.
class Loss {
 public:
  /// name: one of loss_names(). Throws Error (usage) where it does not suit the task or the outputs.
  Loss(std::string_view name, double label_smoothing, const Schema& schema,
       const Preprocessing& preprocessing);

  /// The name, with "auto" resolved.
  const std::string& name() const { return name_; }
  /// Outputs that the network needs for this loss.
  std::size_t outputs() const { return outputs_; }

  /// Takes the targets of a part of the data.
  void set_targets(const Examples& examples);

  /// Loss of a batch whose outputs are [rows.size(), stride]; the gradient of its mean goes to `gradient`,
  /// which may be the outputs. Neither allocates after the first batch of the largest size.
  BatchResult evaluate(const float* outputs, std::size_t stride, std::span<const std::uint32_t> rows,
                       float* gradient);

 private:
  std::string name_;
  bool softmax_ = false;
  ElementLoss element_ = ElementLoss::mse;
  float smoothing_;
  std::size_t outputs_;
  bool classification_;
  std::vector<float> target_mean_, target_scale_;

  const std::vector<std::int32_t>* labels_ = nullptr;
  std::vector<float> targets_;  // element losses: [count, outputs], standardised
  std::vector<std::int32_t> batch_labels_, predictions_;
  std::vector<float> batch_targets_, losses_;
};

}  // namespace halfwave
