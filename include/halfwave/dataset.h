#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace halfwave {

enum class Task { classification, regression };

/// One column of a table, as a model takes it.
struct Column {
  enum class Kind { numeric, text };
  std::string name;
  Kind kind = Kind::numeric;
  float fill = 0.0f;  ///< numeric: what a missing value becomes (the mean of the training part)
  std::vector<std::string> categories;  ///< text: one feature each; an unknown or missing text gives zeros
};

/// What a model must know of its data: enough to read more data of the same kind and to name its predictions.
struct Schema {
  Task task = Task::classification;
  std::vector<std::int64_t> shape;   ///< of one example, e.g. {1, 28, 28} (channels first) or {features}
  std::vector<Column> columns;       ///< tables only: first the numeric columns, then the text columns
  std::string target;                ///< tables only: the target column's name
  std::vector<std::string> classes;  ///< classification: the name of class 0, 1, …
  std::size_t outputs = 1;           ///< regression: targets per example
  /// Of a model that another program wrote: its file says nothing of the data but their sizes. Labels that do
  /// not fit are then left out, with a warning, and integers that count as many classes as there are outputs
  /// are classes whatever the task.
  bool foreign = false;

  std::size_t features() const;  ///< numbers per example: the product of the shape
};

/// Examples in memory, as they are stored: bytes stay bytes, so images take a quarter of their size as float.
struct Examples {
  std::size_t count = 0;
  std::variant<std::vector<std::uint8_t>, std::vector<float>> values;  ///< [count, features], row after row
  std::vector<std::int32_t> labels;                                    ///< classification: [count]
  std::vector<float> targets;                                          ///< regression: [count, outputs]

  bool labelled() const { return !labels.empty() || !targets.empty(); }
};

struct Dataset {
  std::string name;  ///< short: "fashion-mnist", or the file's name without its ending
  Schema schema;
  Examples train;
  Examples test;                           ///< the separate test part, or the split-off validation part
  std::vector<std::string> feature_names;  ///< tables: one a feature, after one-hot; else empty
  std::vector<std::string> warnings;       ///< missing values, constant columns, duplicated rows, …
};

/// Called while a named data set is downloaded: the file, its bytes so far, and in all (0: not known yet).
using DownloadProgress =
    std::function<void(const std::string& file, std::uint64_t done, std::uint64_t total)>;

/// DataOptions::test: not the data's own test part, which is left alone, but one split off the training part.
/// Choices (epochs, learning rate, when to stop) made by it leave the test part unseen.
inline constexpr std::string_view kSplitTest = "split";

/// Where data come from and how they are read.
struct DataOptions {
  std::string source;         ///< DATA: a built-in or named set, a folder or a file
  std::string test;           ///< a file with the separate test part, "", or kSplitTest
  std::string target;         ///< tables: the target column, by name or number (-1: the last); "": the last
  std::string task = "auto";  ///< "auto", "classification" or "regression"
  bool header = true;         ///< tables: the first row names the columns
  double validation = 0.2;    ///< the share split off where there is no test part; stratified
  std::int64_t examples = 0;  ///< so many training examples, drawn by the seed and stratified; 0: all
  std::uint64_t seed = 0;
  DownloadProgress progress;  ///< may be empty; the library itself prints nothing
};

/// Reads a data set whole. Throws Error (input: file and place named; usage: wrong name or column, near ones
/// suggested).
Dataset load_dataset(const DataOptions& options);

/// The same with the usual options.
inline Dataset load_dataset(const std::string& source) {
  DataOptions options;
  options.source = source;
  return load_dataset(options);
}

/// Reads examples for a model that exists already, labels or targets too where they are present (else
/// Examples has none). Examples may have their axes otherwise than the schema as long as it is plain what is
/// meant: as one axis, without axes of size one, with the channels at the end. Of a source with several parts
/// it is the test part. Of the options only source, header and progress count: the rest is in the schema.
/// What was made of missing or unknown values is added to `warnings` where they are asked for. Throws Error
/// (input) where the data do not fit the schema.
Examples load_examples(const DataOptions& options, const Schema& schema,
                       std::vector<std::string>* warnings = nullptr);

/// A built-in or named data set, for `halfwave list data`.
struct DataInfo {
  std::string name, kind, size, description;
};
std::vector<DataInfo> named_datasets();

}  // namespace halfwave
