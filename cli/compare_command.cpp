#include <fmt/format.h>
#include <fmt/ranges.h>
#include <halfwave/activation.h>
#include <halfwave/error.h>
#include <halfwave/version.h>

#include <algorithm>
#include <filesystem>

#include "command.h"
#include "compare/summary.h"
#include "compare_json.h"
#include "compare_report.h"
#include "compare_view.h"
#include "core/file.h"
#include "core/team.h"
#include "data_options.h"
#include "interrupt.h"
#include "progress.h"
#include "report_page.h"
#include "run_json.h"
#include "text.h"
#include "training_options.h"

namespace halfwave::cli {
namespace {

using Json = nlohmann::ordered_json;

/// Compared where nothing else is asked for.
constexpr std::string_view kUsualActivations = "activation=relu,leaky_relu,elu,gelu,silu,tanh,sigmoid";

/// The command line as it can be typed anywhere, wherever the program was started from.
std::string portable_line(std::span<const std::string> words) {
  std::vector<std::string> line(words.begin(), words.end());
  line.front() = "halfwave";
  return shell_line(line);
}

/// Whether both name one file, which need not be there yet.
bool same_file(const std::string& a, const std::string& b) {
  std::error_code none;
  return std::filesystem::equivalent(a, b, none) ||
         (!b.empty() &&
          std::filesystem::weakly_canonical(a, none) == std::filesystem::weakly_canonical(b, none));
}

/// What is kept of an interrupted comparison, and how to go on.
std::string interrupted_text(const std::string& store, std::size_t runs, std::span<const std::string> words) {
  if (store.empty())
    return "Interrupted; nothing is kept. With --store FILE each run is kept as it ends, and the same "
           "command "
           "goes on from there.";
  return fmt::format("Interrupted; {} has the {} {} so far. To go on:\n  {}", store, runs,
                     runs == 1 ? "run" : "runs", shell_line(words));
}

class CompareCommand : public Command {
 public:
  CompareCommand()
      : Command("compare",
                "Trains a network in several variants, with several seeds each and all else equal, and says "
                "which differ.") {
    line.argument("DATA", data_.source, "as of train; may be left out where --store names runs to report",
                  false);
    line.group("Comparing");
    line.option(OptionInfo{"over",
                           "an option of training and what it is to be, e.g. activation=relu,tanh or "
                           "hidden=64,64|256; several --over make a grid; without any the usual activations"},
                over_);
    CompareOptions::visit(comparing_,
                          [this](const OptionInfo& info, auto& field) { line.option(info, field); });
    line.group("Data");
    visit_data_options(data_, [this](const OptionInfo& info, auto& field) { line.option(info, field); });
    training_.hidden = {128, 128};  // many runs
    declare_training_options(line, training_, keeps_one_run);
    line.group("Output");
    line.option(
        OptionInfo{"report", "a file for the report: one HTML page with figures, nothing else needed"},
        page_);
    declare_common();
  }

  int run(Console& console, std::span<const std::string> words) override;

 private:
  void check_early() const;
  void read_variations(Console& console);
  void check_networks() const;
  std::vector<std::string> own_warnings() const;
  void stop_searching(Console& console);
  int finish(Console& console, CompareReport& report, std::span<const std::string> words);
  std::vector<std::string> idle_options() const;
  int report_store(Console& console);

  DataOptions data_;
  TrainOptions training_;
  CompareOptions comparing_;
  std::vector<std::string> over_;
  std::string page_, command_line_;
  std::vector<Variation> variations_;
  std::vector<Variant> variants_;
};

/// What can be wrong without a look at the data, before these are read or downloaded.
void CompareCommand::check_early() const {
  for (const auto& [name, path] : {std::pair("report", &page_), std::pair("store", &comparing_.store)}) {
    if (line.given(name) && path->empty())
      throw usage_error(fmt::format("--{} needs the name of a file.", name));
    // A store that is only read need not be writable.
    if (!path->empty() && !(path == &comparing_.store && data_.source.empty())) check_writable(*path, name);
  }
  for (const std::string& other : {comparing_.store, data_.source, data_.test})
    if (!page_.empty() && same_file(page_, other))
      throw usage_error(fmt::format("--report would overwrite {}.", other));
  if (!comparing_.until.empty()) parse_goal(comparing_.until);
}

void CompareCommand::read_variations(Console& console) {
  for (const std::string& text : over_) variations_.push_back(parse_variation(text));
  if (over_.empty()) {
    if (!training_.net.empty() && !takes_activation(training_.net))
      throw usage_error(
          "There is nothing to compare: --net names the activations itself. Write the word activation in "
          "their places ('dense 64, activation, dense'), or say with --over what is to vary.");
    variations_.push_back(parse_variation(kUsualActivations));
    console.note(
        fmt::format("Without --over the usual activations are compared: --over {}", kUsualActivations));
  }
  variants_ = variants_over(training_, variations_);
  check_networks();
}

/// An option that a network line leaves without effect would make variants that are the same.
void CompareCommand::check_networks() const {
  for (const Variant& variant : variants_) {
    const std::string& net = variant.options.net;
    if (net.ends_with(".onnx"))
      throw usage_error(
          fmt::format("{}: runs of a comparison begin with new weights, so it cannot begin with a model. "
                      "Name the network: "
                      "'halfwave inspect {}' tells its line.",
                      net, net));
    if (net.empty()) {
      find_activation(
          std::string_view(variant.options.activation).substr(0, variant.options.activation.find(' ')));
      continue;
    }
    for (const Variation& variation : variations_) {
      if (variation.option == "hidden" || (variation.option == "activation" && !takes_activation(net)))
        throw usage_error(fmt::format(
            "--over {} has no effect: --net names the whole network, '{}'.{}", variation.option, net,
            variation.option == "hidden" ? "" : " Write the word activation where it is to be compared."));
    }
  }
}

std::vector<std::string> CompareCommand::own_warnings() const {
  std::vector<std::string> warnings;
  const auto is_compared = [&](const std::string& option) {
    return std::any_of(variations_.begin(), variations_.end(),
                       [&](const Variation& variation) { return variation.option == option; });
  };
  for (const Variation& variation : variations_)
    if (line.given(variation.option))
      warnings.push_back(fmt::format("--{} has no effect: it is compared.", variation.option));
  if (!is_compared("net")) {
    for (const std::string& warning : options_without_effect(line, training_)) warnings.push_back(warning);
  }
  return warnings;
}

/// A learning rate that is given is not searched for.
void CompareCommand::stop_searching(Console& console) {
  const bool compared = std::any_of(variations_.begin(), variations_.end(), [](const Variation& variation) {
    return variation.option == "learning-rate";
  });
  if (!comparing_.tune_lr || !(compared || line.given("learning-rate"))) return;
  comparing_.tune_lr = false;
  console.note(
      fmt::format("No search for learning rates: --learning-rate is {}.", compared ? "compared" : "given"));
}

int CompareCommand::run(Console& console, std::span<const std::string> words) {
  command_line_ = portable_line(words);
  check_early();
  if (data_.source.empty()) return report_store(console);
  read_variations(console);
  stop_searching(console);
  data_.seed = training_.seed;
  const Dataset data = load_with_progress(console, data_);

  std::vector<std::string> warnings = own_warnings();
  warnings.insert(warnings.end(), data.warnings.begin(), data.warnings.end());
  for (const std::string& warning : warnings) console.warning(warning);
  const InterruptWatch watch;
  console.note(data_line(data));
  const auto seeds = static_cast<std::size_t>(comparing_.seeds);
  console.note(fmt::format("{} {} with {} {}: {} runs{}", variants_.size(),
                           variants_.size() == 1 ? "variant" : "variants", seeds,
                           seeds == 1 ? "seed" : "seeds each", variants_.size() * seeds,
                           comparing_.tune_lr ? ", after a search for each variant's learning rate" : ""));
  CompareView view(console, metric_of(data), seeds);
  const Comparison comparison = compare(data, variants_, comparing_, &view);
  console.clear_status();
  warnings.insert(warnings.end(), comparison.warnings.begin(),
                  comparison.warnings.end());  // shown as they came
  CompareReport report{
      .comparison = comparison,
      .data = data_json(data),
      .options = given_options_json(data_, training_, comparing_),
      .over = variations_,
      .command_line = command_line_,
      .store = comparing_.store,
      .page = page_,
      .threads = training_.threads > 0 ? static_cast<int>(training_.threads) : available_threads(),
      .warnings = warnings};
  return finish(console, report, words);
}

/// Reports what there is, and gives the exit code.
int CompareCommand::finish(Console& console, CompareReport& report, std::span<const std::string> words) {
  const Comparison& comparison = report.comparison;
  std::size_t runs = 0, diverged = 0;
  for (const ComparedVariant& variant : comparison.variants) {
    runs += variant.runs.size();
    diverged += variant.diverged;
  }
  if (runs == 0) report.page.clear();
  const Json json = compare_json(report);
  if (!report.page.empty()) write_file_atomically(report.page, report_page(json));
  if (runs > 0) {
    if (console.notes_shown()) console.note("");
    console.result(compare_text(comparison, console.result_width()) + "\n" +
                   places_text(report, console.result_width()));
  }
  const bool all_diverged = runs > 0 && diverged == runs;
  if (comparison.interrupted) {
    console.error(interrupted_text(comparing_.store, runs, words));
  } else if (all_diverged) {
    console.error("All runs diverged. A smaller --learning-rate, or --clip 1, helps.");
  }
  if (console.json()) console.object(json);
  if (comparison.interrupted) return kInterruptedExit;
  return all_diverged ? static_cast<int>(ErrorKind::diverged) : 0;
}

/// Of a command line without DATA: options that only runs have a use for.
std::vector<std::string> CompareCommand::idle_options() const {
  std::vector<std::string> given;
  const auto look_at = [&](const OptionInfo& info, const auto&) {
    if (info.name != "store" && info.name != "until" && line.given(info.name))
      given.push_back("--" + info.name);
  };
  look_at(OptionInfo{"over", ""}, over_);
  CompareOptions::visit(comparing_, look_at);
  visit_data_options(data_, look_at);
  TrainOptions::visit(training_, look_at);
  if (given.empty()) return {};
  return {fmt::format("Without DATA nothing is run, so that {} {} no effect.", fmt::join(given, ", "),
                      given.size() == 1 ? "has" : "have")};
}

/// Without DATA: what is in a store.
int CompareCommand::report_store(Console& console) {
  if (comparing_.store.empty())
    throw usage_error("compare needs DATA, or --store FILE with the runs of earlier comparisons.");
  const std::vector<std::string> warnings = idle_options();
  for (const std::string& warning : warnings) console.warning(warning);
  const std::vector<Comparison> comparisons = stored_comparisons(comparing_.store, comparing_.until);
  if (comparisons.empty()) throw input_error(fmt::format("{}: holds no comparison yet.", comparing_.store));

  const std::size_t width = console.result_width();
  Json objects = Json::array();
  for (const Comparison& comparison : comparisons) {
    CompareReport report = stored_report(comparison);
    for (const std::string& warning : report.warnings) console.warning(warning);
    report.warnings.insert(report.warnings.begin(), warnings.begin(), warnings.end());
    report.command_line = command_line_;
    report.store = comparing_.store;
    report.page = page_;
    report.threads = available_threads();
    console.result(fmt::format(
        "{}\n\n{}", data_line(comparison.data, comparison.train, comparison.test, comparison.features),
        compare_text(comparison, width)));
    console.result("");
    if (&comparison == &comparisons.back()) console.result(places_text(report, width));
    objects.push_back(compare_json(report));
  }
  const Json json = objects.size() == 1 ? objects.front()
                                        : Json{{"command", "compare"},
                                               {"version", version()},
                                               {"command_line", command_line_},
                                               {"store", comparing_.store},
                                               {"report", page_.empty() ? Json(nullptr) : Json(page_)},
                                               {"comparisons", objects},
                                               {"warnings", warnings}};
  if (!page_.empty()) write_file_atomically(page_, report_page(json));
  if (console.json()) console.object(json);
  return 0;
}

}  // namespace

std::unique_ptr<Command> make_compare_command() { return std::make_unique<CompareCommand>(); }

}  // namespace halfwave::cli
