#include <fmt/format.h>
#include <halfwave/activation.h>
#include <halfwave/error.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "command.h"
#include "data_options.h"
#include "interrupt.h"
#include "progress.h"
#include "resume.h"
#include "text.h"
#include "train/checkpoint.h"
#include "train_report.h"
#include "training_options.h"

namespace halfwave::cli {
namespace {

class TrainCommand : public Command {
 public:
  TrainCommand()
      : Command("train", "Trains a network on data and writes it as an ONNX file, preprocessing included.") {
    line.argument("DATA", data_.source,
                  "a built-in name ('halfwave list data'), a .csv, .npz or .npy file, or a folder of IDX, "
                  "CIFAR-10 or .npy files");
    line.group("Data");
    visit_data_options(data_, [this](const OptionInfo& info, auto& field) { line.option(info, field); });
    declare_training_options(line, options_);
    line.group("Output");
    line.option(OptionInfo{"out", "the model's file; else the data's name with .onnx, in the current folder"},
                out_);
    line.option(OptionInfo{"layers", "after each epoch one line a layer: density, dead units, norms"},
                layers_);
    declare_common();
  }

  int run(Console& console, std::span<const std::string> words) override;

 private:
  void check_early() const;
  TrainResult train_on(Console& console, const Dataset& data, const Model* start);
  int finish(Console& console, TrainReport& report, std::span<const std::string> words);

  DataOptions data_;
  TrainOptions options_;
  std::string out_;
  bool layers_ = false;
};

/// What can be wrong without a look at the data, before these are read or downloaded.
void TrainCommand::check_early() const {
  if (line.given("out") && out_.empty()) throw usage_error("--out needs the name of a file.");
  if (!out_.empty()) check_writable(out_);
  if (options_.net.empty())
    find_activation(std::string_view(options_.activation).substr(0, options_.activation.find(' ')));
  if (options_.resume && options_.checkpoint.empty())
    throw usage_error("--resume needs --checkpoint FOLDER: where the run was saved.");
  if (!options_.log_dir.empty()) check_writable_folder(options_.log_dir, "log folder", "log-dir");
  if (options_.checkpoint.empty()) return;
  if (!options_.resume && Checkpoint(options_.checkpoint, "").exists())
    throw usage_error(
        fmt::format("{} holds a run already; add --resume to go on with it, or name another folder.",
                    options_.checkpoint));
  check_writable_folder(options_.checkpoint, "checkpoint folder", "checkpoint");
}

TrainResult TrainCommand::train_on(Console& console, const Dataset& data, const Model* start) {
  ProgressView view(console, {data.schema.task, data.test.count > 0, options_.health}, layers_);
  TrainResult result = train(data, options_, &view, start);
  console.clear_status();
  return result;
}

int TrainCommand::run(Console& console, std::span<const std::string> words) {
  check_early();
  std::optional<Model> start;
  if (options_.net.ends_with(".onnx")) start = Model::load(options_.net);
  data_.seed = options_.seed;
  const Dataset data = load_with_progress(console, data_);
  if (out_.empty()) {
    out_ = data.name + ".onnx";
    check_writable(out_);
  }
  if (options_.interrupt_checkpoint.empty()) options_.interrupt_checkpoint = default_checkpoint(out_);

  std::vector<std::string> warnings = options_without_effect(line, options_);
  warnings.insert(warnings.end(), data.warnings.begin(), data.warnings.end());
  for (const std::string& warning : warnings) console.warning(warning);
  const InterruptWatch watch;
  console.note(data_line(data));
  const TrainResult result = train_on(console, data, start ? &*start : nullptr);
  warnings.insert(warnings.end(), result.warnings.begin(), result.warnings.end());  // shown as they came
  TrainReport report{data, data_, result, "", "", warnings};
  return finish(console, report, words);
}

/// Saves what is worth saving, reports, and gives the exit code.
int TrainCommand::finish(Console& console, TrainReport& report, std::span<const std::string> words) {
  const TrainResult& result = report.result;
  const bool interrupted = result.end == TrainResult::End::interrupted,
             diverged = result.end == TrainResult::End::diverged;
  if (!interrupted && (!diverged || result.best_epoch > 0)) {
    result.model.save(out_);
    report.model_path = out_;
  }
  if (interrupted) {
    report.resume = resume_command(words, options_.checkpoint.empty() ? options_.interrupt_checkpoint : "",
                                   options_.resume);
    console.error(fmt::format("Interrupted; the run is saved. To go on:\n  {}", report.resume));
  } else if (diverged) {
    const std::string kept =
        report.model_path.empty()
            ? "No epoch was finished, so no model was written."
            : fmt::format("{} has the model after epoch {}, the last good one.", out_, result.best_epoch);
    console.error(fmt::format("{} {}", result.message, kept));
  } else {
    if (console.notes_shown()) console.note("");
    console.result(train_summary(report, console.result_width()));
  }
  if (console.json()) console.object(train_json(report));
  if (interrupted) return kInterruptedExit;
  return diverged ? static_cast<int>(ErrorKind::diverged) : 0;
}

}  // namespace

std::unique_ptr<Command> make_train_command() { return std::make_unique<TrainCommand>(); }

}  // namespace halfwave::cli
