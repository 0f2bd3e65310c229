#pragma once
#include <halfwave/options.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

namespace halfwave {

/// An option's name as a JSON key: "learning-rate" → "learning_rate".
inline std::string json_key(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

/// Every visited option with its value.
template <class Options>
nlohmann::ordered_json options_json(const Options& options) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  Options::visit(options,
                 [&](const OptionInfo& info, const auto& value) { json[json_key(info.name)] = value; });
  return json;
}

}  // namespace halfwave
