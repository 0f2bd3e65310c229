#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "graph/network.h"

namespace halfwave {

/// Names of the schemes, for --init.
std::vector<std::string> initialisation_names();

/// Draws the weights of every dense layer; biases become `bias`. scheme: "auto" follows the activation behind
/// the layer: He for rectifiers, LeCun for self-normalising ones, Xavier otherwise, with that activation's
/// gain; the last layer gets LeCun. "constant" is followed by its value, as in "constant 0.1". The draws
/// depend on seed and layer only: with one seed the weights of two normal schemes differ by a factor for each
/// layer, those of a uniform scheme are the same ones in the same order of size, and orthogonal ones are made
/// of them.
void initialise(Network& network, std::string_view scheme, double bias, std::uint64_t seed);

}  // namespace halfwave
