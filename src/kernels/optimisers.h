#pragma once
#include <cstddef>

namespace halfwave {

// One fused pass per optimiser: it reads weight, gradient and state once and writes weight and state once. n
// is any length; w, g and the state must not overlap. Gradients are used as `scale` · g (gradient clipping).

/// w ← w - rate · (g + decay · w), with momentum buffer v: v ← momentum · v + g (PyTorch's form; Sutskever et
/// al. 2013).
struct SgdStep {
  float rate, momentum, decay, scale;
  bool nesterov;
};
void sgd_update(const SgdStep& step, float* w, const float* g, float* v, std::size_t n);

/// Adam (Kingma & Ba 2015, algorithm 1) and AdamW (Loshchilov & Hutter 2019, algorithm 2).
struct AdamStep {
  float rate;  ///< learning rate / (1 - beta1^t)
  float beta1, beta2, epsilon;
  float correction;  ///< 1 / sqrt(1 - beta2^t)
  float decay;       ///< added to the gradient: decay · w
  float shrink;      ///< AdamW: w is first multiplied by this (1 - rate · decay), else 1
  float scale;
};
void adam_update(const AdamStep& step, float* w, const float* g, float* m, float* v, std::size_t n);

/// RMSprop (Hinton, lecture 6e; PyTorch's form): s ← alpha · s + (1 - alpha) · g²; w ← w - rate · g /
/// (sqrt(s) + epsilon).
struct RmspropStep {
  float rate, alpha, epsilon, decay, scale;
};
void rmsprop_update(const RmspropStep& step, float* w, const float* g, float* s, std::size_t n);

/// A moving average of weights (Polyak & Juditsky 1992): average ← average + share · (w - average).
void average_update(float share, float* average, const float* w, std::size_t n);

}  // namespace halfwave
