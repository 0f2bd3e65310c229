#pragma once
#include <halfwave/model.h>

#include <map>
#include <string>
#include <vector>

#include "graph/network.h"

namespace halfwave {

/// (x - mean) · scale by feature before the network; y · target_scale + target_mean after it.
struct Preprocessing {
  std::vector<float> mean, scale;                ///< [features]
  std::vector<float> target_mean, target_scale;  ///< [outputs] in regression, else empty
};

/// What a Model is made of.
struct ModelParts {
  Network network;
  Schema schema;
  Preprocessing preprocessing;
  std::map<std::string, std::string> facts;
};

/// Where the network's outputs are logits of a loss: the number of layers without a closing softmax or sigmoid.
std::size_t logit_layers(const Network& network);

/// Rows first … first+count-1 of the examples, standardised, into x [count, stride].
void gather(const Examples& examples, const Preprocessing& preprocessing, std::size_t first, std::size_t count, float* x,
            std::size_t stride, int threads);
/// The rows named by `rows`.
void gather(const Examples& examples, const Preprocessing& preprocessing, std::span<const std::uint32_t> rows, float* x,
            std::size_t stride, int threads);

}  // namespace halfwave
