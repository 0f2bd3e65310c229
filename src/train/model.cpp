#include <fmt/format.h>
#include <halfwave/error.h>
#include <halfwave/model.h>

#include <algorithm>

#include "core/team.h"
#include "io/model_file.h"
#include "train/check_examples.h"
#include "train/evaluator.h"

namespace halfwave {
namespace {

int team_of(int threads) { return threads > 0 ? std::min(threads, 1024) : available_threads(); }

}  // namespace

Model Model::load(const std::string& path) { return Model(std::make_shared<ModelParts>(read_model(path))); }

void Model::save(const std::string& path) const { write_model(*parts_, path); }

const Schema& Model::schema() const { return parts_->schema; }
std::string Model::network() const { return parts_->network.line(); }
std::size_t Model::parameters() const { return parts_->network.parameters(); }
std::size_t Model::outputs() const { return parts_->network.outputs(); }
const std::map<std::string, std::string>& Model::facts() const { return parts_->facts; }

std::vector<float> Model::predict(const Examples& examples, int threads) const {
  check_examples(examples, schema(), Labels::unused, "The data to predict");
  const std::size_t outputs = parts_->network.outputs();
  const Preprocessing& preprocessing = parts_->preprocessing;
  std::vector<float> predictions(examples.count * outputs);
  Evaluator evaluator(*parts_, parts_->network.size(), examples.count, team_of(threads));
  evaluator.run(examples, [&](std::size_t first, std::size_t count, const float* y, std::size_t stride) {
    for (std::size_t i = 0; i < count; ++i) {
      float* to = predictions.data() + (first + i) * outputs;
      std::copy_n(y + i * stride, outputs, to);
      for (std::size_t j = 0; j < preprocessing.target_scale.size(); ++j)
        to[j] = to[j] * preprocessing.target_scale[j] + preprocessing.target_mean[j];
    }
  });
  return predictions;
}

std::vector<float> Model::predict(std::span<const float> inputs, std::size_t count, int threads) const {
  if (inputs.size() != count * schema().features())
    throw usage_error(fmt::format("{} numbers are not {} examples of {} features.", inputs.size(), count,
                                  schema().features()));
  Examples examples;
  examples.count = count;
  examples.values = std::vector<float>(inputs.begin(), inputs.end());
  return predict(examples, threads);
}

std::vector<std::int32_t> Model::classes(std::span<const float> predictions) const {
  const std::size_t n = outputs();
  std::vector<std::int32_t> classes(predictions.size() / n);
  const bool probability = parts_->network.layer(parts_->network.size() - 1).info().name == "sigmoid";
  for (std::size_t i = 0; i < classes.size(); ++i) {
    const float* row = predictions.data() + i * n;
    classes[i] = n == 1 ? static_cast<std::int32_t>(row[0] > (probability ? 0.5f : 0.0f))
                        : static_cast<std::int32_t>(std::max_element(row, row + n) - row);
  }
  return classes;
}

Evaluation evaluate(const Model& model, const Examples& examples, int threads) {
  if (!examples.labelled()) throw input_error("The examples have no labels or targets to compare with.");
  ModelParts& parts = model.parts();
  check_examples(examples, parts.schema, Labels::needed, "The data to evaluate");
  Evaluator evaluator(parts, logit_layers(parts), examples.count, team_of(threads));
  return evaluator.evaluate(examples);
}

}  // namespace halfwave
