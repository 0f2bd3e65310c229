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
  double accuracy = 0.0;         ///< classification
  double rmse = 0.0, mae = 0.0;  ///< regression, in the target's units, over all targets
  std::size_t classes = 0;
  std::vector<std::uint64_t> confusion;  ///< classification: [true class, predicted class]

  std::uint64_t examples_of(std::size_t label) const;
  std::uint64_t confused(std::size_t label, std::size_t predicted) const {
    return confusion[label * classes + predicted];
  }
};

/// predictions: [examples, outputs] as Model::predict gives them.
Score score_predictions(const Model& model, const Examples& examples, std::span<const float> predictions);

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

/// Header of a NumPy file, format 1.0, of little-endian float32 [rows, columns] in C order; the numbers
/// follow it.
std::string npy_header(std::size_t rows, std::size_t columns);

}  // namespace halfwave::cli
