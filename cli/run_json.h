#pragma once
#include <halfwave/dataset.h>
#include <halfwave/train.h>

#include <nlohmann/json.hpp>

#include "progress.h"

namespace halfwave::cli {

// What train and compare say of a run in the same words; docs/json.md has it key by key.

/// "finished", "stopped_early", "interrupted" or "diverged".
const char* end_name(TrainResult::End end);

/// An epoch's figures, those that task and test part allow.
nlohmann::ordered_json epoch_json(const EpochReport& epoch, const RunShape& shape);

/// The figures of the test part in an epoch, as far as task and test part allow.
void add_test_scores(nlohmann::ordered_json& json, const EpochReport& epoch, const RunShape& shape);

nlohmann::ordered_json data_json(const Dataset& data);

/// Every option of the data that has a flag, with its value.
nlohmann::ordered_json data_options_json(const DataOptions& options);

}  // namespace halfwave::cli
