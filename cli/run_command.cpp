#include <fmt/format.h>
#include <halfwave/error.h>
#include <halfwave/model.h>
#include <halfwave/version.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "command.h"
#include "core/file.h"
#include "data_options.h"
#include "predictions.h"
#include "progress.h"
#include "table.h"
#include "text.h"

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
  RunCommand() : Command("run", "Predictions of a model, and how good they are where the data have labels.") {
    line.argument("MODEL", model_path_, "an ONNX file that Halfwave wrote");
    line.argument("DATA", data_.source,
                  "as of train; of a data set with several parts its test part is taken");
    line.group("Data");
    visit_reading_options(data_, [this](const OptionInfo& info, auto& field) { line.option(info, field); });
    line.group("Run");
    line.option(OptionInfo{"threads", "0: all processors", 0, 1024}, threads_);
    line.group("Output");
    line.option(
        OptionInfo{
            "out",
            "where the predictions go: .npy (the network's outputs) or .csv (names and probabilities)"},
        out_);
    declare_common();
  }

  int run(Console& console, std::span<const std::string> words) override;

 private:
  Predictions predict(const Model& model) const;
  void write(const Model& model, const Predictions& predictions) const;
  std::string text(const Model& model, const Predictions& predictions, std::size_t width) const;
  nlohmann::ordered_json json(const Model& model, const Predictions& predictions) const;
  bool writes_csv() const { return out_.ends_with(".csv"); }

  std::string model_path_, out_;
  DataOptions data_;
  std::int64_t threads_ = 0;
};

Predictions RunCommand::predict(const Model& model) const {
  Predictions predictions;
  predictions.examples = load_examples(data_, model.schema(), &predictions.warnings);
  const auto start = std::chrono::steady_clock::now();
  predictions.values = model.predict(predictions.examples, static_cast<int>(threads_));
  predictions.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (predictions.examples.labelled() && predictions.examples.count > 0)
    predictions.score = score_predictions(model, predictions.examples, predictions.values);
  return predictions;
}

void RunCommand::write(const Model& model, const Predictions& predictions) const {
  if (writes_csv()) return write_file_atomically(out_, csv_text(model, predictions.values));
  static_assert(std::endian::native == std::endian::little, "the file's numbers are little-endian");
  const std::string header = npy_header(predictions.examples.count, model.outputs());
  const auto bytes_of = [](const auto& items) {
    return std::span(reinterpret_cast<const std::uint8_t*>(items.data()), items.size() * sizeof(items[0]));
  };
  write_file_atomically(out_, {bytes_of(header), bytes_of(predictions.values)});
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
    table.add(
        {schema.classes[c], grouped(examples),
         percent(static_cast<double>(score.confused(c, c)) / static_cast<double>(examples)),
         other == c ? "" : fmt::format("{} ({})", schema.classes[other], grouped(score.confused(c, other)))});
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
  const bool classes = model.schema().task == Task::classification;
  if (predictions.score && classes) figures.add({"accuracy", percent(predictions.score->accuracy)});
  if (predictions.score && !classes) {
    figures.add({"RMSE", fmt::format("{:.5g}", predictions.score->rmse)});
    figures.add({"MAE", fmt::format("{:.5g}", predictions.score->mae)});
  }
  figures.add({"time", fmt::format("{}, {} examples/s", duration(predictions.seconds),
                                   grouped(static_cast<std::uint64_t>(predictions.rate())))});
  if (!out_.empty()) figures.add({"predictions", out_});
  std::string text = figures.text(width);
  std::string table;
  if (predictions.score && classes && predictions.score->classes <= kMostClassesShown)
    table = class_table(model.schema(), *predictions.score, width);
  if (!predictions.score && out_.empty()) table = first_rows(model, predictions, width);
  return table.empty() ? text : fmt::format("{}\n{}", text, table);
}

nlohmann::ordered_json RunCommand::json(const Model& model, const Predictions& predictions) const {
  using Json = nlohmann::ordered_json;
  Json result = Json::object();
  if (predictions.score && model.schema().task == Task::classification) {
    const Score& score = *predictions.score;
    result["accuracy"] = score.accuracy;
    if (score.classes <= kMostClassesShown) {
      result["classes"] = model.schema().classes;
      result["confusion"] = Json::array();
      for (std::size_t c = 0; c < score.classes; ++c) {
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
  Json json{{"command", "run"}, {"version", version()}, {"model", model_path_}};
  json["data"] = {{"name", data_.source}, {"examples", predictions.examples.count}};
  json["result"] = std::move(result);
  json["out"] = out_.empty() ? Json(nullptr) : Json(out_);
  json["warnings"] = predictions.warnings;
  return json;
}

int RunCommand::run(Console& console, std::span<const std::string>) {
  if (line.given("out")) {
    if (!writes_csv() && !out_.ends_with(".npy"))
      throw usage_error(
          fmt::format("--out {}: the name must end in .npy (the network's outputs) or .csv (names and "
                      "probabilities).",
                      out_));
    check_writable(out_);
  }
  data_.progress = [&](const std::string& file, std::uint64_t done, std::uint64_t total) {
    console.status(download_line(file, done, total));
  };
  const Model model = Model::load(model_path_);
  const Predictions predictions = predict(model);
  for (const std::string& warning : predictions.warnings) console.warning(warning);
  if (!out_.empty()) write(model, predictions);
  console.result(text(model, predictions, console.result_width()));
  if (console.json()) console.object(json(model, predictions));
  return 0;
}

}  // namespace

std::unique_ptr<Command> make_run_command() { return std::make_unique<RunCommand>(); }

}  // namespace halfwave::cli
