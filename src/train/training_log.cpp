#include "train/training_log.h"

#include <fmt/format.h>
#include <halfwave/version.h>

#include <nlohmann/json.hpp>
#include <string_view>

#include "core/histogram.h"
#include "core/team.h"
#include "train/run_identity.h"

namespace halfwave {
namespace {

using Json = nlohmann::ordered_json;

/// "density/dense_1": TensorBoard puts what has the same first part side by side.
std::string tag(std::string_view what, std::string_view layer) { return fmt::format("{}/{}", what, layer); }

/// Without the padding of rows.
Histogram histogram_of(const float* matrix, std::size_t rows, std::size_t columns) {
  Histogram histogram;
  for (std::size_t row = 0; row < rows; ++row)
    histogram.add(std::span(matrix + row * row_stride(columns), columns));
  return histogram;
}

EventFile::Hyperparameter hyperparameter(const std::string& name, const Json& value) {
  if (value.is_boolean()) return {name, value.get<bool>()};
  if (value.is_number()) return {name, value.get<double>()};
  if (value.is_string()) return {name, value.get<std::string>()};
  return {name, value.dump()};
}

/// A table row's text: bars would end a cell.
std::string cell(const Json& value) {
  std::string text;
  for (const char c : value.dump(-1, ' ', false, Json::error_handler_t::replace))
    text += c == '|' ? "&#124;" : std::string(1, c);
  return text;
}

}  // namespace

TrainingLog::TrainingLog(const std::string& folder, const Dataset& data, const TrainOptions& options,
                         const Network& network, std::int64_t updates)
    : data_(data),
      network_(network),
      health_(options.health),
      threads_(static_cast<int>(options.threads)),
      file_(folder, updates == 0 ? 0 : updates + 1) {  // what a resumed run did before it stopped stays
  if (updates == 0 || !file_.follows_others()) add_start(options, updates);
}

void TrainingLog::add_start(const TrainOptions& options, std::int64_t updates) {
  const Json values = shaping_options(options);
  std::vector<EventFile::Hyperparameter> hyperparameters;
  std::string table = "| option | value |\n| --- | --- |\n";
  for (const auto& [name, value] : values.items()) {
    hyperparameters.push_back(hyperparameter(name, value));
    table += fmt::format("| {} | {} |\n", name, cell(value));
  }
  file_.add_text("network", fmt::format("    {}\n\n{} parameters", network_.line(), network_.parameters()));
  file_.add_text("data", fmt::format("{}: {} training and {} test examples, {} features", data_.name,
                                     data_.train.count, data_.test.count, data_.schema.features()));
  file_.add_text("options", fmt::format("{}\nHalfwave {}", table, version()));
  file_.add_hyperparameters(hyperparameters);
  file_.write(updates);
}

void TrainingLog::activations(const Plan& plan, std::size_t batch) {
  for (const NetworkTensor& tensor : network_.tensors()) {
    if (!tensor.spec.decays || tensor.layer >= plan.layers()) continue;
    const std::size_t activation = network_.activation_behind(tensor.layer);
    if (activation >= plan.layers()) continue;
    const Shape& shape = network_.layer(activation).output();
    file_.add_histogram(
        tag("activations", network_.layer_name(tensor.layer)),
        histogram_of(plan.layer_output(activation), batch * shape.positions(), shape.channels));
  }
}

void TrainingLog::epoch(const EpochReport& report, std::int64_t updates, const Plan& plan) {
  add_figures(report);
  add_tensors(plan);
  file_.write(updates);
}

void TrainingLog::add_figures(const EpochReport& report) {
  const bool regression = data_.schema.task == Task::regression;
  file_.add_scalar("loss/train", report.loss);
  if (!regression) file_.add_scalar("accuracy/train", report.train_accuracy);
  if (data_.test.count > 0) {
    file_.add_scalar("loss/test", report.test_loss);
    if (regression)
      file_.add_scalar("rmse/test", report.test_rmse);
    else
      file_.add_scalar("accuracy/test", report.test_accuracy);
  }
  file_.add_scalar("learning_rate", report.learning_rate);
  if (report.seconds > 0.0)
    file_.add_scalar("examples_per_second", static_cast<double>(data_.train.count) / report.seconds);
  for (const LayerHealth& layer : report.layers) {
    if (health_) {
      file_.add_scalar(tag("density", layer.name), layer.density);
      file_.add_scalar(tag("dead_units", layer.name), static_cast<double>(layer.dead_units));
    }
    file_.add_scalar(tag("gradient_norm", layer.name), layer.gradient_norm);
    file_.add_scalar(tag("weight_norm", layer.name), layer.weight_norm);
  }
}

void TrainingLog::add_tensors(const Plan& plan) {
  struct Numbers {
    std::string tag;
    const NetworkTensor* tensor;
    const float* block;  ///< the network's, or one like it
    Histogram histogram;
  };
  std::vector<Numbers> all;
  for (const NetworkTensor& tensor : network_.tensors()) {
    if (tensor.layer >= plan.layers()) continue;
    const std::string& layer = network_.layer_name(tensor.layer);
    if (tensor.spec.decays) {
      all.push_back({tag("weights", layer), &tensor, network_.values().data(), {}});
      all.push_back({tag("gradients", layer), &tensor, plan.gradients().data(), {}});
    } else if (tensor.spec.name == "bias") {
      all.push_back({tag("biases", layer), &tensor, network_.values().data(), {}});
    }
  }
  run_tasks(threads_, static_cast<int>(all.size()), [&](int task) {
    Numbers& numbers = all[static_cast<std::size_t>(task)];
    numbers.histogram.add(numbers.tensor->spec.load(numbers.block + numbers.tensor->offset));
  });
  for (const Numbers& numbers : all) file_.add_histogram(numbers.tag, numbers.histogram);
}

}  // namespace halfwave
