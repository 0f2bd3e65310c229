#pragma once
#include <halfwave/dataset.h>
#include <halfwave/train.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "progress.h"

namespace halfwave::cli {

/// A finished run and what belongs to it.
struct TrainReport {
  const Dataset& data;
  const DataOptions& data_options;
  const TrainResult& result;
  std::string model_path;  ///< "": none was written
  std::string resume;      ///< interrupted: the command that goes on; else ""
  std::vector<std::string> warnings;

  RunShape shape() const { return {data.schema.task, data.test.count > 0, result.options.health}; }
  /// The epoch that the model is from, or null where no epoch was finished.
  const EpochReport* best() const;
};

/// docs/json.md has it key by key. Numbers that are not finite become null.
nlohmann::ordered_json train_json(const TrainReport& report);

/// The result for people: figures, then one line a layer, in lines of at most `width` columns.
std::string train_summary(const TrainReport& report, std::size_t width);

/// What a layer's figures mean, e.g. "healthy" or "12 of 64 units are dead". `layers`: all of the network,
/// for comparison.
std::string health_in_words(const LayerHealth& layer, const std::vector<LayerHealth>& layers);

}  // namespace halfwave::cli
