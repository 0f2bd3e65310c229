#include "heal_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "interrupt.h"
#include "table.h"
#include "text.h"
#include "train/options_json.h"

namespace halfwave::cli {
namespace {

using Json = nlohmann::ordered_json;

double mean(const std::vector<double>& numbers) {
  return std::accumulate(numbers.begin(), numbers.end(), 0.0) / static_cast<double>(numbers.size());
}

std::string spread(const Remedy& remedy) {
  return fmt::format("{} ± {:.1f}", percent(remedy.mean), 100.0 * remedy.deviation);
}

std::string chance(double p) { return p < 0.0001 ? "< 0.0001" : fmt::format("{:.2g}", p); }

std::string changes(const Remedy& remedy) {
  std::string words = remedy.what;
  if (remedy.diverged > 0)
    words += fmt::format("; {} of {} runs diverged", remedy.diverged, remedy.scores.size());
  return remedy.kept ? words + " (kept)" : words;
}

Json remedy_json(const Remedy& remedy) {
  Json json{{"name", remedy.name}};
  json["finding"] = remedy.finding.empty() ? Json(nullptr) : Json(remedy.finding);
  json["what"] = remedy.what;
  json["network"] = remedy.network;
  json["scores"] = remedy.scores;
  json["mean"] = remedy.mean;
  json["std"] = remedy.deviation;
  json["test_scores"] = remedy.test_scores;
  json["diverged"] = remedy.diverged;
  return json;
}

std::string table(const Healing& healing, std::size_t width) {
  const bool tested = healing.test > 0;
  std::vector<TextTable::Column> columns{
      {"remedy"}, {"validation", Align::right}, {"gain", Align::right}, {"p", Align::right}};
  if (tested) columns.push_back({"test", Align::right});
  columns.push_back({"what it changes"});
  TextTable rows(columns);
  const auto add = [&](std::vector<std::string> row, double test_score, std::string what) {
    if (tested) row.push_back(percent(test_score));
    row.push_back(std::move(what));
    rows.add(std::move(row));
  };
  add({"as given", percent(healing.score), "", ""}, healing.test_score, "not trained further");
  const auto test_of = [&](const Remedy& remedy) { return tested ? mean(remedy.test_scores) : 0.0; };
  add({"training alone", spread(healing.baseline), "", ""}, test_of(healing.baseline),
      changes(healing.baseline));
  for (const Remedy& remedy : healing.remedies)
    add({remedy.name, spread(remedy), fmt::format("{:+.1f}", 100.0 * remedy.gain), chance(remedy.p)},
        test_of(remedy), changes(remedy));
  return rows.text(width);
}

}  // namespace

std::string heal_text(const Healing& healing, std::size_t width) {
  std::string text;
  const auto say = [&](const std::string& paragraph) {
    for (const std::string& line : wrapped(paragraph, width)) text += line + "\n";
  };
  if (healing.interrupted) {
    say("Healing was interrupted; the model stays as it is.");
    return text;
  }
  if (!healing.remedies.empty()) {
    say(fmt::format("Healing: {} seeds of {} epochs each, on {} examples, judged on {} others.",
                    healing.options.seeds, healing.options.epochs, grouped(healing.train),
                    grouped(healing.validation)));
    text += fmt::format("\n{}\n", table(healing, width));
  }
  say(healing.verdict);
  return text;
}

Json heal_json(const Healing& healing, const std::string& path) {
  const auto tested = [&](double score) { return healing.test > 0 ? Json(score) : Json(nullptr); };
  Json json{{"options", options_json(healing.options)},
            {"train", healing.train},
            {"validation", healing.validation},
            {"test", healing.test}};
  json["given"] = {{"score", healing.score}, {"test_score", tested(healing.test_score)}};
  const bool tried = !healing.interrupted && !healing.remedies.empty();
  json["baseline"] = tried ? remedy_json(healing.baseline) : Json(nullptr);
  json["remedies"] = Json::array();
  for (const Remedy& remedy : healing.remedies) {
    if (!tried) break;
    Json one = remedy_json(remedy);
    one["gain"] = remedy.gain;
    one["p"] = remedy.p;
    one["kept"] = remedy.kept;
    json["remedies"].push_back(std::move(one));
  }
  json["healed"] = healing.model ? Json{{"score", healing.healed_score},
                                        {"test_score", tested(healing.healed_test_score)},
                                        {"network", healing.model->network()}}
                                 : Json(nullptr);
  json["verdict"] = healing.verdict;
  json["interrupted"] = healing.interrupted;
  json["seconds"] = healing.seconds;
  json["model"] = path.empty() ? Json(nullptr) : Json(path);
  return json;
}

void HealView::step(const HealProgress& progress) {
  if (!console_.status_due()) return;
  console_.status(fmt::format("healing: {}, run {} of {}  {} left",
                              progress.remedy == "none" ? "training alone" : progress.remedy, progress.run,
                              progress.runs, clock_time(progress.seconds_left)));
}

bool HealView::stop_requested() { return InterruptWatch::requested(); }

}  // namespace halfwave::cli
