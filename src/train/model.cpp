#include <fmt/format.h>
#include <halfwave/error.h>
#include <halfwave/model.h>

#include <algorithm>

#include "io/model_file.h"
#include "train/check_examples.h"
#include "train/evaluator.h"
#include "train/run_layer.h"

namespace halfwave {

Model Model::load(const std::string& path) {
  auto parts = std::make_shared<ModelParts>(read_model(path));
  parts->schema.foreign = parts->original != nullptr && parts->facts.empty();  // not trained here since
  return Model(std::move(parts));
}

void Model::save(const std::string& path) const { write_model(*parts_, path); }

const Schema& Model::schema() const { return parts_->schema; }
std::string Model::network() const { return parts_->network.line(); }
std::size_t Model::parameters() const { return parts_->network.parameters(); }
std::size_t Model::outputs() const { return parts_->network.outputs(); }
const std::map<std::string, std::string>& Model::facts() const { return parts_->facts; }

std::vector<float> Model::predict(const Examples& examples, int threads, const RunProgress& progress) const {
  check_examples(examples, schema(), Labels::unused, "The data to predict");
  const std::size_t outputs = parts_->network.outputs();
  std::vector<float> predictions(examples.count * outputs);
  Evaluator evaluator(*parts_, parts_->network.size(), examples.count, team_of(threads));
  evaluator.run(examples, [&](std::size_t first, std::size_t count, const Plan& plan) {
    read_predictions(parts_->preprocessing, plan, count, predictions.data() + first * outputs);
    if (progress) progress(first + count);
  });
  return predictions;
}

std::vector<LayerSummary> Model::layers() const { return layers_of(parts_->network); }

std::vector<float> Model::layer_output(std::string_view layer, const Examples& examples, int threads,
                                       const RunProgress& progress) const {
  std::vector<float> output;
  run_layer(*parts_, find_layer(parts_->network, layer), examples, team_of(threads),
            [&](std::size_t done, std::span<const float> rows) {
              output.insert(output.end(), rows.begin(), rows.end());
              if (progress) progress(done);
            });
  return output;
}

SparseRows Model::layer_code(std::string_view layer, const Examples& examples, int threads,
                             const RunProgress& progress) const {
  const std::size_t index = find_layer(parts_->network, layer);
  SparseRows code;
  code.columns = parts_->network.layer(index).output().numbers();
  run_layer(*parts_, index, examples, team_of(threads), [&](std::size_t done, std::span<const float> rows) {
    for (; !rows.empty(); rows = rows.subspan(code.columns)) code.add(rows.first(code.columns));
    if (progress) progress(done);
  });
  return code;
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

struct Predictor::Parts {
  std::shared_ptr<ModelParts> model;
  std::size_t batch;
  InputForm form;
  Plan plan;
  StepContext context;
  std::vector<float> predictions;

  Parts(const Model& from, std::size_t most, int threads)
      : model(from.shared_parts()),
        batch(std::max<std::size_t>(most, 1)),
        form(*model),
        plan(model->network, {.batch = batch, .rest = form.rest_or_null()}),
        predictions(batch * model->network.outputs()) {
    context.threads = team_of(threads);
  }

  template <class Number>
  std::span<const float> predict(std::span<const Number> inputs) {
    const std::size_t features = form.mean.size(), count = inputs.size() / features;
    if (count * features != inputs.size() || count == 0 || count > batch)
      throw usage_error(
          fmt::format("{} numbers are not 1 to {} examples of {} features.", inputs.size(), batch, features));
    context.batch = count;
    gather(inputs.data(), form, context, plan);
    plan.forward(context);
    read_predictions(model->preprocessing, plan, count, predictions.data());
    return {predictions.data(), count * model->network.outputs()};
  }
};

Predictor::Predictor(const Model& model, std::size_t batch, int threads)
    : parts_(std::make_unique<Parts>(model, batch, threads)) {}
Predictor::~Predictor() = default;
Predictor::Predictor(Predictor&&) noexcept = default;
Predictor& Predictor::operator=(Predictor&&) noexcept = default;

std::span<const float> Predictor::predict(std::span<const float> inputs) { return parts_->predict(inputs); }
std::span<const float> Predictor::predict(std::span<const std::uint8_t> inputs) {
  return parts_->predict(inputs);
}

Evaluation evaluate(const Model& model, const Examples& examples, int threads) {
  if (!examples.labelled()) throw input_error("The examples have no labels or targets to compare with.");
  ModelParts& parts = model.parts();
  check_examples(examples, parts.schema, Labels::needed, "The data to evaluate");
  Evaluator evaluator(parts, logit_layers(parts), examples.count, team_of(threads));
  return evaluator.evaluate(examples);
}

}  // namespace halfwave
