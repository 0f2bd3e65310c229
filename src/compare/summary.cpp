#include "compare/summary.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "core/statistics.h"

namespace halfwave {
namespace {

/// Of the numbers that are finite.
Spread spread_of(std::vector<double> numbers) {
  std::erase_if(numbers, [](double x) { return !std::isfinite(x); });
  return {mean_of(numbers), std::sqrt(variance_of(numbers)), numbers.size()};
}

/// The spread of a figure over those runs that have it: figure(run) is a number, or NaN.
template <class Figure>
Spread spread_over(const std::vector<ComparedRun>& runs, Figure&& figure) {
  std::vector<double> numbers;
  for (const ComparedRun& run : runs) numbers.push_back(figure(run));
  return spread_of(std::move(numbers));
}

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

double median(std::vector<double> numbers) {
  if (numbers.empty()) return kNone;
  std::ranges::sort(numbers);
  const std::size_t middle = numbers.size() / 2;
  return numbers.size() % 2 == 1 ? numbers[middle] : 0.5 * (numbers[middle - 1] + numbers[middle]);
}

double best_score(const ComparedRun& run, std::string_view metric) {
  double best = run.score;
  for (const EpochReport& epoch : run.epochs) {
    const double score = score_of(epoch, metric);
    best = less_is_better(metric) ? std::min(best, score) : std::max(best, score);
  }
  return best;
}

double median_epoch_seconds(const ComparedRun& run) {
  std::vector<double> seconds;
  for (const EpochReport& epoch : run.epochs) seconds.push_back(epoch.seconds);
  return median(std::move(seconds));
}

/// Epochs until the goal is reached, or NaN.
double epochs_until(const ComparedRun& run, const Goal& goal) {
  const auto found = std::ranges::find_if(run.epochs, [&](const auto& epoch) { return goal.reached(epoch); });
  return found == run.epochs.end() ? kNone : static_cast<double>(found - run.epochs.begin() + 1);
}

/// Of training, without evaluation.
double seconds_until(const ComparedRun& run, const Goal& goal) {
  double seconds = 0.0;
  for (const EpochReport& epoch : run.epochs) {
    seconds += epoch.seconds;
    if (goal.reached(epoch)) return seconds;
  }
  return kNone;
}

/// The layers with weights but the last, which has no activation, of the last epoch.
std::span<const LayerHealth> hidden_layers(const ComparedRun& run) {
  if (run.epochs.empty() || run.epochs.back().layers.empty()) return {};
  const std::vector<LayerHealth>& layers = run.epochs.back().layers;
  return std::span(layers).first(layers.size() - 1);
}

double density(const ComparedRun& run) {
  double nonzero = 0.0, units = 0.0;
  for (const LayerHealth& layer : hidden_layers(run)) {
    nonzero += layer.density * static_cast<double>(layer.units);
    units += static_cast<double>(layer.units);
  }
  return units > 0.0 ? nonzero / units : kNone;
}

double dead_units(const ComparedRun& run) {
  const auto layers = hidden_layers(run);
  if (layers.empty()) return kNone;
  std::size_t dead = 0;
  for (const LayerHealth& layer : layers) dead += layer.dead_units;
  return static_cast<double>(dead);
}

double gradient_ratio(const ComparedRun& run) {
  if (run.epochs.empty() || run.epochs.back().layers.empty()) return kNone;
  const std::vector<LayerHealth>& layers = run.epochs.back().layers;
  return layers.front().gradient_norm / layers.back().gradient_norm;
}

void summarise_variant(ComparedVariant& variant, const Comparison& comparison) {
  const std::vector<ComparedRun>& runs = variant.runs;
  variant.score = spread_over(runs, [](const ComparedRun& run) { return run.score; });
  variant.best = spread_over(runs, [&](const auto& run) { return best_score(run, comparison.metric); });
  variant.until_epochs = variant.until_seconds = {};
  if (const auto& goal = comparison.goal) {
    variant.until_epochs = spread_over(runs, [&](const auto& run) { return epochs_until(run, *goal); });
    variant.until_seconds = spread_over(runs, [&](const auto& run) { return seconds_until(run, *goal); });
  }
  variant.seconds_per_epoch = spread_over(runs, median_epoch_seconds);
  const bool counted = variant.variant.options.health;
  variant.density = counted ? spread_over(runs, density) : Spread{};
  variant.dead_units = counted ? spread_over(runs, dead_units) : Spread{};
  variant.gradient_ratio = spread_over(runs, gradient_ratio);
  variant.diverged = static_cast<std::size_t>(
      std::ranges::count(runs, TrainResult::End::diverged, [](const ComparedRun& run) { return run.end; }));
}

void set_differences(std::vector<ComparedVariant>& variants) {
  if (variants.empty()) return;
  variants.front().difference.reset();
  const std::vector<double> first = scores_of(variants.front());
  std::vector<double> p;
  std::vector<Difference*> tested;  // what too few runs leave open is no test that counts for Holm
  for (std::size_t i = 1; i < variants.size(); ++i) {
    variants[i].difference.reset();
    const std::vector<double> own = scores_of(variants[i]);
    if (own.empty() || first.empty()) continue;  // there is nothing to compare yet
    const WelchTest test = welch_test(own, first);
    const double half = test.half_width();
    Difference& difference = variants[i].difference.emplace(
        Difference{test.difference, test.difference - half, test.difference + half});
    if (test.degrees == 0.0) continue;
    p.push_back(test.p);
    tested.push_back(&difference);
  }
  const std::vector<double> corrected = holm(p);
  for (std::size_t i = 0; i < tested.size(); ++i) tested[i]->p = corrected[i];
}

}  // namespace

std::vector<double> scores_of(const ComparedVariant& variant) {
  std::vector<double> numbers;
  for (const ComparedRun& run : variant.runs)
    if (std::isfinite(run.score)) numbers.push_back(run.score);
  return numbers;
}

std::string_view metric_of(const Dataset& data) {
  const bool regression = data.schema.task == Task::regression;
  if (data.test.count > 0) return regression ? "test_rmse" : "test_accuracy";
  return regression ? "loss" : "train_accuracy";
}

bool less_is_better(std::string_view metric) { return metric == "test_rmse" || metric == "loss"; }

bool Comparison::less_is_better() const { return halfwave::less_is_better(metric); }

double score_of(const EpochReport& epoch, std::string_view metric) {
  if (metric == "test_accuracy") return epoch.test_accuracy;
  if (metric == "test_rmse") return epoch.test_rmse;
  return metric == "train_accuracy" ? epoch.train_accuracy : epoch.loss;
}

void summarise(Comparison& comparison) {
  for (ComparedVariant& variant : comparison.variants) summarise_variant(variant, comparison);
  set_differences(comparison.variants);
  comparison.verdict = verdict_of(comparison);
}

}  // namespace halfwave
