#pragma once
#include <halfwave/compare.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "io/run_store.h"

namespace halfwave {

// What a store's rows have of a comparison, and back. Doubles come back bit for bit; in JSON one that is not
// finite is null and comes back as NaN. What reads throws Json::exception where the text is none of these.

StoredRun stored_run(RunKey key, std::uint64_t seed, const ComparedRun& run);
ComparedRun compared_run(const StoredRun& stored);

std::string search_text(const std::vector<TriedRate>& search);
std::vector<TriedRate> search_from(const std::string& text);

std::string texts_text(const std::vector<std::string>& texts);
std::vector<std::string> texts_from(const std::string& text);

/// The options that shape a run, without the seed: with the seed, and data and version, what a run is.
std::string key_options(const TrainOptions& options);
/// All others.
std::string other_options(const TrainOptions& options);
/// From both; an option that an older version did not have is as it is usually.
TrainOptions options_from(const std::string& key_options, const std::string& other_options);

}  // namespace halfwave
