#include <halfwave/version.h>

#include "bench_report.h"
#include "layers/skipping.h"
#include "train/options_json.h"

namespace halfwave::cli {
namespace {

using Json = nlohmann::ordered_json;

Json machine_json(const MachineSpeed& machine) {
  return {{"processor", machine.processor},         {"instruction_set", machine.instruction_set},
          {"processors", machine.processors},       {"threads", machine.threads},
          {"peak_one", machine.peak_one},           {"peak_all", machine.peak_all},
          {"copy_in_cache", machine.copy_in_cache}, {"copy_in_memory", machine.copy_in_memory}};
}

Json crossovers_json() {
  const Calibration& used = calibration();
  const Crossovers& table = crossovers();
  Json json{{"measured", used.measured}};
  json["file"] = used.measured ? Json(used.file) : Json(nullptr);
  json["batches"] = table.batches;
  json["outputs"] = table.outputs;
  for (const Product product : kProducts)
    json["densities"][std::string(product_name(product))] =
        table.densities[static_cast<std::size_t>(product)];
  return json;
}

Json product_json(const ProductSpeed& p) {
  Json json{{"product", p.product},
            {"batch", p.batch},
            {"inputs", p.inputs},
            {"outputs", p.outputs},
            {"dense_seconds", p.dense_seconds},
            {"dense_rate", p.operations() / p.dense_seconds}};
  json["points"] = Json::array();
  for (const ProductSpeed::Point& point : p.points)
    json["points"].push_back({{"density", point.density},
                              {"seconds", point.seconds},
                              {"ratio", point.ratio},
                              {"rate", p.operations() / point.seconds}});
  json["crossover"] = p.crossover;
  return json;
}

Json layer_json(const LayerSpeed& layer, double sum) {
  const auto of_product = [&](auto value) { return layer.multiplies ? Json(value) : Json(nullptr); };
  const auto measured = [](double value) { return value > 0.0 ? Json(value) : Json(nullptr); };
  return {{"name", layer.name},
          {"line", layer.line},
          {"inputs", layer.inputs},
          {"outputs", layer.outputs},
          {"density", of_product(layer.density)},
          {"skips", of_product(layer.skips)},
          {"seconds", layer.seconds},
          {"share", layer.seconds / sum},
          {"roofline_seconds", of_product(layer.roofline_seconds)},
          {"below_roofline", of_product(layer.roofline_seconds / layer.seconds)},
          {"backward_seconds", measured(layer.backward_seconds)},
          {"backward_roofline_seconds", measured(layer.backward_roofline_seconds)}};
}

Json run_json(const ModelSpeed& run) {
  const bool backward = run.backward_seconds > 0.0;
  Json json{{"batch", run.batch},
            {"threads", run.threads},
            {"peak", run.peak},
            {"seconds", run.seconds},
            {"examples_per_second", static_cast<double>(run.batch) / run.seconds},
            {"roofline_seconds", run.roofline_seconds},
            {"below_roofline", run.roofline_seconds / run.seconds},
            {"backward_seconds", backward ? Json(run.backward_seconds) : Json(nullptr)},
            {"backward_roofline_seconds", backward ? Json(run.backward_roofline_seconds) : Json(nullptr)}};
  double sum = 0.0;
  for (const LayerSpeed& layer : run.layers) sum += layer.seconds;
  json["layers"] = Json::array();
  for (const LayerSpeed& layer : run.layers) json["layers"].push_back(layer_json(layer, sum));
  return json;
}

}  // namespace

Json bench_json(const BenchReport& report) {
  Json json{{"command", "bench"}, {"version", version()}, {"options", options_json(report.options)}};
  if (report.machine) json["machine"] = machine_json(*report.machine);
  json["crossovers"] = crossovers_json();
  if (!report.products.empty()) {
    json["products"] = Json::array();
    for (const ProductSpeed& p : report.products) json["products"].push_back(product_json(p));
  }
  if (!report.runs.empty()) {
    json["model"] = report.model;
    json["network"] = {{"line", report.network}};
    json["data"] = report.data.empty() ? Json(nullptr) : Json{{"name", report.data}};
    json["runs"] = Json::array();
    for (const ModelSpeed& run : report.runs) json["runs"].push_back(run_json(run));
  }
  json["picture"] = report.picture.empty() ? Json(nullptr) : Json(report.picture);
  json["warnings"] = report.warnings;
  return json;
}

}  // namespace halfwave::cli
