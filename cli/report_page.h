#pragma once
#include <nlohmann/json.hpp>

#include <string>

namespace halfwave::cli {

/// The report of compare: an HTML file that needs nothing else, neither other files nor a network. It is the
/// page of cli/report/ with the object in it, so that other programs can read its numbers from there (element
/// "comparison").
/// comparison: what compare writes with --json, of one data set or with "comparisons" of several. Texts may
/// hold anything, invalid UTF-8 is replaced; numbers that are not finite become null.
std::string report_page(const nlohmann::ordered_json& comparison);

}  // namespace halfwave::cli
