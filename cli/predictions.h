#pragma once
#include <halfwave/dataset.h>
#include <halfwave/model.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace halfwave::cli {

/// How good predictions are on labelled examples.
struct Score {
  double accuracy = 0.0;                 ///< of classes
  double rmse = 0.0, mae = 0.0;          ///< regression, in the target's units, over all targets
  std::size_t classes = 0;               ///< 0: numbers
  std::vector<std::uint64_t> confusion;  ///< of classes: [true class, predicted class]

  std::uint64_t examples_of(std::size_t label) const;
  std::uint64_t confused(std::size_t label, std::size_t predicted) const {
    return confusion[label * classes + predicted];
  }
};

/// predictions: [examples, outputs] as Model::predict gives them. By classes wherever the examples have
/// labels.
Score score_predictions(const Model& model, const Examples& examples, std::span<const float> predictions);

/// The name of a class: its number where the model has no names.
std::string class_name(const Schema& schema, std::size_t label);

/// One probability a class from one row of predictions: the softmax of logits, or the sigmoid for a single
/// output; where the network ends in softmax or sigmoid its outputs are probabilities already.
std::vector<float> class_probabilities(const Model& model, std::span<const float> row);

/// Names of what csv_text writes: "predicted" and a probability for each class, or the targets.
std::vector<std::string> prediction_columns(const Model& model);
/// The same for one row of predictions, its numbers in so many significant digits; 0: in as many as read back
/// exactly.
std::vector<std::string> prediction_cells(const Model& model, std::span<const float> row, int digits = 0);

/// One line of CSV (RFC 4180), its end included.
std::string csv_line(std::span<const std::string> cells);

/// A header and one line an example.
std::string csv_text(const Model& model, std::span<const float> predictions);

/// Throws Error (usage) where the file's kind has no room for all results of the model.
void check_predictions_file(const std::string& path, const Model& model);
/// Writes all predictions as the file's ending says: .csv, .npy in the shape of the model's result, or .npz
/// with one array a result.
void write_predictions(const std::string& path, const Model& model, std::span<const float> predictions);

}  // namespace halfwave::cli
