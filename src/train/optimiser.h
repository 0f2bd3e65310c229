#pragma once
#include <halfwave/train.h>

#include <cstdint>
#include <span>
#include <vector>

#include "core/aligned.h"
#include "graph/network.h"

namespace halfwave {

/// Turns gradients into updates of a network's learned numbers. Its state has the network's own layout.
class Optimiser {
 public:
  Optimiser(Network& network, const TrainOptions& options);

  /// The rate that suits kind and network when the user names none. For the kinds that divide by the
  /// gradient's size it is 1 / (mean number of inputs of a unit, over the layers behind the first), from
  /// 0.001 to 0.01: their best rate falls with the width (Yang & Hu, "Tensor programs V", 2022). A filter's
  /// inputs are channels times taps.
  static double usual_rate(const std::string& name, const Network& network);

  /// Fixes what is the same for every number of update number `update` (from 1).
  void begin_update(std::int64_t update, double rate, double gradient_scale);
  /// Updates floats begin … begin+count-1, all of one tensor, by their gradient; several threads at once, for
  /// disjoint parts.
  void apply(std::size_t tensor, std::size_t begin, std::size_t count, const float* gradient);

  /// What apply() reads and writes besides the gradient.
  Companions arrays() const;

  /// What a checkpoint must keep: zero, one or two arrays of learned_floats().
  std::vector<std::span<float>> state();

  enum class Kind { sgd, adam, adamw, rmsprop };

 private:
  Network& network_;
  Kind kind_;
  float momentum_, beta1_, beta2_, epsilon_, decay_;
  bool nesterov_;
  float rate_ = 0.0f, corrected_rate_ = 0.0f, correction_ = 1.0f, scale_ = 1.0f;
  AlignedVector<float> first_, second_;
};

}  // namespace halfwave
