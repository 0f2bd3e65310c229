#include "train_report.h"

#include <fmt/format.h>
#include <halfwave/version.h>

#include <algorithm>

#include "diagnose/rules.h"
#include "run_json.h"
#include "table.h"
#include "text.h"
#include "train/health.h"
#include "train/options_json.h"

namespace halfwave::cli {
namespace {

using Json = nlohmann::ordered_json;

Json result_json(const TrainReport& report) {
  const TrainResult& result = report.result;
  Json json = Json::object();
  if (const EpochReport* best = report.best()) {
    add_test_scores(json, *best, report.shape());
    json["loss"] = best->loss;
  } else {
    if (report.data.test.count > 0)
      json[report.data.schema.task == Task::classification ? "test_accuracy" : "test_rmse"] = nullptr;
    json["loss"] = nullptr;
  }
  json["seconds"] = result.seconds;
  json["examples_per_second"] = result.examples_per_second;
  json["epoch"] = result.best_epoch;
  json["end"] = end_name(result.end);
  return json;
}

std::string health_table(const std::vector<LayerHealth>& layers, std::size_t width) {
  TextTable table({{"layer"},
                   {"density", Align::right},
                   {"dead units", Align::right},
                   {"gradient", Align::right},
                   {"weights", Align::right},
                   {"health"}});
  for (const LayerHealth& layer : layers) {
    table.add({layer.name, percent(layer.density), fmt::format("{} of {}", layer.dead_units, layer.units),
               short_number(layer.gradient_norm), short_number(layer.weight_norm),
               health_in_words(layer, layers)});
  }
  return table.text(width);
}

}  // namespace

const EpochReport* TrainReport::best() const {
  const auto found = std::find_if(result.epochs.begin(), result.epochs.end(),
                                  [&](const EpochReport& epoch) { return epoch.epoch == result.best_epoch; });
  return found == result.epochs.end() ? nullptr : &*found;
}

Json train_json(const TrainReport& report) {
  const TrainResult& result = report.result;
  Json options = data_options_json(report.data_options);
  options.update(options_json(result.options));
  Json json{{"command", "train"}, {"version", version()}};
  json["data"] = data_json(report.data);
  json["network"] = {{"line", result.model.network()}, {"parameters", result.model.parameters()}};
  json["options"] = std::move(options);
  json["epochs"] = Json::array();
  for (const EpochReport& epoch : result.epochs) json["epochs"].push_back(epoch_json(epoch, report.shape()));
  json["result"] = result_json(report);
  json["model"] = report.model_path.empty() ? Json(nullptr) : Json(report.model_path);
  json["warnings"] = report.warnings;
  if (result.end == TrainResult::End::diverged) json["diverged"] = result.message;
  if (!report.resume.empty()) json["resume"] = report.resume;
  return json;
}

std::string health_in_words(const LayerHealth& layer, const std::vector<LayerHealth>& layers) {
  constexpr double kFewNonzeros = 0.02;
  if (layer.units > 0 && layer.dead_units == layer.units) return "all units are dead: nothing passes";
  const std::vector<LayerInspection> inspected = inspect_health({layer, layers.back()});
  if (inspected[0].gradient_ratio < kVanishing) return "its gradient vanishes";
  if (inspected[0].gradient_ratio > kExploding) return "its gradient explodes";
  // The rules tell a healthy layer of many zeros from a dying one.
  for (const Finding& finding : judge_units(inspected))
    if (finding.where == layer.name && finding.weight >= kWeightOfRemark)
      return fmt::format("{} of its units are dead",
                         percent(finding.number / static_cast<double>(layer.units)));
  if (layer.density < kFewNonzeros) return "almost always zero";
  return layer.dead_units > 0 ? "healthy, a few dead units" : "healthy";
}

std::string train_summary(const TrainReport& report, std::size_t width) {
  const TrainResult& result = report.result;
  const RunShape shape = report.shape();
  TextTable figures(std::vector<TextTable::Column>(2));
  const EpochReport* best = report.best();
  if (best != nullptr && shape.has_test && shape.task == Task::classification)
    figures.add({"test accuracy", percent(best->test_accuracy)});
  if (best != nullptr && shape.has_test && shape.task == Task::regression)
    figures.add({"test RMSE", fmt::format("{:.5g}", best->test_rmse)});
  if (best != nullptr) figures.add({"loss", short_number(best->loss)});
  figures.add({"epochs", best != nullptr && result.best_epoch != result.epochs.back().epoch
                             ? fmt::format("{} of {}; the model is from epoch {}", result.epochs.size(),
                                           result.options.epochs, result.best_epoch)
                             : fmt::format("{} of {}", result.epochs.size(), result.options.epochs)});
  figures.add({"network", result.model.network()});
  figures.add({"parameters", grouped(result.model.parameters())});
  figures.add(
      {"time", fmt::format("{}, {} examples/s", duration(result.seconds),
                           grouped(static_cast<std::uint64_t>(std::max(0.0, result.examples_per_second))))});
  figures.add({"model", report.model_path.empty() ? "not written" : report.model_path});
  const bool measured = best != nullptr && shape.health && !best->layers.empty();
  return measured ? fmt::format("{}\n{}", figures.text(width), health_table(best->layers, width))
                  : figures.text(width);
}

}  // namespace halfwave::cli
