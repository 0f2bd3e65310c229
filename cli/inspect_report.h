#pragma once
#include <halfwave/heal.h>
#include <halfwave/inspect.h>
#include <halfwave/train.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace halfwave::cli {

/// An inspection and what belongs to it.
struct InspectReport {
  std::string model;    ///< its file, or the line or name that it was made from
  std::string network;  ///< its line
  std::size_t parameters = 0;
  std::string data;  ///< "": without
  bool labelled = false;
  InspectOptions options;
  std::optional<TrainOptions> made;  ///< how the network was made, where it is from no file
  Inspection inspection;
  std::optional<Healing> healing;  ///< where it was asked for
  std::string healed_model;        ///< its file; "": none was written
  std::vector<std::string> warnings;

  /// Findings of some weight; those after them are remarks.
  std::size_t weighty() const;
};

/// For people: a headline, the layers, the findings, in lines of at most `width` columns.
std::string inspect_text(const InspectReport& report, std::size_t width);

/// docs/json.md has it key by key.
nlohmann::ordered_json inspect_json(const InspectReport& report);
nlohmann::ordered_json finding_json(const Finding& finding);

/// Whether an option of training also says how a network that is not from a file begins.
bool shapes_network(const OptionInfo& info);

}  // namespace halfwave::cli
