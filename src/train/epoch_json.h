#pragma once
#include <halfwave/train.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <span>
#include <type_traits>
#include <vector>

namespace halfwave {

// What is kept of an epoch, in checkpoints and in the store of compare. One list of fields for both
// directions: visit(name, field).
template <class Self, class Visitor>
void visit_layer(Self& layer, Visitor&& visit) {
  visit("name", layer.name);
  visit("density", layer.density);
  visit("dead_units", layer.dead_units);
  visit("units", layer.units);
  visit("gradient_norm", layer.gradient_norm);
  visit("weight_norm", layer.weight_norm);
}

template <class Self, class Visitor>
void visit_report(Self& report, Visitor&& visit) {
  visit("epoch", report.epoch);
  visit("loss", report.loss);
  visit("train_accuracy", report.train_accuracy);
  visit("test_loss", report.test_loss);
  visit("test_accuracy", report.test_accuracy);
  visit("test_rmse", report.test_rmse);
  visit("learning_rate", report.learning_rate);
  visit("seconds", report.seconds);
}

/// A field from its JSON, where a number that is not finite is null; it comes back as NaN.
template <class Value>
void read_field(const nlohmann::ordered_json& from, Value& value) {
  if constexpr (std::is_floating_point_v<Value>) {
    if (from.is_null()) {
      value = std::numeric_limits<Value>::quiet_NaN();
      return;
    }
  }
  from.get_to(value);
}

inline nlohmann::ordered_json epochs_json(std::span<const EpochReport> epochs) {
  auto json = nlohmann::ordered_json::array();
  for (const EpochReport& epoch : epochs) {
    nlohmann::ordered_json& item = json.emplace_back();
    visit_report(epoch, [&](const char* name, const auto& value) { item[name] = value; });
    item["layers"] = nlohmann::ordered_json::array();
    for (const LayerHealth& layer : epoch.layers)
      visit_layer(layer, [&to = item["layers"].emplace_back()](const char* name, const auto& value) {
        to[name] = value;
      });
  }
  return json;
}

/// Throws what the JSON library throws where the JSON is none of epochs_json's.
inline std::vector<EpochReport> epochs_from_json(const nlohmann::ordered_json& json) {
  const auto read = [](const nlohmann::ordered_json& from) {
    return [&from](const char* name, auto& value) { read_field(from.at(name), value); };
  };
  std::vector<EpochReport> epochs;
  for (const auto& item : json) {
    visit_report(epochs.emplace_back(), read(item));
    for (const auto& layer : item.at("layers")) visit_layer(epochs.back().layers.emplace_back(), read(layer));
  }
  return epochs;
}

}  // namespace halfwave
