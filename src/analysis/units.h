#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "graph/network.h"

namespace halfwave {

// Single units of a layer with weights: the columns of a dense layer, the filters of a convolution.

/// Gives units the numbers that `fresh`, a network of the same line, has for them: their weights and biases,
/// and what the layers up to their activation hold for them.
void take_units(Network& network, const Network& fresh, std::size_t layer,
                std::span<const std::size_t> units);

/// Adds to what the next layer with weights makes of unit `to` so many times what it makes of unit `from`,
/// and lets it make nothing of `from` any more; to = kNobody: only that. Where several layers or a join take
/// the units nothing is changed.
inline constexpr std::size_t kNobody = ~std::size_t{0};
void move_outgoing(Network& network, std::size_t layer, std::size_t from, std::size_t to = kNobody,
                   float times = 1.0f);

/// Of each unit another, none of them, that is the same up to a positive factor: unit = times · twin; kNobody
/// where there is none.
struct Twin {
  std::size_t unit = kNobody;
  float times = 1.0f;
};
std::vector<Twin> twins_of(const Network& network, std::size_t layer, std::span<const std::size_t> units);

}  // namespace halfwave
