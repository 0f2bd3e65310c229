#include "compare_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "table.h"
#include "text.h"
#include "uncertainty.h"

namespace halfwave::cli {
namespace {

using Variants = std::vector<ComparedVariant>;

std::string rate_text(double rate) { return fmt::format("{:.2g}", rate); }

bool any(const Variants& variants, const auto& condition) {
  return std::any_of(variants.begin(), variants.end(), condition);
}

/// "18 of 256": how many units there are is the same in all runs of a variant.
std::string dead_units_text(const ComparedVariant& variant) {
  if (variant.dead_units.count == 0) return "-";
  const auto run = std::ranges::find_if(variant.runs, [](const auto& one) { return !one.epochs.empty(); });
  const double mean = variant.dead_units.mean;
  const int decimals = mean == std::floor(mean) || mean >= 10.0 ? 0 : 1;
  return fmt::format("{:.{}f} of {}", mean, decimals, hidden_units(*run));
}

std::string goal_text(const Goal& goal) {
  std::string measure = goal.measure;
  std::replace(measure.begin(), measure.end(), '_', ' ');
  return fmt::format("{} {:g}", measure, goal.bound);
}

std::string scores_table(const Comparison& comparison, std::size_t width) {
  const ScoreWords words = score_words(comparison.metric);
  const std::string unit = words.suffix.empty() ? "" : "," + words.suffix;
  const bool differ = any(comparison.variants, [](const auto& v) { return v.difference.has_value(); });
  std::vector<TextTable::Column> columns{{"variant"},
                                         {"learning rate", Align::right},
                                         {words.name + unit, Align::right},
                                         {"best epoch" + unit, Align::right}};
  if (differ) {
    columns.push_back(
        {fmt::format("difference to {} (95 %)", comparison.variants.front().variant.name), Align::right});
    columns.push_back({"p", Align::right});
  }
  TextTable table(columns);
  for (const ComparedVariant& v : comparison.variants) {
    std::vector<std::string> cells{v.variant.name,
                                   v.runs.empty() ? "-" : rate_text(v.variant.options.learning_rate),
                                   mean_and_deviation(v.score, words.unit, words.decimals),
                                   mean_and_deviation(v.best, words.unit, words.decimals)};
    if (differ) {
      cells.push_back(v.difference ? difference_text(*v.difference, words.unit, words.decimals) : "");
      cells.push_back(v.difference ? p_text(*v.difference) : "");
    }
    table.add(std::move(cells));
  }
  return table.text(width);
}

/// How soon the runs reach the goal.
std::string goal_table(const Comparison& comparison, std::size_t width) {
  TextTable table({{"variant"},
                   {"epochs to " + goal_text(*comparison.goal), Align::right},
                   {"time to it", Align::right},
                   {"runs that reach it", Align::right}});
  for (const ComparedVariant& v : comparison.variants)
    table.add({v.variant.name, mean_and_deviation(v.until_epochs, 1.0, 0),
               time_and_deviation(v.until_seconds),
               fmt::format("{} of {}", v.until_epochs.count, v.runs.size())});
  return table.text(width);
}

std::string training_table(const Comparison& comparison, std::size_t width) {
  const Variants& variants = comparison.variants;
  const bool health = any(variants, [](const auto& v) { return v.density.count > 0; });
  const bool gradients = any(variants, [](const auto& v) { return v.gradient_ratio.count > 0; });
  const bool diverged = any(variants, [](const auto& v) { return v.diverged > 0; });
  std::vector<TextTable::Column> columns{{"variant"}, {"time/epoch", Align::right}};
  if (health) columns.push_back({"density", Align::right});
  if (health) columns.push_back({"dead units", Align::right});
  if (gradients) columns.push_back({"gradient first/last", Align::right});
  if (diverged) columns.push_back({"diverged", Align::right});
  TextTable table(columns);
  for (const ComparedVariant& v : variants) {
    std::vector<std::string> cells{v.variant.name, time_and_deviation(v.seconds_per_epoch)};
    if (health) cells.push_back(v.density.count > 0 ? percent(v.density.mean) : "-");
    if (health) cells.push_back(dead_units_text(v));
    if (gradients)
      cells.push_back(v.gradient_ratio.count > 0 ? fmt::format("{:.2g}", v.gradient_ratio.mean) : "-");
    if (diverged) cells.push_back(fmt::format("{} of {}", v.diverged, v.runs.size()));
    table.add(std::move(cells));
  }
  return table.text(width);
}

/// What the search for learning rates was, in a sentence; "" where there was none.
std::string search_text(const Variants& variants) {
  std::size_t fewest = SIZE_MAX, most = 0;
  double low = INFINITY, high = 0.0;
  for (const ComparedVariant& v : variants) {
    if (v.search.empty()) continue;
    fewest = std::min(fewest, v.search.size());
    most = std::max(most, v.search.size());
    low = std::min(low, v.search.front().learning_rate);
    high = std::max(high, v.search.back().learning_rate);
  }
  if (most == 0) return "";
  return fmt::format(
      "Learning rates are the best of {} from {} to {} in short runs on a part of the training data; the "
      "test part had no say.",
      fewest == most ? fmt::format("{}", most) : fmt::format("{} to {}", fewest, most), rate_text(low),
      rate_text(high));
}

std::string lines_of(const std::string& text, std::size_t width) {
  return fmt::format("{}\n", fmt::join(wrapped(text, width), "\n"));
}

}  // namespace

std::size_t hidden_units(const ComparedRun& run) {
  if (run.epochs.empty()) return 0;
  const std::vector<LayerHealth>& layers = run.epochs.back().layers;
  std::size_t units = 0;
  for (std::size_t i = 0; i + 1 < layers.size(); ++i) units += layers[i].units;
  return units;
}

ScoreWords score_words(std::string_view metric) {
  constexpr int kNumberDecimals = 4;
  if (metric == "test_accuracy") return {"test accuracy", 100.0, " %", 1};
  if (metric == "train_accuracy") return {"train accuracy", 100.0, " %", 1};
  return {metric == "test_rmse" ? "test RMSE" : "loss", 1.0, "", kNumberDecimals};
}

std::string variant_line(const ComparedVariant& variant, double learning_rate, const ScoreWords& words) {
  std::string text = fmt::format("{}: learning rate {}", variant.variant.name, rate_text(learning_rate));
  if (variant.score.count > 0)
    text += fmt::format(", {} {}{}", words.name,
                        mean_and_deviation(variant.score, words.unit, words.decimals), words.suffix);
  if (variant.diverged > 0) text += fmt::format(", {} of {} diverged", variant.diverged, variant.runs.size());
  return text;
}

std::string compare_text(const Comparison& comparison, std::size_t width) {
  std::string text = scores_table(comparison, width) + "\n";
  if (comparison.goal) text += goal_table(comparison, width) + "\n";
  text += training_table(comparison, width) + "\n";
  const std::string search = search_text(comparison.variants);
  if (!search.empty()) text += lines_of(search, width) + "\n";
  return text + lines_of(comparison.verdict, width);
}

std::string places_text(const CompareReport& report, std::size_t width) {
  const Comparison& comparison = report.comparison;
  TextTable table(std::vector<TextTable::Column>(2));
  if (comparison.seconds > 0.0) table.add({"time", duration(comparison.seconds)});
  if (!report.store.empty()) {
    std::size_t runs = 0;
    for (const ComparedVariant& v : comparison.variants) runs += v.runs.size();
    table.add({"store", comparison.kept == 0 ? report.store
                                             : fmt::format("{}; {} of {} runs were in it already",
                                                           report.store, comparison.kept, runs)});
  }
  if (!report.page.empty()) table.add({"report", report.page});
  return table.empty() ? "" : table.text(width);
}

}  // namespace halfwave::cli
