#pragma once
#include <halfwave/train.h>

#include <memory>

#include "graph/model_parts.h"

namespace halfwave {

/// The options with every automatic value filled in but the learning rate, which depends on the network;
/// `start` is the model to train further. Throws Error (usage) for values out of range.
TrainOptions resolve(const TrainOptions& options, const Dataset& data, const Model* start = nullptr);

/// Mean and deviation of the training part: by feature for rows of numbers, by channel for images, and for
/// signals where the network takes them as such (grid); and of the targets.
Preprocessing fit_preprocessing(const Dataset& data, bool standardise, bool grid = false);

/// The network that the options ask for, initialised, with preprocessing and schema; or a copy of `start`.
std::shared_ptr<ModelParts> make_model(const Dataset& data, const TrainOptions& options, const Model* start);

}  // namespace halfwave
