#include "run_json.h"

#include "data_options.h"
#include "train/options_json.h"

namespace halfwave::cli {
namespace {

using Json = nlohmann::ordered_json;

Json layer_json(const LayerHealth& layer, bool health) {
  return {{"name", layer.name},
          {"density", health ? Json(layer.density) : Json(nullptr)},
          {"dead_units", health ? Json(layer.dead_units) : Json(nullptr)},
          {"units", layer.units},
          {"gradient_norm", layer.gradient_norm},
          {"weight_norm", layer.weight_norm}};
}

}  // namespace

const char* end_name(TrainResult::End end) {
  switch (end) {
    case TrainResult::End::finished:
      return "finished";
    case TrainResult::End::stopped_early:
      return "stopped_early";
    case TrainResult::End::interrupted:
      return "interrupted";
    case TrainResult::End::diverged:
      return "diverged";
  }
  return "finished";
}

void add_test_scores(Json& json, const EpochReport& epoch, const RunShape& shape) {
  if (!shape.has_test) return;
  const bool classes = shape.task == Task::classification;
  json[classes ? "test_accuracy" : "test_rmse"] = classes ? epoch.test_accuracy : epoch.test_rmse;
  json["test_loss"] = epoch.test_loss;
}

Json epoch_json(const EpochReport& epoch, const RunShape& shape) {
  Json json{{"epoch", epoch.epoch}, {"loss", epoch.loss}};
  if (shape.task == Task::classification) json["train_accuracy"] = epoch.train_accuracy;
  add_test_scores(json, epoch, shape);
  json["seconds"] = epoch.seconds;
  json["learning_rate"] = epoch.learning_rate;
  json["layers"] = Json::array();
  for (const LayerHealth& layer : epoch.layers) json["layers"].push_back(layer_json(layer, shape.health));
  return json;
}

Json data_json(const Dataset& data) {
  const bool classes = data.schema.task == Task::classification;
  Json json{{"name", data.name}, {"task", classes ? "classification" : "regression"}};
  json["train"] = data.train.count;
  json["test"] = data.test.count;
  json["features"] = data.feature_names.empty() ? Json(data.schema.features()) : Json(data.feature_names);
  json["classes"] = classes ? Json(data.schema.classes) : Json(nullptr);
  return json;
}

Json data_options_json(const DataOptions& options) {
  Json json = Json::object();
  visit_data_options(options,
                     [&](const OptionInfo& info, const auto& value) { json[json_key(info.name)] = value; });
  return json;
}

}  // namespace halfwave::cli
