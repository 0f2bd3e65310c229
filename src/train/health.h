#pragma once
#include <halfwave/train.h>

#include <vector>

#include "graph/plan.h"

namespace halfwave {

/// One entry for each layer with weights: zeros of the activation behind it over all positions of the
/// `examples` counted since the last reset (a channel is dead where none of them fires), and the norms of its
/// weights and of their latest gradient.
std::vector<LayerHealth> measure_health(const Network& network, const Plan& plan, std::size_t examples);

}  // namespace halfwave
