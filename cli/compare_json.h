#pragma once
#include <nlohmann/json.hpp>
#include <span>

#include "compare_report.h"

namespace halfwave::cli {

/// docs/json.md has it key by key; the page of the report is drawn from it. What was not measured and what is
/// not finite is null.
nlohmann::ordered_json compare_json(const CompareReport& report);

/// Every option of the data, of training and of comparing that has a flag of `compare`, with its value.
nlohmann::ordered_json given_options_json(const DataOptions& data, const TrainOptions& training,
                                          const CompareOptions& comparing);

/// A comparison that is in a store: its options are those that all its variants share.
CompareReport stored_report(const Comparison& comparison);

}  // namespace halfwave::cli
