#pragma once
#include <halfwave/bench.h>

#include <span>
#include <string>

namespace halfwave::cli {

/// SVG: how many times as fast as dense, over density; a field for each product and width, a line for each
/// batch.
std::string products_picture(const MachineSpeed& machine, std::span<const ProductSpeed> products);

/// SVG: time of each layer as a bar, and its dense roofline as a mark; a field for each batch.
std::string model_picture(const MachineSpeed& machine, const std::string& network,
                          std::span<const ModelSpeed> runs);

}  // namespace halfwave::cli
