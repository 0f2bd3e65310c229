// write_sample_models DIR: for every sample model DIR/NAME.onnx, and DIR/NAME.json with raw inputs and what
// Halfwave predicts for them: {"inputs": {NAME: rows}, "output": rows}; null is a missing number.
// write_sample_models --read FILE: reads a model file; exit code 3 and a message where Halfwave refuses it.
#include <halfwave/error.h>
#include <halfwave/model.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "io/model_file.h"
#include "io/model_samples.h"
#include "io/onnx_export.h"

namespace halfwave::test {
namespace {

constexpr std::size_t kRows = 40;

/// What a model is given: rows by the name of the input; and the same as Halfwave's own readers hand them
/// over.
struct RawInputs {
  nlohmann::json json;
  std::vector<float> features;  ///< [rows, features]
};

RawInputs array_inputs(const Schema& schema, Random& random) {
  RawInputs raw;
  const bool image = schema.shape.size() > 1;
  for (std::size_t i = 0; i < kRows * schema.features(); ++i)
    raw.features.push_back(image ? static_cast<float>(random.below(256))
                                 : static_cast<float>(2.0 * random.normal()));
  std::vector<std::int64_t> shape{static_cast<std::int64_t>(kRows)};
  shape.insert(shape.end(), schema.shape.begin(), schema.shape.end());
  raw.json["input"] = {{"shape", shape}, {"numbers", raw.features}};
  return raw;
}

/// Every fifth number is missing, every fifth text unknown or missing. The inputs are named in the order of
/// the columns.
RawInputs table_inputs(const Schema& schema, const onnx::GraphProto& graph, Random& random) {
  RawInputs raw;
  std::vector<nlohmann::json> texts(schema.columns.size(), nlohmann::json::array());
  nlohmann::json numbers = nlohmann::json::array();
  std::int64_t numeric = 0;
  for (const Column& column : schema.columns) numeric += column.kind == Column::Kind::numeric;
  for (std::size_t row = 0; row < kRows; ++row)
    for (std::size_t c = 0; c < schema.columns.size(); ++c) {
      const Column& column = schema.columns[c];
      const bool missing = random.below(5) == 0;
      if (column.kind == Column::Kind::numeric) {
        const auto number = static_cast<float>(random.normal());
        raw.features.push_back(missing ? column.fill : number);
        numbers.push_back(missing ? nlohmann::json() : nlohmann::json(number));
        continue;
      }
      const std::size_t n = column.categories.size();
      if (n == 0) continue;
      const std::size_t chosen = missing ? n : random.below(n);
      for (std::size_t i = 0; i < n; ++i) raw.features.push_back(i == chosen ? 1.0f : 0.0f);
      texts[c].push_back(missing ? (row % 2 == 0 ? "" : "never seen") : column.categories[chosen]);
    }
  int input = 0;
  if (numeric > 0)
    raw.json[graph.input(input++).name()] = {{"shape", {kRows, numeric}}, {"numbers", numbers}};
  for (const nlohmann::json& column : texts)
    if (!column.empty()) raw.json[graph.input(input++).name()] = {{"shape", {kRows, 1}}, {"texts", column}};
  return raw;
}

void write_sample(const ModelSample& sample, const std::filesystem::path& folder) {
  Random random(7, stream_id(Stream::data, 1));
  const auto parts = std::make_shared<ModelParts>(make_model(sample, 5));
  write_model(*parts, folder / (sample.name + ".onnx"));
  const Schema& schema = sample.schema;
  const onnx::ModelProto model = to_onnx(*parts, Weights::omitted);
  RawInputs raw =
      schema.columns.empty() ? array_inputs(schema, random) : table_inputs(schema, model.graph(), random);
  const std::vector<float> output = Model(parts).predict(raw.features, kRows, 1);
  const nlohmann::json json{{"inputs", raw.json},
                            {"output", {{"shape", {kRows, parts->network.outputs()}}, {"numbers", output}}}};
  std::ofstream(folder / (sample.name + ".json")) << json;
}

}  // namespace
}  // namespace halfwave::test

int main(int argc, char** argv) {
  using namespace halfwave;
  try {
    if (argc == 3 && std::string(argv[1]) == "--read") {
      read_model(argv[2]);
    } else if (argc == 2) {
      for (const test::ModelSample& sample : test::model_samples())
        if (sample.name != "latin-1") test::write_sample(sample, argv[1]);  // JSON cannot hold its texts
    } else {
      std::fputs("usage: write_sample_models DIR | --read FILE\n", stderr);
      return 2;
    }
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.kind());
  }
  return 0;
}
