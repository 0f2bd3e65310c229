#include "compare_json.h"

#include <halfwave/version.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "compare/summary.h"
#include "core/option_text.h"
#include "core/processor.h"
#include "run_json.h"
#include "train/options_json.h"
#include "training_options.h"
#include "uncertainty.h"

namespace halfwave::cli {
namespace {

using Json = nlohmann::ordered_json;

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json spread_json(const Spread& spread) {
  if (spread.count == 0) return nullptr;
  return {{"mean", spread.mean}, {"std", spread.deviation}, {"n", spread.count}};
}

Json difference_json(const std::optional<Difference>& difference) {
  if (!difference) return nullptr;
  const bool tested = is_tested(*difference);
  return {{"mean", difference->mean},
          {"low", tested ? Json(difference->low) : Json(nullptr)},
          {"high", tested ? Json(difference->high) : Json(nullptr)},
          {"p", tested ? Json(difference->p) : Json(nullptr)}};
}

Json search_json(const std::vector<TriedRate>& search) {
  Json json = Json::array();
  for (const TriedRate& tried : search)
    json.push_back({{"learning_rate", tried.learning_rate},
                    {"score", tried.diverged ? Json(nullptr) : Json(tried.score)},
                    {"loss", tried.diverged ? Json(nullptr) : Json(tried.loss)},
                    {"diverged", tried.diverged}});
  return json;
}

/// A variant of this run alone: its spreads are the run's own figures.
ComparedVariant alone(const ComparedRun& run, const ComparedVariant& variant, const Comparison& comparison) {
  Comparison one;
  one.metric = comparison.metric;
  one.goal = comparison.goal;
  one.variants.resize(1);
  one.variants.front().variant = variant.variant;
  one.variants.front().runs = {run};
  summarise(one);
  return one.variants.front();
}

Json figure_json(const Spread& of_one) { return of_one.count == 0 ? Json(nullptr) : Json(of_one.mean); }
Json count_json(const Spread& of_one) {
  return of_one.count == 0 ? Json(nullptr) : Json(std::llround(of_one.mean));
}

Json best_epoch_json(const ComparedRun& run, const Comparison& comparison) {
  const auto score = [&](const EpochReport& epoch) {
    return comparison.less_is_better() ? -score_of(epoch, comparison.metric)
                                       : score_of(epoch, comparison.metric);
  };
  const auto best = std::ranges::max_element(run.epochs, {}, score);
  return best == run.epochs.end() ? Json(nullptr) : Json(best->epoch);
}

Json run_json(const ComparedRun& run, const ComparedVariant& variant, const Comparison& comparison) {
  const ComparedVariant figures = alone(run, variant, comparison);
  const RunShape shape{comparison.task, comparison.test > 0, variant.variant.options.health};
  const EpochReport* last = run.epochs.empty() ? nullptr : &run.epochs.back();
  Json json{{"seed", run.seed}, {"learning_rate", run.learning_rate}};
  json[comparison.metric] = figure_json(figures.score);
  json["best_" + comparison.metric] = figure_json(figures.best);
  json["best_epoch"] = best_epoch_json(run, comparison);
  if (comparison.metric != "loss") json["loss"] = last == nullptr ? Json(nullptr) : Json(last->loss);
  if (comparison.task == Task::classification && comparison.metric != "train_accuracy")
    json["train_accuracy"] = last == nullptr ? Json(nullptr) : Json(last->train_accuracy);
  json["seconds"] = run.seconds;
  json["seconds_per_epoch"] = figure_json(figures.seconds_per_epoch);
  json["until_epochs"] = count_json(figures.until_epochs);
  json["until_seconds"] = figure_json(figures.until_seconds);
  json["density"] = figure_json(figures.density);
  json["dead_units"] = count_json(figures.dead_units);
  json["units"] = last == nullptr ? Json(nullptr) : Json(hidden_units(run));
  json["gradient_ratio"] = figure_json(figures.gradient_ratio);
  json["end"] = end_name(run.end);
  json["message"] = run.message;
  json["epochs"] = Json::array();
  for (const EpochReport& epoch : run.epochs) json["epochs"].push_back(epoch_json(epoch, shape));
  return json;
}

/// Every option of a training run that belongs to a comparison.
Json training_options_json(const TrainOptions& options) {
  Json json = Json::object();
  TrainOptions::visit(options, [&](const OptionInfo& info, const auto& value) {
    if (!keeps_one_run(info.name)) json[json_key(info.name)] = value;
  });
  return json;
}

Json variant_json(const ComparedVariant& v, const Comparison& comparison) {
  const ComparedRun* first = v.runs.empty() ? nullptr : &v.runs.front();
  Json json{{"name", v.variant.name}, {"options", training_options_json(v.variant.options)}};
  json["network"] =
      first == nullptr ? Json(nullptr) : Json{{"line", first->network}, {"parameters", first->parameters}};
  json["search"] = search_json(v.search);
  json["seeds"] = Json::array();
  for (const ComparedRun& run : v.runs) json["seeds"].push_back(run_json(run, v, comparison));
  json[comparison.metric] = spread_json(v.score);
  json["best_" + comparison.metric] = spread_json(v.best);
  json["difference"] = difference_json(v.difference);
  json["until_epochs"] = spread_json(v.until_epochs);
  json["until_seconds"] = spread_json(v.until_seconds);
  json["seconds_per_epoch"] = spread_json(v.seconds_per_epoch);
  json["density"] = spread_json(v.density);
  json["dead_units"] = spread_json(v.dead_units);
  json["gradient_ratio"] = spread_json(v.gradient_ratio);
  json["diverged"] = v.diverged;
  return json;
}

/// An option's value as it stands on a command line.
std::string option_text(const TrainOptions& options, const std::string& name) {
  std::string text;
  TrainOptions::visit(options, [&](const OptionInfo& info, const auto& value) {
    if (info.name == name) text = text_of(value);
  });
  return text;
}

}  // namespace

Json compare_json(const CompareReport& report) {
  const Comparison& comparison = report.comparison;
  Json json{{"command", "compare"}, {"version", version()}, {"command_line", report.command_line}};
  json["machine"] = {{"processor", processor_name()}, {"threads", report.threads}};
  json["data"] = report.data;
  json["options"] = report.options;
  json["over"] = Json::array();
  for (const Variation& variation : report.over)
    json["over"].push_back({{"option", variation.option}, {"values", variation.values}});
  json["metric"] = comparison.metric;
  json["less_is_better"] = comparison.less_is_better();
  json["until"] = comparison.goal
                      ? Json{{"measure", comparison.goal->measure}, {"bound", comparison.goal->bound}}
                      : Json(nullptr);
  json["variants"] = Json::array();
  for (const ComparedVariant& variant : comparison.variants)
    json["variants"].push_back(variant_json(variant, comparison));
  json["verdict"] = comparison.verdict;
  json["store"] = text_or_null(report.store);
  json["report"] = text_or_null(report.page);
  json["kept"] = comparison.kept;
  json["jobs"] = comparison.jobs;
  json["threads_per_run"] = comparison.threads_per_run;
  json["seconds"] = comparison.seconds;
  json["interrupted"] = comparison.interrupted;
  json["warnings"] = report.warnings;
  return json;
}

Json given_options_json(const DataOptions& data, const TrainOptions& training,
                        const CompareOptions& comparing) {
  Json json = data_options_json(data);
  json.update(training_options_json(training));
  json.update(options_json(comparing));
  return json;
}

CompareReport stored_report(const Comparison& comparison) {
  CompareReport report{.comparison = comparison};
  const bool classes = comparison.task == Task::classification;
  report.data = {
      {"name", comparison.data},         {"task", classes ? "classification" : "regression"},
      {"train", comparison.train},       {"test", comparison.test},
      {"features", comparison.features}, {"classes", classes ? Json(comparison.classes) : Json(nullptr)}};
  report.warnings = comparison.warnings;
  for (const std::string& option : comparison.compared) {
    Variation variation{option, {}};
    for (const ComparedVariant& v : comparison.variants) {
      const std::string text = option_text(v.variant.options, option);
      if (std::find(variation.values.begin(), variation.values.end(), text) == variation.values.end())
        variation.values.push_back(text);
    }
    report.over.push_back(std::move(variation));
  }
  report.options = Json::object();
  if (comparison.variants.empty()) return report;
  report.options = training_options_json(comparison.variants.front().variant.options);
  for (const ComparedVariant& v : comparison.variants) {
    const Json own = training_options_json(v.variant.options);
    for (auto option = report.options.begin(); option != report.options.end();)
      option = own.at(option.key()) == option.value() ? std::next(option) : report.options.erase(option);
  }
  return report;
}

}  // namespace halfwave::cli
