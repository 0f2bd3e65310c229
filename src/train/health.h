#pragma once
#include <halfwave/inspect.h>
#include <halfwave/train.h>

#include <vector>

#include "graph/plan.h"

namespace halfwave {

/// One entry for each layer with weights: zeros of the activation behind it over all positions of the
/// `examples` counted since the last reset (a channel is dead where none of them fires), and the norms of its
/// weights and of their latest gradient.
std::vector<LayerHealth> measure_health(const Network& network, const Plan& plan, std::size_t examples);

/// The same for the rules of src/diagnose: units that were zero, or never zero, for every example, as far as
/// they are counted, and the layers' gradients compared.
std::vector<LayerInspection> inspect_epoch(const Network& network, const Plan& plan, std::size_t examples,
                                           const std::vector<LayerHealth>& health);

/// Of figures alone: which units are dead is not known, only how many.
std::vector<LayerInspection> inspect_health(const std::vector<LayerHealth>& health);

}  // namespace halfwave
