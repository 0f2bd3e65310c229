#include "layer_code.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <halfwave/error.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/grouped.h"
#include "io/npz_write.h"
#include "io/sparse_files.h"
#include "table.h"
#include "text.h"
#include "train/run_layer.h"

namespace halfwave::cli {
namespace {

constexpr std::size_t kRowsShown = 10, kNumbersShown = 6;

std::string shape_text(const LayerSummary& layer) { return fmt::format("{}", fmt::join(layer.shape, " x ")); }

bool is_number(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

/// LIBSVM knows numbers only: classes that have words for names are written as their numbers 0, 1, …
std::vector<std::string> labels_of(const Schema& schema, const Examples& examples) {
  std::vector<std::string> labels;
  const bool numbers = std::ranges::all_of(schema.classes, is_number);
  for (const std::int32_t label : examples.labels) {
    const auto i = static_cast<std::size_t>(label);
    labels.push_back(numbers && i < schema.classes.size() ? schema.classes[i] : fmt::format("{}", label));
  }
  const std::size_t targets = examples.targets.size() / std::max<std::size_t>(examples.count, 1);
  for (std::size_t i = 0; i < examples.count && targets > 0; ++i)
    labels.push_back(fmt::format(
        "{}", fmt::join(std::span(examples.targets).subspan(i * targets, targets), ",")));  // several: a list
  return labels;
}

}  // namespace

CodeFormat code_format(const std::string& path) {
  if (path.empty()) return CodeFormat::none;
  if (path.ends_with(".npy")) return CodeFormat::npy;
  if (path.ends_with(".npz")) return CodeFormat::npz;
  for (const char* ending : {".svm", ".libsvm", ".txt"})
    if (path.ends_with(ending)) return CodeFormat::libsvm;
  throw usage_error(fmt::format(
      "--out {}: with --layer the name must end in .npy (dense), .npz (sparse rows, for SciPy) or .svm, "
      ".libsvm or .txt (LIBSVM's text).",
      path));
}

std::uint64_t LayerCode::nonzeros() const {
  return std::accumulate(fired.begin(), fired.end(), std::uint64_t{0});
}
double LayerCode::density() const {
  const std::size_t numbers = examples * first.columns;
  return numbers == 0 ? 0.0 : static_cast<double>(nonzeros()) / static_cast<double>(numbers);
}
std::size_t LayerCode::dead_units() const {
  return static_cast<std::size_t>(std::ranges::count(fired, std::uint64_t{0}));
}

LayerCode compute_code(const Model& model, const std::string& layer, const Examples& examples, int threads,
                       CodeFormat format, const RunProgress& progress) {
  ModelParts& parts = model.parts();
  const std::size_t index = find_layer(parts.network, layer);
  LayerCode code;
  code.layer = model.layers()[index];
  code.examples = examples.count;
  const Shape& shape = parts.network.layer(index).output();
  const std::size_t numbers = shape.numbers(), positions = shape.positions();
  code.first.columns = code.sparse.columns = numbers;
  code.fired.assign(shape.channels, 0);
  if (format == CodeFormat::npy) code.dense.reserve(examples.count * numbers);
  const auto start = std::chrono::steady_clock::now();
  run_layer(parts, index, examples, team_of(threads), [&](std::size_t done, std::span<const float> rows) {
    if (format == CodeFormat::npy) code.dense.insert(code.dense.end(), rows.begin(), rows.end());
    for (; !rows.empty(); rows = rows.subspan(numbers)) {
      const std::span<const float> row = rows.first(numbers);
      if (format == CodeFormat::npz || format == CodeFormat::libsvm) code.sparse.add(row);
      if (code.first.rows() < kRowsShown) code.first.add(row);
      for (std::size_t c = 0; c < shape.channels; ++c)
        code.fired[c] += positions - static_cast<std::size_t>(
                                         std::ranges::count(row.subspan(c * positions, positions), 0.0f));
    }
    if (progress) progress(done);
  });
  code.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return code;
}

void write_code(const std::string& path, const LayerCode& code, const Schema& schema,
                const Examples& examples) {
  switch (code_format(path)) {
    case CodeFormat::none:
      return;
    case CodeFormat::npy: {
      std::vector<std::size_t> shape{code.examples};
      for (const std::int64_t axis : code.layer.shape) shape.push_back(static_cast<std::size_t>(axis));
      return write_npy(path, code.dense, shape);
    }
    case CodeFormat::npz:
      return write_csr_npz(path, code.sparse);
    case CodeFormat::libsvm:
      return write_libsvm(path, code.sparse, labels_of(schema, examples));
  }
}

std::string format_warning(const LayerCode& code, CodeFormat format) {
  constexpr double kHalf = 0.5;  // an index takes as much as a number
  if (format == CodeFormat::none || format == CodeFormat::npy || code.density() <= kHalf) return "";
  return fmt::format("{} of the numbers of {} are not zero: a .npy file would be smaller",
                     percent(code.density()), code.layer.name);
}

std::string code_text(const LayerCode& code, const std::string& out, std::size_t width) {
  TextTable figures(std::vector<TextTable::Column>(2));
  const auto count = static_cast<double>(std::max<std::size_t>(code.examples, 1));
  figures.add({"layer", fmt::format("{}: {}", code.layer.name, code.layer.line)});
  figures.add({"output", fmt::format("{} numbers an example{}", grouped(code.first.columns),
                                     code.layer.shape.size() > 1 ? ": " + shape_text(code.layer) : "")});
  figures.add({"examples", grouped(code.examples)});
  figures.add({"density", fmt::format("{}: {:.1f} numbers an example are not zero", percent(code.density()),
                                      static_cast<double>(code.nonzeros()) / count)});
  figures.add(
      {"never fire", fmt::format("{} of {} {}", grouped(code.dead_units()), grouped(code.fired.size()),
                                 code.layer.shape.size() > 1 ? "channels" : "units")});
  const double rate = code.seconds > 0.0 ? static_cast<double>(code.examples) / code.seconds : 0.0;
  figures.add({"time", fmt::format("{}, {} examples/s", duration(code.seconds),
                                   grouped(static_cast<std::uint64_t>(rate)))});
  if (!out.empty()) {
    figures.add({"written to", out});
    return figures.text(width);
  }
  TextTable rows(
      {{"example", Align::right}, {"not zero", Align::right}, {"the first of them, number:value"}});
  for (std::size_t i = 0; i < code.first.rows(); ++i) {
    const auto begin = static_cast<std::size_t>(code.first.starts[i]),
               end = static_cast<std::size_t>(code.first.starts[i + 1]);
    std::string shown;
    for (std::size_t k = begin; k < std::min(end, begin + kNumbersShown); ++k)
      shown += fmt::format("{}{}:{:.4g}", k > begin ? " " : "", code.first.indices[k], code.first.values[k]);
    if (end > begin + kNumbersShown) shown += " …";
    rows.add({fmt::format("{}", i), grouped(end - begin), shown});
  }
  return fmt::format("{}\n{}{}", figures.text(width), rows.text(width),
                     "--out FILE.npy, .npz (sparse) or .svm (LIBSVM) writes all of it\n");
}

void add_code(nlohmann::ordered_json& json, const LayerCode& code) {
  json["layer"] = {{"name", code.layer.name}, {"line", code.layer.line}, {"shape", code.layer.shape}};
  json["result"] = {
      {"density", code.density()},
      {"nonzeros", code.nonzeros()},
      {"units", code.fired.size()},
      {"dead_units", code.dead_units()},
      {"seconds", code.seconds},
      {"examples_per_second", code.seconds > 0.0 ? static_cast<double>(code.examples) / code.seconds : 0.0}};
}

std::string layers_text(const Model& model, std::size_t width) {
  TextTable table({{"layer"}, {"as in --net"}, {"output"}, {"parameters", Align::right}});
  for (const LayerSummary& layer : model.layers())
    table.add(
        {layer.name, layer.line, shape_text(layer), layer.parameters > 0 ? grouped(layer.parameters) : ""});
  return table.text(width);
}

nlohmann::ordered_json layers_json(const Model& model) {
  auto list = nlohmann::ordered_json::array();
  for (const LayerSummary& layer : model.layers())
    list.push_back({{"name", layer.name},
                    {"line", layer.line},
                    {"shape", layer.shape},
                    {"parameters", layer.parameters}});
  return list;
}

}  // namespace halfwave::cli
