#include <fmt/format.h>
#include <halfwave/error.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "command.h"
#include "data_options.h"
#include "heal_report.h"
#include "inspect_report.h"
#include "interrupt.h"
#include "progress.h"

namespace halfwave::cli {
namespace {

class InspectCommand : public Command {
 public:
  InspectCommand()
      : Command(
            "inspect",
            "What is wrong with a network: in its layers and weights, and with data in what its units do.") {
    line.argument("MODEL", report_.model,
                  "an ONNX file; or a network line or name, of which a network is made for DATA as train "
                  "would begin with it");
    line.argument("DATA", report_.data, "as of run: what the units are looked at with; else only the file is",
                  false);
    line.group("Data");
    visit_data_options(data_, [this](const OptionInfo& info, auto& field) {
      if (names_columns(info) || info.name == "header") line.option(info, field);
    });
    line.group("Network line");
    TrainOptions::visit(made_, [this](const OptionInfo& info, auto& field) {
      if (shapes_network(info)) line.option(info, field);
    });
    line.group("Inspecting");
    InspectOptions::visit(report_.options, [this](OptionInfo info, auto& field) {
      if (info.name == "seed") info.help += "; and a network line's initial weights";
      line.option(info, field);
    });
    line.group("Healing");
    line.option(
        OptionInfo{"heal",
                   "try the remedies: train the network with each of them, and as it is, and keep the "
                   "best if it is better beyond noise; DATA then needs labels, as for train"},
        heal_);
    HealOptions::visit(heal_options_, [this](const OptionInfo& info, auto& field) {
      if (info.name != "seed" && info.name != "threads") line.option(info, field);
    });
    line.group("Output");
    line.option(OptionInfo{"out", "where the healed model goes, if there is one; else it is not written"},
                out_);
    declare_common();
  }

  int run(Console& console, std::span<const std::string> words) override;

 private:
  /// Of the data's options those that a model's file answers.
  static bool names_columns(const OptionInfo& info) { return info.name == "target" || info.name == "task"; }
  void check_early() const;
  std::vector<std::string> own_warnings() const;
  bool is_file() const;
  Model make(Console& console);
  void look(Console& console, const Model& model);
  void heal_model(Console& console, const Model& model);

  InspectReport report_;
  DataOptions data_;
  TrainOptions made_;  ///< of a network line
  bool heal_ = false;
  HealOptions heal_options_;
  std::string out_;
};

void InspectCommand::check_early() const {
  if (heal_ && report_.data.empty()) throw usage_error("--heal needs DATA with labels to train on.");
  if (line.given("out") && out_.empty()) throw usage_error("--out needs the name of a file.");
  if (heal_ && !out_.empty()) check_writable(out_);
}

std::vector<std::string> InspectCommand::own_warnings() const {
  std::vector<std::string> warnings;
  const auto of_healing = [&](const std::string& name) {
    if (!heal_ && line.given(name))
      warnings.push_back(fmt::format("--{} has no effect without --heal.", name));
  };
  HealOptions::visit(heal_options_, [&](const OptionInfo& info, const auto&) {
    if (info.name != "seed" && info.name != "threads") of_healing(info.name);
  });
  of_healing("out");
  const auto of_lines = [&](const OptionInfo& info) {
    if (!report_.made && line.given(info.name))
      warnings.push_back(fmt::format("--{} has no effect: {} is a model's file.", info.name, report_.model));
  };
  TrainOptions::visit(made_, [&](const OptionInfo& info, const auto&) {
    if (shapes_network(info)) of_lines(info);
  });
  visit_data_options(data_, [&](const OptionInfo& info, const auto&) {
    if (names_columns(info) && !heal_) of_lines(info);
  });
  if (!report_.data.empty()) return warnings;
  for (const char* name : {"header", "examples", "seed", "threads"})
    if (line.given(name))
      warnings.push_back(fmt::format("--{} has no effect: there are no data to look at.", name));
  return warnings;
}

/// A folder may bear a named network's name; a model is no folder.
bool InspectCommand::is_file() const {
  std::error_code none;
  return report_.model.ends_with(".onnx") || (std::filesystem::exists(report_.model, none) &&
                                              !std::filesystem::is_directory(report_.model, none));
}

/// The network of a line, for the data that it is then inspected with.
Model InspectCommand::make(Console& console) {
  if (report_.data.empty())
    throw usage_error(
        fmt::format("There is no file '{}', and a network line needs DATA, for which the network is made.",
                    report_.model));
  made_.net = report_.model;
  made_.seed = report_.options.seed;
  report_.options.trained = false;
  const Dataset data = load_dataset(data_);
  console.clear_status();
  try {
    report_.made = made_;
    return make_network(data, made_);
  } catch (const Error& error) {
    const bool one_word = report_.model.find_first_of(" ,;|(*\n") == std::string::npos;
    if (error.kind() != ErrorKind::usage || !one_word) throw;
    throw usage_error(fmt::format("'{}' is neither a file nor a network: {}", report_.model, error.what()));
  }
}

void InspectCommand::look(Console& console, const Model& model) {
  if (report_.data.empty()) {
    report_.inspection = inspect(model);
    return;
  }
  if (heal_) return heal_model(console, model);
  const Examples examples = load_examples(data_, model.schema(), &report_.warnings);
  report_.labelled = examples.labelled();
  console.status("looking at the examples");
  report_.inspection = inspect(model, examples, report_.options);
  console.clear_status();
}

/// What decides about remedies is the training part alone.
void InspectCommand::heal_model(Console& console, const Model& model) {
  if (data_.target.empty()) data_.target = model.schema().target;
  if (!model.schema().foreign)
    data_.task = model.schema().task == Task::classification ? "classification" : "regression";
  const Dataset data = load_dataset(data_);
  report_.warnings.insert(report_.warnings.end(), data.warnings.begin(), data.warnings.end());
  report_.labelled = data.train.labelled();
  console.status("looking at the examples");
  report_.inspection = inspect(model, data.train, report_.options);
  heal_options_.seed = report_.options.seed;
  heal_options_.threads = report_.options.threads;
  const InterruptWatch watch;
  HealView view(console);
  report_.healing = heal(model, data, report_.inspection, heal_options_, &view);
  console.clear_status();
  if (!out_.empty() && report_.healing->model) {
    report_.healing->model->save(out_);
    report_.healed_model = out_;
  }
}

int InspectCommand::run(Console& console, std::span<const std::string>) {
  check_early();
  data_.source = report_.data;
  data_.progress = [&](const std::string& file, std::uint64_t done, std::uint64_t total) {
    console.status(download_line(file, done, total));
  };
  const Model model = is_file() ? Model::load(report_.model) : make(console);
  report_.network = model.network();
  report_.parameters = model.parameters();
  report_.warnings = own_warnings();
  look(console, model);
  for (const std::string& warning : report_.warnings) console.warning(warning);
  console.result(inspect_text(report_, console.result_width()));
  if (console.json()) console.object(inspect_json(report_));
  return report_.healing && report_.healing->interrupted ? kInterruptedExit : 0;
}

}  // namespace

std::unique_ptr<Command> make_inspect_command() { return std::make_unique<InspectCommand>(); }

}  // namespace halfwave::cli
