#pragma once
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "halfwave/dataset.h"
#include "io/array.h"

namespace halfwave {

/// Inputs, and labels where there are any, as files have them: before it is known what the classes are.
struct Part {
  Array inputs;                 ///< [count, …]
  std::optional<Array> labels;  ///< [count], [count, 1] or [count, outputs]
};

struct Parts {
  Part train;
  std::optional<Part> test;
  bool class_labels = false;             ///< integers are classes however many there are: IDX, CIFAR
  std::vector<std::string> class_names;  ///< where the source names its classes
};

/// What of a source with several parts is needed: all, or only the test part (the only part where there is
/// one).
enum class Needed { all, test };

/// Makes a data set of the parts: classes or targets, the shape of one example, counts that match.
/// The test part stays empty where there is none. Throws Error (input).
Dataset assemble(Parts parts, const DataOptions& options);

/// Fits one part to the schema of a model; of what was made of it that is not plain, `warnings` tells. Throws
/// Error (input) that names both shapes, or the unknown class.
Examples fit(Part part, const Schema& schema, std::vector<std::string>& warnings);

/// Takes the labels as classes or targets of the examples; a foreign model's that do not fit are left out,
/// and a warning says so. Throws Error (input).
void fit_labels(const Array& labels, const Schema& schema, Examples& examples,
                std::vector<std::string>& warnings);

/// Labels 0 … outputs - 1, the last of them among them, for a foreign model: they are its classes, whatever
/// its task.
bool count_outputs(std::span<const std::int32_t> labels, const Schema& schema);

/// Calls job 0, 1, … for the files, on the threads of the team where the files are large enough for it, and
/// throws what the first failing one threw. An empty path stands for a job that reads nothing.
void for_each_file(const std::vector<std::filesystem::path>& files,
                   const std::function<void(std::size_t)>& job);

}  // namespace halfwave
