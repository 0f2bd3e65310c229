#pragma once
#include <cstddef>
#include <cstdint>

#include "core/team.h"

namespace halfwave {

// A loss and its gradient by the network's outputs, for the batch rows `rows`. outputs and gradient are
// [batch, stride] with stride a multiple of 16; gradient holds scale · ∂loss(row)/∂output, zero in a row's
// padding, and may be outputs. losses[row] is the row's loss. Rows are independent of each other, so threads
// may share them.

/// Softmax and cross-entropy with label smoothing (Szegedy et al. 2016): the target is (1 - smoothing) for
/// the label plus smoothing / classes for every class. predictions[row] is the class with the largest logit.
void softmax_cross_entropy(const float* logits, std::size_t stride, std::size_t classes,
                           const std::int32_t* labels, float smoothing, float scale, Range rows,
                           float* gradient, float* losses, std::int32_t* predictions);

/// Elementwise losses by output y and target t, averaged over a row's outputs.
enum class ElementLoss {
  binary_cross_entropy,  ///< log(1 + e^y) - t y: y is a logit
  mse,                   ///< (y - t)²
  mae,                   ///< |y - t|, slope 0 at 0
  huber,                 ///< (y - t)² / 2 for |y - t| <= 1, else |y - t| - 1/2
};

/// targets is [batch, outputs] without padding.
void element_loss(ElementLoss kind, const float* outputs, std::size_t stride, std::size_t count,
                  const float* targets, float scale, Range rows, float* gradient, float* losses);

}  // namespace halfwave
