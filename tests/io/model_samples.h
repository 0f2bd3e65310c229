#pragma once
// Models for the tests of the model files: every kind of layer, of input and of output, with random numbers.
#include <algorithm>
#include <cmath>

#include "graph/model_parts.h"
#include "io/model_conv_samples.h"

namespace halfwave::test {

/// "celu alpha=1.7": a layer whose fields are not at their defaults.
inline std::string line_with_other_fields(const LayerInfo& kind) {
  std::string line(kind.name);
  for (const LayerField& field : kind.fields) {
    const double value = std::clamp(1.5 * field.value + 0.2, field.low, field.high);
    line += fmt::format(" {}={}", field.name, field.inferred ? 11.0 : field.whole ? std::ceil(value) : value);
  }
  return line;
}

/// One sample for every kind of layer, another for every kind with fields, one for each kind of input and
/// output, and networks of convolutions.
inline std::vector<ModelSample> model_samples() {
  std::vector<ModelSample> samples;
  for (const LayerInfo& kind : layer_kinds()) {
    const KindTraits traits = traits_of(kind);
    if (traits.needs_grid || kind.name == "unflatten") continue;
    const char* const branches = traits.joins ? "(dense 23, relu | dense 23)" : "";
    if (!traits.needs_units)
      samples.push_back({std::string(kind.name), fmt::format("dense 23, {}{}, dense", kind.name, branches),
                         array_schema({12}, 5)});
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
  add_kinds_on_grids(samples);
  add_fields_on_grids(samples);
  add_conv_networks(samples);
  add_random_conv_networks(samples);
  return samples;
}

inline std::vector<float> random_row(Random& random, std::size_t n, double mean, double deviation) {
  std::vector<float> row(n);
  for (float& x : row) x = static_cast<float>(mean + deviation * random.normal());
  return row;
}

/// The sample with random numbers; images have a mean and scale for each channel, as it is common.
inline ModelParts make_model(const ModelSample& sample, std::uint64_t seed) {
  Random random(seed, stream_id(Stream::data));
  const Schema& schema = sample.schema;
  const std::size_t outputs = schema.task == Task::regression ? schema.outputs
                              : sample.name == "one-logit"    ? 1
                                                              : schema.classes.size();
  ModelParts parts{parse_network(sample.line, schema.shape, outputs), schema, {}, {}};
  for (const NetworkTensor& tensor : parts.network.tensors()) {
    std::vector<float> numbers = random_row(random, tensor.spec.count(), 0.0, 0.3);
    if (tensor.spec.name == "variance")
      for (float& x : numbers) x = 0.5f + std::abs(x);
    parts.network.set(tensor, numbers);
  }
  Preprocessing& p = parts.preprocessing;
  p.mean = random_row(random, schema.features(), 0.0, 1.0);
  p.scale = random_row(random, schema.features(), 1.0, 0.2);
  if (schema.shape.size() > 1 && !sample.by_number) {
    const std::size_t channels = schema.shape.size() == 2 ? 1 : static_cast<std::size_t>(schema.shape[0]);
    const std::size_t positions = schema.features() / channels;
    for (std::size_t i = 0; i < schema.features(); ++i) {
      p.mean[i] = 33.3f + static_cast<float>(i / positions);
      p.scale[i] = 0.0127f / static_cast<float>(1 + i / positions);
    }
  }
  if (schema.task == Task::regression) {
    p.target_mean = random_row(random, outputs, 100.0, 10.0);
    p.target_scale = random_row(random, outputs, 20.0, 1.0);
  }
  parts.facts = {{"epochs", "12"}, {"test_accuracy", "0.97"}, {"", "\"quoted\"\n"}, {"bytes", "\xE3"}};
  return parts;
}

}  // namespace halfwave::test
