#pragma once
#include <string_view>

#include "graph/network.h"

namespace halfwave {

/// Reads a network line (docs/networks.md has the grammar) without binding it to any data: numbers that
/// follow from the data stay open. The word `activation` stands for `activation`, e.g. "leaky_relu 0.1".
/// Throws Error (usage) naming the layer and what is near.
NetworkLine read_network_line(std::string_view text, std::string_view activation = "relu");

/// A residual join: its output is the sum of its branches, so its own gradient is that of each of them.
bool adds_branches(const Layer& layer);
/// residual(A | input), which is written residual(A); multiply(A | input) too.
bool joins_its_input(const NetworkLine::Item& item);

}  // namespace halfwave
