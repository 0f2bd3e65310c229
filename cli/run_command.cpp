#include <fmt/format.h>
#include <fmt/ranges.h>
#include <halfwave/error.h>
#include <halfwave/model.h>
#include <halfwave/version.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "command.h"
#include "data_options.h"
#include "graph/model_parts.h"
#include "layer_code.h"
#include "predictions.h"
#include "progress.h"
#include "table.h"
#include "text.h"
#include "train/run_layer.h"

namespace halfwave::cli {
namespace {

constexpr std::size_t kMostClassesShown = 20, kRowsShown = 10, kColumnsShown = 6;
constexpr int kDigitsShown = 4;

/// What a run of a model gave.
struct Predictions {
  Examples examples;
  std::vector<float> values;  ///< [examples, outputs]
  double seconds = 0.0;
  std::optional<Score> score;  ///< where the data have labels
  std::vector<std::string> warnings;

  double rate() const { return seconds > 0.0 ? static_cast<double>(examples.count) / seconds : 0.0; }
};

class RunCommand : public Command {
 public:
  RunCommand()
      : Command("run", "Predictions of a model, and how good they are; or what one of its layers gives.") {
    line.argument("MODEL", model_path_, "an ONNX file");
    line.argument("DATA", data_.source,
                  "as of train; of a data set with several parts its test part is taken. A .npy file is the "
                  "inputs alone",
                  false);
    line.group("Data");
    visit_reading_options(data_, [this](const OptionInfo& info, auto& field) { line.option(info, field); });
    line.group("Run");
    line.option(OptionInfo{"threads", "0: all processors", 0, 1024}, threads_);
    line.group("Output");
    line.option(
        OptionInfo{"out",
                   "where the predictions go: .npy (the network's outputs), .npz (an array for each "
                   "result) or .csv (names and probabilities); with --layer the layer's output: .npy, "
                   ".npz (sparse, for SciPy) or .svm (LIBSVM)"},
        out_);
    line.option(OptionInfo{"layer", "instead of predictions, what this layer gives, e.g. relu_1"}, layer_);
    line.option(OptionInfo{"layers", "show the names of the layers; needs no DATA"}, layers_);
    declare_common();
  }

  int run(Console& console, std::span<const std::string> words) override;

 private:
  void check_out() const;
  Examples load(Console& console, const Model& model, std::vector<std::string>& warnings);
  RunProgress progress(Console& console, std::size_t examples) const;
  Predictions predict(Console& console, const Model& model);
  std::string text(const Model& model, const Predictions& predictions, std::size_t width) const;
  nlohmann::ordered_json head() const {
    return {{"command", "run"}, {"version", version()}, {"model", model_path_}};
  }
  nlohmann::ordered_json json(const Model& model, const Predictions& predictions) const;
  int show_layers(Console& console, const Model& model) const;
  int run_layer(Console& console, const Model& model);

  std::string model_path_, out_, layer_;
  DataOptions data_;
  std::int64_t threads_ = 0;
  bool layers_ = false;
};

void RunCommand::check_out() const {
  if (!line.given("out")) return;
  if (line.given("layer"))
    code_format(out_);
  else if (!out_.ends_with(".csv") && !out_.ends_with(".npy") && !out_.ends_with(".npz"))
    throw usage_error(
        fmt::format("--out {}: the name must end in .npy (the network's outputs), .npz (an array for each "
                    "result) or .csv (names and probabilities).",
                    out_));
  check_writable(out_);
}

Examples RunCommand::load(Console& console, const Model& model, std::vector<std::string>& warnings) {
  data_.progress = [&](const std::string& file, std::uint64_t done, std::uint64_t total) {
    console.status(download_line(file, done, total));
  };
  return load_examples(data_, model.schema(), &warnings);
}

RunProgress RunCommand::progress(Console& console, std::size_t examples) const {
  return [&console, examples](std::size_t done) {
    if (console.status_due())
      console.status(fmt::format("{} of {} examples", grouped(done), grouped(examples)));
  };
}

Predictions RunCommand::predict(Console& console, const Model& model) {
  Predictions predictions;
  predictions.examples = load(console, model, predictions.warnings);
  const Examples& examples = predictions.examples;
  const auto start = std::chrono::steady_clock::now();
  predictions.values = model.predict(examples, static_cast<int>(threads_), progress(console, examples.count));
  predictions.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  console.clear_status();
  // Labels say nothing of several results.
  if (examples.labelled() && examples.count > 0 && model.parts().results.size() < 2)
    predictions.score = score_predictions(model, examples, predictions.values);
  return predictions;
}

/// How good each class is, and what it is most often taken for.
std::string class_table(const Schema& schema, const Score& score, std::size_t width) {
  TextTable table({{"class"}, {"examples", Align::right}, {"right", Align::right}, {"most often taken for"}});
  for (std::size_t c = 0; c < score.classes; ++c) {
    const std::uint64_t examples = score.examples_of(c);
    if (examples == 0) continue;
    std::size_t other = c;
    for (std::size_t p = 0; p < score.classes; ++p) {
      if (p != c && score.confused(c, p) > (other == c ? 0 : score.confused(c, other))) other = p;
    }
    table.add({class_name(schema, c), grouped(examples),
               percent(static_cast<double>(score.confused(c, c)) / static_cast<double>(examples)),
               other == c
                   ? ""
                   : fmt::format("{} ({})", class_name(schema, other), grouped(score.confused(c, other)))});
  }
  return table.text(width);
}

/// The first predictions, as csv_text would write them, but in few digits and columns.
std::string first_rows(const Model& model, const Predictions& predictions, std::size_t width) {
  std::vector<std::string> headers = prediction_columns(model);
  const std::size_t columns = std::min(headers.size(), kColumnsShown);
  std::vector<TextTable::Column> shown{{"example", Align::right}};
  for (std::size_t c = 0; c < columns; ++c) shown.push_back({headers[c], Align::right});
  TextTable table(shown);
  const std::size_t rows = std::min(predictions.examples.count, kRowsShown);
  for (std::size_t i = 0; i < rows; ++i) {
    const std::vector<std::string> cells = prediction_cells(
        model, std::span(predictions.values).subspan(i * model.outputs(), model.outputs()), kDigitsShown);
    std::vector<std::string> row{fmt::format("{}", i)};
    row.insert(row.end(), cells.begin(), cells.begin() + static_cast<std::ptrdiff_t>(columns));
    table.add(row);
  }
  std::string text = table.text(width);
  if (predictions.examples.count > rows || headers.size() > columns)
    text += fmt::format("{} of {} examples; --out FILE.csv or .npy writes all of them, with all columns\n",
                        rows, grouped(predictions.examples.count));
  return text;
}

std::string RunCommand::text(const Model& model, const Predictions& predictions, std::size_t width) const {
  TextTable figures(std::vector<TextTable::Column>(2));
  figures.add({"examples", grouped(predictions.examples.count)});
  const bool classes = predictions.score && predictions.score->classes > 0;
  if (classes) figures.add({"accuracy", percent(predictions.score->accuracy)});
  if (predictions.score && !classes) {
    figures.add({"RMSE", fmt::format("{:.5g}", predictions.score->rmse)});
    figures.add({"MAE", fmt::format("{:.5g}", predictions.score->mae)});
  }
  figures.add({"time", fmt::format("{}, {} examples/s", duration(predictions.seconds),
                                   grouped(static_cast<std::uint64_t>(predictions.rate())))});
  for (const ModelResult& result : model.parts().results)
    figures.add({"result " + result.name, fmt::format("{}", fmt::join(result.shape, " x "))});
  if (!out_.empty()) figures.add({"predictions", out_});
  std::string text = figures.text(width);
  std::string table;
  if (classes && predictions.score->classes <= kMostClassesShown)
    table = class_table(model.schema(), *predictions.score, width);
  if (!predictions.score && out_.empty()) table = first_rows(model, predictions, width);
  return table.empty() ? text : fmt::format("{}\n{}", text, table);
}

nlohmann::ordered_json RunCommand::json(const Model& model, const Predictions& predictions) const {
  using Json = nlohmann::ordered_json;
  Json result = Json::object();
  if (predictions.score && predictions.score->classes > 0) {
    const Score& score = *predictions.score;
    result["accuracy"] = score.accuracy;
    if (score.classes <= kMostClassesShown) {
      result["classes"] = Json::array();
      result["confusion"] = Json::array();
      for (std::size_t c = 0; c < score.classes; ++c) {
        result["classes"].push_back(class_name(model.schema(), c));
        const auto row = score.confusion.begin() + static_cast<std::ptrdiff_t>(c * score.classes);
        result["confusion"].push_back(
            std::vector<std::uint64_t>(row, row + static_cast<std::ptrdiff_t>(score.classes)));
      }
    }
  } else if (predictions.score) {
    result["rmse"] = predictions.score->rmse;
    result["mae"] = predictions.score->mae;
  }
  result["seconds"] = predictions.seconds;
  result["examples_per_second"] = predictions.rate();
  Json json = head();
  json["data"] = {{"name", data_.source}, {"examples", predictions.examples.count}};
  json["result"] = std::move(result);
  json["out"] = out_.empty() ? Json(nullptr) : Json(out_);
  json["warnings"] = predictions.warnings;
  return json;
}

int RunCommand::show_layers(Console& console, const Model& model) const {
  console.result(layers_text(model, console.result_width()));
  if (!console.json()) return 0;
  nlohmann::ordered_json json = head();
  json["layers"] = layers_json(model);
  console.object(json);
  return 0;
}

int RunCommand::run_layer(Console& console, const Model& model) {
  std::vector<std::string> warnings;
  const CodeFormat format = code_format(out_);
  find_layer(model.parts().network, layer_);  // before the data are read
  const Examples examples = load(console, model, warnings);
  const LayerCode code = compute_code(model, layer_, examples, static_cast<int>(threads_), format,
                                      progress(console, examples.count));
  console.clear_status();
  if (const std::string warning = format_warning(code, format); !warning.empty()) warnings.push_back(warning);
  for (const std::string& warning : warnings) console.warning(warning);
  write_code(out_, code, model.schema(), examples);
  console.result(code_text(code, out_, console.result_width()));
  if (!console.json()) return 0;
  nlohmann::ordered_json json = head();
  json["data"] = {{"name", data_.source}, {"examples", examples.count}};
  add_code(json, code);
  json["out"] = out_.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(out_);
  json["warnings"] = warnings;
  console.object(json);
  return 0;
}

int RunCommand::run(Console& console, std::span<const std::string>) {
  if (data_.source.empty() && !layers_)
    throw usage_error("run needs DATA, to run the model on; --layers alone shows the names of its layers.");
  if (layers_ && (!data_.source.empty() || line.given("layer") || line.given("out")))
    throw usage_error(
        "--layers shows the names of the layers and runs nothing: leave out DATA, --layer and --out.");
  check_out();
  const Model model = Model::load(model_path_);
  if (layers_) return show_layers(console, model);
  if (line.given("layer")) return run_layer(console, model);
  if (!out_.empty()) check_predictions_file(out_, model);
  const Predictions predictions = predict(console, model);
  for (const std::string& warning : predictions.warnings) console.warning(warning);
  if (!out_.empty()) write_predictions(out_, model, predictions.values);
  console.result(text(model, predictions, console.result_width()));
  if (console.json()) console.object(json(model, predictions));
  return 0;
}

}  // namespace

std::unique_ptr<Command> make_run_command() { return std::make_unique<RunCommand>(); }

}  // namespace halfwave::cli
