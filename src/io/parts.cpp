#include "io/parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <numeric>
#include <set>

#include "core/suggest.h"
#include "core/team.h"
#include "halfwave/error.h"
#include "io/labels.h"

namespace halfwave {
namespace {

/// The shape of one example: {height, width} is an image of one channel; channels at the end move to the
/// front.
std::vector<std::int64_t> example_shape(Array& inputs) {
  std::vector<std::size_t>& shape = inputs.shape;
  const auto channels = [](std::size_t n) { return n == 1 || n == 3 || n == 4; };
  if (shape.size() == 4 && channels(shape[3]) && !channels(shape[1])) channels_first(inputs);
  if (shape.size() <= 1) return {1};
  std::vector<std::int64_t> example(shape.begin() + 1, shape.end());
  if (example.size() == 2) example.insert(example.begin(), 1);
  return example;
}

void check_part(const Part& part) {
  const Array& inputs = part.inputs;
  if (inputs.shape.empty() || inputs.count() == 0)
    throw input_error(fmt::format("{}: holds no examples", inputs.name));
  if (inputs.row_size() == 0)
    throw input_error(
        fmt::format("{}: its examples are empty: shape {}", inputs.name, shape_text(inputs.shape)));
  if (part.labels && part.labels->count() != inputs.count()) {
    throw input_error(fmt::format("{}: {} labels for the {} examples of {}", part.labels->name,
                                  part.labels->count(), inputs.count(), inputs.name));
  }
}

std::size_t label_width(const Array& labels) { return labels.shape.size() < 2 ? 1 : labels.row_size(); }

/// [count, classes] with a single one in every row becomes [count] class numbers.
void decode_one_hot(Array& labels) {
  const std::size_t width = label_width(labels);
  auto* values = std::get_if<std::vector<double>>(&labels.values);
  if (width < 2 || values == nullptr) return;
  std::vector<double> numbers;
  for (std::size_t row = 0; row < values->size(); row += width) {
    const auto begin = values->begin() + static_cast<std::ptrdiff_t>(row),
               end = begin + static_cast<std::ptrdiff_t>(width);
    const auto ones = std::count(begin, end, 1.0), zeros = std::count(begin, end, 0.0);
    if (ones != 1 || ones + zeros != static_cast<std::ptrdiff_t>(width)) return;
    numbers.push_back(static_cast<double>(std::find(begin, end, 1.0) - begin));
  }
  *values = std::move(numbers);
  labels.shape = {labels.shape[0]};
  labels.integer = true;
}

/// 0, 1, … without a gap, each for two examples or more: class numbers, however many.
bool counts_classes(const std::set<double>& distinct, std::size_t count) {
  return !distinct.empty() && *distinct.begin() == 0 &&
         *distinct.rbegin() == static_cast<double>(distinct.size() - 1) && 2 * distinct.size() <= count;
}

Task find_task(const Array& labels, const Parts& parts, const std::string& wanted) {
  if (wanted != "auto") return wanted == "regression" ? Task::regression : Task::classification;
  if (std::holds_alternative<std::vector<std::string>>(labels.values)) return Task::classification;
  if (label_width(labels) > 1) return Task::regression;
  if (parts.class_labels && labels.integer) return Task::classification;
  const auto& values = std::get<std::vector<double>>(labels.values);
  const std::set<double> distinct(values.begin(), values.end());
  if (labels.integer && counts_classes(distinct, values.size())) return Task::classification;
  return look_like_classes(distinct) ? Task::classification : Task::regression;
}

std::vector<std::string> find_classes(const Array& labels) {
  if (const auto* texts = std::get_if<std::vector<std::string>>(&labels.values)) {
    const std::set<std::string> distinct(texts->begin(), texts->end());
    return {distinct.begin(), distinct.end()};
  }
  const auto& values = std::get<std::vector<double>>(labels.values);
  std::vector<std::string> names;
  for (const double value : std::set<double>(values.begin(), values.end()))
    names.push_back(number_text(value));
  return names;
}

std::vector<std::int32_t> class_indices(const Array& labels, const std::vector<std::string>& classes) {
  if (label_width(labels) > 1) {
    throw input_error(fmt::format("{}: {} numbers an example, shape {}, where one class is needed",
                                  labels.name, label_width(labels), shape_text(labels.shape)));
  }
  const ClassMap map(classes);
  std::vector<std::int32_t> indices(labels.count());
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const auto* texts = std::get_if<std::vector<std::string>>(&labels.values);
    const std::string text =
        texts != nullptr ? (*texts)[i] : number_text(std::get<std::vector<double>>(labels.values)[i]);
    indices[i] = map.find(text);
    if (indices[i] < 0) {
      throw input_error(
          fmt::format("{}: label '{}' of example {} {}", labels.name, text, i, map.why_unknown(text)));
    }
  }
  return indices;
}

std::vector<float> target_values(const Array& labels, std::size_t outputs) {
  const auto* values = std::get_if<std::vector<double>>(&labels.values);
  if (values == nullptr)
    throw input_error(fmt::format("{}: holds text where regression needs numbers", labels.name));
  if (label_width(labels) != outputs) {
    throw input_error(fmt::format("{}: {} targets an example where {} are needed", labels.name,
                                  label_width(labels), outputs));
  }
  std::vector<float> targets(values->begin(), values->end());
  const auto bad = std::find_if_not(targets.begin(), targets.end(), [](float x) { return std::isfinite(x); });
  if (bad != targets.end()) {
    const auto at = static_cast<std::size_t>(bad - targets.begin());
    throw input_error(
        fmt::format("{}: {:g} at row {}, column {} (counted from 0) is too large for a 32-bit number",
                    labels.name, (*values)[at], at / outputs, at % outputs));
  }
  return targets;
}

std::string example_text(const std::vector<std::int64_t>& shape) {
  return shape_text(std::vector<std::size_t>(shape.begin(), shape.end()));
}

/// Texts that are as many as the classes of a foreign model, which have numbers for names: classes in the
/// order of the alphabet, as other programs number them.
std::vector<std::int32_t> classes_in_order(const Array& labels, const Schema& schema,
                                           std::vector<std::string>& warnings) {
  const std::vector<std::string> names = find_classes(labels);
  if (names.size() != schema.classes.size()) return class_indices(labels, schema.classes);
  std::string list;
  for (std::size_t c = 0; c < std::min<std::size_t>(names.size(), 10); ++c)
    list += fmt::format("{}{} = {}", c == 0 ? "" : ", ", c, names[c]);
  warnings.push_back(fmt::format("{}: the model has no names for its classes; taken in their order: {}{}",
                                 labels.name, list, names.size() > 10 ? ", …" : ""));
  return class_indices(labels, names);
}

/// The labels as classes, or as targets, of the examples.
void take_labels(const Array& labels, const Schema& schema, Examples& examples,
                 std::vector<std::string>& warnings) {
  const bool texts = std::holds_alternative<std::vector<std::string>>(labels.values);
  if (schema.task == Task::classification) {
    examples.labels = schema.foreign && texts ? classes_in_order(labels, schema, warnings)
                                              : class_indices(labels, schema.classes);
    return;
  }
  if (schema.foreign && !texts && label_width(labels) == 1) {
    const auto& values = std::get<std::vector<double>>(labels.values);
    std::vector<std::int32_t> numbers;
    constexpr double kMost = 1e9;
    for (const double value : values)
      if (value == std::floor(value) && std::fabs(value) < kMost)
        numbers.push_back(static_cast<std::int32_t>(value));
    if (numbers.size() == values.size() && count_outputs(numbers, schema)) {
      examples.labels = std::move(numbers);
      return;
    }
  }
  examples.targets = target_values(labels, schema.outputs);
}

Examples to_examples(Part& part, const Schema& schema, std::vector<std::string>& warnings) {
  Examples examples;
  examples.count = part.inputs.count();
  if (auto* bytes = std::get_if<Bytes>(&part.inputs.values)) examples.values = std::move(*bytes);
  if (auto* floats = std::get_if<std::vector<float>>(&part.inputs.values))
    examples.values = std::move(*floats);
  if (part.labels) fit_labels(*part.labels, schema, examples, warnings);
  return examples;
}

/// Without axes of size one.
template <class Axes>
std::vector<std::size_t> squeezed(const Axes& axes) {
  std::vector<std::size_t> rest;
  for (const auto axis : axes)
    if (axis != 1) rest.push_back(static_cast<std::size_t>(axis));
  return rest;
}

/// Brings the axes of the inputs, [count, …], into the order of the schema's. Throws Error (input) where they
/// cannot be the same numbers.
void fit_axes(Array& inputs, const Schema& schema) {
  const std::span<const std::size_t> own = std::span(inputs.shape).subspan(1);
  const std::vector<std::size_t> wanted(schema.shape.begin(), schema.shape.end());
  if (std::ranges::equal(own, wanted)) return;
  if (own.size() == 3 && wanted == std::vector{own[2], own[0], own[1]}) return channels_first(inputs);
  if (own.size() == 3 && wanted == std::vector{own[1], own[2], own[0]}) return channels_last(inputs);
  const std::vector<std::int64_t> usual = example_shape(inputs);
  const std::vector<std::size_t> all = squeezed(usual), needed = squeezed(wanted);
  const bool flat = all.size() < 2 || needed.size() < 2;
  if (inputs.row_size() == schema.features() && (all == needed || flat)) return;
  throw input_error(fmt::format("{}: examples of shape {} ({} numbers) where the network takes {} ({})",
                                inputs.name, example_text(usual), inputs.row_size(),
                                example_text(schema.shape), schema.features()));
}

}  // namespace

Dataset assemble(Parts parts, const DataOptions& options) {
  check_part(parts.train);
  Dataset data;
  Schema& schema = data.schema;
  schema.shape = example_shape(parts.train.inputs);
  Array& labels = *parts.train.labels;
  decode_one_hot(labels);
  schema.task = find_task(labels, parts, options.task);
  if (schema.task == Task::classification) {
    schema.classes = parts.class_names.empty() ? find_classes(labels) : parts.class_names;
    check_classes(labels.name, find_classes(labels).size());
  } else {
    schema.outputs = label_width(labels);
  }
  data.train = to_examples(parts.train, schema, data.warnings);
  if (parts.test) data.test = fit(std::move(*parts.test), schema, data.warnings);
  return data;
}

Examples fit(Part part, const Schema& schema, std::vector<std::string>& warnings) {
  check_part(part);
  fit_axes(part.inputs, schema);
  if (part.labels && schema.task == Task::classification) decode_one_hot(*part.labels);
  return to_examples(part, schema, warnings);
}

void fit_labels(const Array& labels, const Schema& schema, Examples& examples,
                std::vector<std::string>& warnings) {
  try {
    take_labels(labels, schema, examples, warnings);
  } catch (const Error& error) {
    if (!schema.foreign) throw;
    warnings.push_back(fmt::format("the labels do not fit the model and are left out: {}", error.what()));
  }
}

bool count_outputs(std::span<const std::int32_t> labels, const Schema& schema) {
  if (!schema.foreign || schema.outputs < 2 || labels.empty()) return false;
  const auto [least, most] = std::ranges::minmax(labels);
  return least >= 0 && static_cast<std::size_t>(most) + 1 == schema.outputs;
}

void for_each_file(const std::vector<std::filesystem::path>& files,
                   const std::function<void(std::size_t)>& job) {
  constexpr std::uintmax_t kWorthThreads = std::uintmax_t{1} << 20;  // bytes
  std::uintmax_t bytes = 0;
  for (const std::filesystem::path& file : files) {
    std::error_code error;
    const std::uintmax_t size = file.empty() ? 0 : std::filesystem::file_size(file, error);
    if (!error) bytes += size;
  }
  std::vector<std::exception_ptr> failures(files.size());
  std::atomic<std::size_t> next{0};
  const int threads =
      bytes < kWorthThreads ? 1 : std::min(static_cast<int>(files.size()), available_threads());
  run_team(threads, [&](int, int) {
    for (std::size_t i = next++; i < files.size(); i = next++) {
      try {
        job(i);
      } catch (...) {
        failures[i] = std::current_exception();
      }
    }
  });
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

}  // namespace halfwave
