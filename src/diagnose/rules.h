#pragma once
#include <halfwave/inspect.h>
#include <halfwave/train.h>

#include <optional>
#include <span>
#include <vector>

#include "graph/network.h"

namespace halfwave {

/// How well a network does, against always giving the same answer.
struct Performance {
  double loss = 0;           ///< mean cross-entropy, or mean squared error
  double constant_loss = 0;  ///< of the best constant answer
  // Classification; else both 0.
  double accuracy = 0;           ///< share of the examples whose largest output is their class
  double constant_accuracy = 0;  ///< share of the most frequent class
};
/// The loss of the best constant answer: the entropy of the classes; or the mean variance of the targets,
/// each in units of its scale where there are some.
double constant_loss(const Examples& examples, const Schema& schema, std::span<const float> scales = {});
/// Of the best constant answer; 0 in regression.
double constant_accuracy(const Examples& examples);

// Findings in no order. All of them go by measured figures alone.

/// Of each layer by itself: dead, almost dead, always-on and saturated units.
std::vector<Finding> judge_units(std::span<const LayerInspection> layers);
/// Of the last layer's gradient: less vanishes, more explodes.
inline constexpr double kVanishing = 1e-3, kExploding = 1e3;
/// Of all layers together: gradients and signals that vanish or explode over the depth.
std::vector<Finding> judge_depth(std::span<const LayerInspection> layers);
/// What a network that has learned nothing was lost to, as far as its weights show it.
std::vector<Finding> judge_result(const Network& network, std::span<const LayerInspection> layers,
                                  const Performance& performance);
/// A run's epochs so far: the learning rate.
std::vector<Finding> judge_run(std::span<const EpochReport> epochs, double constant_loss);

/// The heaviest first. What follows from another finding loses weight, and says from which; what only repeats
/// another one is left out.
std::vector<Finding> in_order(std::vector<Finding> findings, const Network& network);

}  // namespace halfwave
