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

/// How many layers make the outputs that a loss is about: all but a closing softmax (or, of one output,
/// sigmoid) of a classification, which is part of the loss.
std::size_t logit_layers(const ModelParts& parts);

/// Rows first … first+count-1 of the examples, standardised, into x [count, stride].
void gather(const Examples& examples, const Preprocessing& preprocessing, std::size_t first,
            std::size_t count, float* x, std::size_t stride, int threads);
/// The rows named by `rows`.
void gather(const Examples& examples, const Preprocessing& preprocessing, std::span<const std::uint32_t> rows,
            float* x, std::size_t stride, int threads);

}  // namespace halfwave
