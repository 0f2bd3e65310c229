#pragma once
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "graph/model_parts.h"

namespace halfwave {

/// Threads to work with where a user asked for so many; 0: all.
int team_of(int threads);

/// For Model::layers().
std::vector<LayerSummary> layers_of(const Network& network);

/// The layer of that name. Throws Error (usage) with the names that are near, and all of them.
std::size_t find_layer(const Network& network, std::string_view name);

/// Calls take(done, rows) for the examples in their order, some at a time: their outputs of the layer, [some,
/// numbers], those of grids channels first. done: so many examples are computed now. Throws Error (usage)
/// where the examples do not fit the model.
void run_layer(ModelParts& model, std::size_t layer, const Examples& examples, int threads,
               const std::function<void(std::size_t done, std::span<const float> rows)>& take);

}  // namespace halfwave
