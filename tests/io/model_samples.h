#pragma once
// Models for the tests of the model files: every kind of layer, of input and of output, with random numbers.
// numbers.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/random.h"
#include "graph/model_parts.h"
#include "layers/registry.h"

namespace halfwave::test {

struct ModelSample {
  std::string name, line;
  Schema schema;
};

inline Schema array_schema(std::vector<std::int64_t> shape, int classes) {
  Schema schema;
  schema.shape = std::move(shape);
  for (int i = 0; i < classes; ++i) schema.classes.push_back(fmt::format("class {}", i));
  return schema;
}

inline Schema regression(Schema schema, std::size_t outputs) {
  schema.task = Task::regression;
  schema.classes.clear();
  schema.outputs = outputs;
  return schema;
}

inline Column numeric_column(std::string name, float fill) {
  Column column;
  column.name = std::move(name);
  column.fill = fill;
  return column;
}

inline Column text_column(std::string name, std::vector<std::string> categories) {
  Column column;
  column.name = std::move(name);
  column.kind = Column::Kind::text;
  column.categories = std::move(categories);
  return column;
}

inline Schema table_schema(std::vector<Column> columns, int classes) {
  std::int64_t features = 0;
  for (const Column& column : columns)
    features += column.kind == Column::Kind::text ? static_cast<std::int64_t>(column.categories.size()) : 1;
  Schema schema = array_schema({features}, classes);
  schema.columns = std::move(columns);
  schema.target = "the \"target\"";
  return schema;
}

inline std::vector<Column> mixed_columns() {
  return {numeric_column("age", 38.6f), numeric_column("hours per week", -0.1f),
          numeric_column("gain", 1e-20f),
          text_column("marital-status", {"Never-married", "Divorced", "Größe", "?"}),
          text_column("sex", {"Female", "Male"})};
}

/// "celu alpha=1.7": a layer whose fields are not at their defaults.
inline std::string line_with_other_fields(const LayerInfo& kind) {
  std::string line(kind.name);
  for (const LayerField& field : kind.fields)
    line += fmt::format(" {}={}", field.name,
                        field.inferred ? 11.0 : std::clamp(1.5 * field.value + 0.2, field.low, field.high));
  return line;
}

/// One sample for every kind of layer, another for every kind with fields, and one for each kind of input and
/// output.
inline std::vector<ModelSample> model_samples() {
  std::vector<ModelSample> samples;
  for (const LayerInfo& kind : layer_kinds()) {
    const bool needs_fields = !kind.fields.empty() && kind.fields[0].inferred;
    if (!needs_fields)
      samples.push_back(
          {std::string(kind.name), fmt::format("dense 23, {}, dense", kind.name), array_schema({12}, 5)});
    if (!kind.fields.empty())
      samples.push_back({fmt::format("{}-fields", kind.name),
                         fmt::format("dense 23, {}, dense", line_with_other_fields(kind)),
                         array_schema({12}, 5)});
  }
  for (const char* last : {"softmax", "log_softmax", "sigmoid"})
    samples.push_back({fmt::format("output-{}", last), fmt::format("dense 17, relu, dense 3, {}", last),
                       array_schema({12}, 3)});
  samples.push_back({"image", "flatten, dense 31, relu, dense", array_schema({1, 6, 5}, 10)});
  samples.push_back({"no-layers-to-speak-of", "dropout", array_schema({4}, 4)});
  samples.push_back({"one-logit", "dense 9, relu, dense 1", array_schema({7}, 2)});
  samples.push_back(
      {"numeric-table", "dense 15, relu, dense",
       table_schema({numeric_column("a", 1.5f), numeric_column("b", -2.0f), numeric_column("c", 0.0f)}, 2)});
  samples.push_back({"mixed-table", "dense 15, relu, dense", table_schema(mixed_columns(), 2)});
  samples.push_back(
      {"text-table", "dense 15, relu, dense", table_schema({text_column("word", {"a", "b", "c"})}, 2)});
  samples.push_back(
      {"awkward-names", "dense 15, relu, dense",
       table_schema({numeric_column("numeric", 1.0f), text_column("dense_1.weight", {"a", "b"}),
                     text_column("logits", {"a", "b c"}), text_column("", {"x"}), text_column("empty", {}),
                     text_column("dense_1.weight", {"1"}), text_column("logits.2", {"\"quoted\"\n"})},
                    2)});
  samples.push_back(
      {"latin-1", "dense 15, relu, dense", table_schema({text_column("S\xE3o", {"S\xE3o", "\xFF"})}, 2)});
  samples.push_back({"regression", "dense 21, leaky_relu 0.2, dense", regression(array_schema({9}, 0), 3)});
  samples.push_back(
      {"mixed-regression", "dense 21, relu, dense", regression(table_schema(mixed_columns(), 0), 1)});
  return samples;
}

inline std::vector<float> random_row(Random& random, std::size_t n, double mean, double deviation) {
  std::vector<float> row(n);
  for (float& x : row) x = static_cast<float>(mean + deviation * random.normal());
  return row;
}

/// The sample with random numbers; images have one mean and scale for all pixels, as it is common.
inline ModelParts make_model(const ModelSample& sample, std::uint64_t seed) {
  Random random(seed, stream_id(Stream::data));
  const Schema& schema = sample.schema;
  const std::size_t outputs = schema.task == Task::regression ? schema.outputs
                              : sample.name == "one-logit"    ? 1
                                                              : schema.classes.size();
  ModelParts parts{parse_network(sample.line, schema.features(), outputs), schema, {}, {}};
  for (const NetworkTensor& tensor : parts.network.tensors()) {
    std::vector<float> numbers = random_row(random, tensor.spec.count(), 0.0, 0.3);
    if (tensor.spec.name == "variance")
      for (float& x : numbers) x = 0.5f + std::abs(x);
    parts.network.set(tensor, numbers);
  }
  Preprocessing& p = parts.preprocessing;
  p.mean = random_row(random, schema.features(), 0.0, 1.0);
  p.scale = random_row(random, schema.features(), 1.0, 0.2);
  if (schema.shape.size() > 1) {
    p.mean.assign(p.mean.size(), 33.3f);
    p.scale.assign(p.scale.size(), 0.0127f);
  }
  if (schema.task == Task::regression) {
    p.target_mean = random_row(random, outputs, 100.0, 10.0);
    p.target_scale = random_row(random, outputs, 20.0, 1.0);
  }
  parts.facts = {{"epochs", "12"}, {"test_accuracy", "0.97"}, {"", "\"quoted\"\n"}, {"bytes", "\xE3"}};
  return parts;
}

}  // namespace halfwave::test
