#include "predictions.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <halfwave/error.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "core/file.h"
#include "graph/model_parts.h"
#include "io/npz_write.h"

namespace halfwave::cli {
namespace {

bool classifies(const Model& model) { return model.schema().task == Task::classification; }

std::string_view last_layer(const Model& model) {
  const Network& network = model.parts().network;
  return network.layer(network.size() - 1).info().name;
}

float sigmoid(float x) { return 1.0f / (1.0f + std::exp(-x)); }

void score_classes(Score& score, const Model& model, const Examples& examples,
                   std::span<const float> predictions) {
  const std::vector<std::int32_t> predicted = model.classes(predictions);
  score.classes = std::max(model.schema().classes.size(), model.outputs());
  score.confusion.assign(score.classes * score.classes, 0);
  std::uint64_t right = 0;
  for (std::size_t i = 0; i < examples.count; ++i) {
    right += predicted[i] == examples.labels[i] ? 1 : 0;
    ++score.confusion[static_cast<std::size_t>(examples.labels[i]) * score.classes +
                      static_cast<std::size_t>(predicted[i])];
  }
  score.accuracy = static_cast<double>(right) / static_cast<double>(examples.count);
}

void score_numbers(Score& score, const Examples& examples, std::span<const float> predictions) {
  double squares = 0.0, sizes = 0.0;
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    const double error = static_cast<double>(predictions[i]) - static_cast<double>(examples.targets[i]);
    squares += error * error;
    sizes += std::fabs(error);
  }
  const auto n = static_cast<double>(predictions.size());
  score.rmse = std::sqrt(squares / n);
  score.mae = sizes / n;
}

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted(1, '"');
  for (const char c : text) quoted.append(c == '"' ? 2 : 1, c);
  quoted += '"';
  return quoted;
}

}  // namespace

std::uint64_t Score::examples_of(std::size_t label) const {
  const auto row = confusion.begin() + static_cast<std::ptrdiff_t>(label * classes);
  return std::accumulate(row, row + static_cast<std::ptrdiff_t>(classes), std::uint64_t{0});
}

Score score_predictions(const Model& model, const Examples& examples, std::span<const float> predictions) {
  Score score;
  if (!examples.labels.empty()) {
    score_classes(score, model, examples, predictions);
  } else {
    score_numbers(score, examples, predictions);
  }
  return score;
}

std::string class_name(const Schema& schema, std::size_t label) {
  return label < schema.classes.size() ? schema.classes[label] : fmt::format("{}", label);
}

std::vector<float> class_probabilities(const Model& model, std::span<const float> row) {
  const std::string_view last = last_layer(model);
  if (row.size() == 1) {
    const float p = last == "sigmoid" ? row[0] : sigmoid(row[0]);
    return {1.0f - p, p};
  }
  std::vector<float> probabilities(row.begin(), row.end());
  if (last == "softmax") return probabilities;
  const float largest = *std::max_element(row.begin(), row.end());
  float sum = 0.0f;
  for (float& p : probabilities) sum += p = std::exp(p - largest);
  for (float& p : probabilities) p /= sum;
  return probabilities;
}

std::vector<std::string> prediction_columns(const Model& model) {
  const Schema& schema = model.schema();
  std::vector<std::string> columns;
  if (classifies(model)) {
    columns.emplace_back("predicted");
    columns.insert(columns.end(), schema.classes.begin(), schema.classes.end());
  } else if (model.outputs() == 1) {
    columns.push_back(schema.target.empty() ? "predicted" : schema.target);
  } else {
    for (std::size_t i = 0; i < model.outputs(); ++i) columns.push_back(fmt::format("predicted_{}", i + 1));
  }
  return columns;
}

std::vector<std::string> prediction_cells(const Model& model, std::span<const float> row, int digits) {
  const auto text = [&](float x) {
    return digits == 0 ? fmt::format("{}", x) : fmt::format("{:.{}g}", x, digits);
  };
  std::vector<std::string> cells;
  if (!classifies(model)) {
    for (const float value : row) cells.push_back(text(value));
    return cells;
  }
  cells.push_back(model.schema().classes[static_cast<std::size_t>(model.classes(row)[0])]);
  for (const float p : class_probabilities(model, row)) cells.push_back(text(p));
  return cells;
}

std::string csv_line(std::span<const std::string> cells) {
  std::string line;
  for (const std::string& cell : cells) line += csv_cell(cell) + ',';
  line.back() = '\n';
  return line;
}

std::string csv_text(const Model& model, std::span<const float> predictions) {
  std::string text = csv_line(prediction_columns(model));
  const std::size_t outputs = model.outputs();
  for (std::size_t at = 0; at < predictions.size(); at += outputs)
    text += csv_line(prediction_cells(model, predictions.subspan(at, outputs)));
  return text;
}

namespace {

std::size_t numbers_of(const ModelResult& result) {
  return std::accumulate(result.shape.begin(), result.shape.end(), std::size_t{1},
                         [](std::size_t n, std::int64_t axis) { return n * static_cast<std::size_t>(axis); });
}

std::vector<std::size_t> with_batch(std::size_t examples, std::span<const std::int64_t> shape) {
  std::vector<std::size_t> all{examples};
  for (const std::int64_t axis : shape) all.push_back(static_cast<std::size_t>(axis));
  return all;
}

/// The results of a model, at least one.
std::vector<ModelResult> results_of(const Model& model) {
  if (!model.parts().results.empty()) return model.parts().results;
  return {{"predictions", {static_cast<std::int64_t>(model.outputs())}}};
}

/// Columns first … first+count-1 of predictions [examples, outputs].
std::vector<float> columns_of(std::span<const float> predictions, std::size_t outputs, std::size_t first,
                              std::size_t count) {
  std::vector<float> part;
  part.reserve(predictions.size() / outputs * count);
  for (std::size_t at = first; at < predictions.size(); at += outputs)
    part.insert(part.end(), predictions.begin() + static_cast<std::ptrdiff_t>(at),
                predictions.begin() + static_cast<std::ptrdiff_t>(at + count));
  return part;
}

}  // namespace

void check_predictions_file(const std::string& path, const Model& model) {
  std::vector<std::string> names;
  for (const ModelResult& result : model.parts().results) names.push_back(result.name);
  if (names.size() > 1 && !path.ends_with(".npz"))
    throw usage_error(fmt::format("--out {}: the model has {} results ({}); a .npz file holds all of them.",
                                  path, names.size(), fmt::join(names, ", ")));
}

void write_predictions(const std::string& path, const Model& model, std::span<const float> predictions) {
  if (path.ends_with(".csv")) return write_file_atomically(path, csv_text(model, predictions));
  const std::vector<ModelResult> results = results_of(model);
  const std::size_t outputs = model.outputs(), examples = predictions.size() / outputs;
  if (path.ends_with(".npy")) return write_npy(path, predictions, with_batch(examples, results[0].shape));
  std::vector<std::vector<float>> parts;
  std::vector<NpzMember> members;
  std::size_t first = 0;
  for (const ModelResult& result : results) {
    parts.push_back(columns_of(predictions, outputs, first, numbers_of(result)));
    members.push_back(
        npz_member(result.name, std::span(std::as_const(parts.back())), with_batch(examples, result.shape)));
    first += numbers_of(result);
  }
  write_npz(path, members);
}

}  // namespace halfwave::cli
