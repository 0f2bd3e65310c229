#pragma once
#include <halfwave/train.h>

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "graph/model_parts.h"

namespace halfwave {

/// A fingerprint of bytes, 16 hexadecimal digits: tells other data apart, no more.
std::string fingerprint(std::string_view bytes);

/// Of a part of the data: values, labels and targets.
std::string data_fingerprint(const Examples& examples);

/// The options that shape what comes of a run, in the order of TrainOptions::visit: neither the threads nor
/// what says where a run is kept.
nlohmann::ordered_json shaping_options(const TrainOptions& options);

/// What makes a run this run and no other, as JSON: what a checkpoint is checked against.
std::string run_identity(const Dataset& data, const TrainOptions& options, const ModelParts& model,
                         bool started);

}  // namespace halfwave
