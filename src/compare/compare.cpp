#include <fmt/format.h>
#include <fmt/ranges.h>
#include <halfwave/error.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>

#include "compare/comparing.h"
#include "compare/goal.h"
#include "compare/rate_search.h"
#include "compare/summary.h"
#include "core/check_ranges.h"
#include "core/option_text.h"

namespace halfwave {
namespace {

/// Options with their values, as text.
std::vector<std::pair<std::string, std::string>> texts_of(const TrainOptions& options) {
  std::vector<std::pair<std::string, std::string>> texts;
  TrainOptions::visit(options, [&](const OptionInfo& info, const auto& field) {
    texts.emplace_back(info.name, text_of(field));
  });
  return texts;
}

/// The options in which the variants differ.
std::vector<std::string> differing_options(const std::vector<Variant>& variants) {
  std::vector<std::string> names;
  const auto first = texts_of(variants.front().options);
  for (std::size_t i = 0; i < first.size(); ++i)
    if (std::ranges::any_of(variants, [&](const Variant& v) { return texts_of(v.options)[i] != first[i]; }))
      names.push_back(first[i].first);
  return names;
}

void check_variants(const std::vector<Variant>& variants) {
  if (variants.empty()) throw usage_error("There is nothing to compare.");
  for (std::size_t i = 0; i < variants.size(); ++i) {
    const TrainOptions& options = variants[i].options;
    if (!options.checkpoint.empty() || options.resume || !options.log_dir.empty())
      throw usage_error(
          "A comparison writes no checkpoints and no logs of its runs: it keeps them in a store (--store).");
    if (options.seed != variants.front().options.seed || options.threads != variants.front().options.threads)
      throw usage_error("Variants must not differ in seed or threads.");
    for (std::size_t j = 0; j < i; ++j) {
      if (variants[j].name == variants[i].name)
        throw usage_error(fmt::format("Two variants are called '{}'.", variants[i].name));
      if (texts_of(variants[j].options) == texts_of(options))
        throw usage_error(
            fmt::format("The variants '{}' and '{}' are the same.", variants[j].name, variants[i].name));
    }
  }
}

}  // namespace

Comparing::Comparing(const Dataset& data, std::vector<Variant> variants, const CompareOptions& options,
                     CompareObserver* observer)
    : data_(data), options_(options), observer_(observer) {
  check_ranges(options);
  check_variants(variants);
  if (!options.until.empty()) {
    goal_ = parse_goal(options.until);
    check_goal(*goal_, data.schema.task, data.test.count > 0);
  }
  compared_ = differing_options(variants);
  prepare(std::move(variants));
  share_threads();
  kept_runs_.emplace(options.store, data);
}

void Comparing::prepare(std::vector<Variant> variants) {
  const bool searches =
      options_.tune_lr && data_.train.count > 0 &&
      std::ranges::all_of(variants, [](const Variant& v) { return v.options.learning_rate == 0.0; });
  for (std::int64_t seed = 0; searches && seed < std::min(options_.seeds, kSearchSeeds); ++seed)
    search_data_.push_back(
        search_data(data_, variants.front().options.seed + static_cast<std::uint64_t>(seed)));
  const bool several = variants.size() > 1;
  for (Variant& variant : variants) {
    Entry& entry = entries_.emplace_back();
    try {
      entry.candidate.emplace(data_, variant.options);
      for (const Dataset& data : search_data_)
        entry.for_search.emplace_back(data, entry.candidate->options());
    } catch (const Error& error) {
      throw several ? Error(error.kind(), fmt::format("{}: {}", variant.name, error.what())) : error;
    }
    entry.variant = {std::move(variant.name), entry.candidate->options()};
    check_others(entry);
    entry.variant.options.interrupt_checkpoint.clear();
    entry.runs.resize(static_cast<std::size_t>(options_.seeds));
    // Of networks that are no larger than others a step takes some time anyway.
    const double of_example = static_cast<double>(entry.candidate->parameters()) + 2000.0;
    const auto examples = static_cast<double>(data_.train.count);
    entry.run_work = of_example * examples * static_cast<double>(entry.variant.options.epochs);
    if (!search_data_.empty())
      entry.search_work = of_example * static_cast<double>(search_data_.front().train.count) *
                          static_cast<double>(short_run(entry.variant.options, 1.0).epochs);
  }
}

/// Two ways to write the same network are the same variant.
void Comparing::check_others(const Entry& entry) const {
  const auto essence = [](const Entry& one) {
    TrainOptions options = one.variant.options;
    options.net = one.candidate->network();
    options.hidden.clear();
    options.activation = "";
    return texts_of(options);
  };
  for (const Entry& other : entries_)
    if (&other != &entry && essence(other) == essence(entry))
      throw usage_error(fmt::format("The variants '{}' and '{}' are the same network, '{}'.",
                                    other.variant.name, entry.variant.name, entry.candidate->network()));
}

/// How many runs go side by side, and with how many threads each (docs/decisions.md says why so).
void Comparing::share_threads() {
  constexpr double kSmallRun = 256e6;  // bytes
  const std::int64_t threads = entries_.front().variant.options.threads;
  const auto runs = static_cast<std::int64_t>(entries_.size()) *
                    std::max<std::int64_t>(options_.seeds, search_data_.empty() ? 1 : std::ssize(kMultiples));
  const bool small = std::ranges::all_of(
      entries_, [](const Entry& entry) { return entry.candidate->run_bytes() <= kSmallRun; });
  jobs_ = std::min({options_.jobs > 0 ? options_.jobs : small ? threads : 1, threads, runs});
  threads_per_run_ = std::max<std::int64_t>(1, threads / jobs_);
  for (Entry& entry : entries_) entry.variant.options.threads = threads_per_run_;
}

double Comparing::work() const {
  double sum = 0.0;
  for (const Entry& entry : entries_)
    sum += entry.search_work * static_cast<double>(kTriedRates * search_data_.size()) +
           entry.run_work * static_cast<double>(options_.seeds);
  return sum;
}

Comparison Comparing::compare() {
  const auto start = std::chrono::steady_clock::now();
  const std::size_t runs = entries_.size() * static_cast<std::size_t>(options_.seeds),
                    searches = entries_.size() * kTriedRates * search_data_.size();
  watchman_.emplace(observer_, runs + searches, work());
  kept_runs_->keep_comparison(comparison(false));
  for (std::size_t v = 0; v < entries_.size(); ++v) {
    warn_of_choosing(entries_[v]);
    const double usual = entries_[v].candidate->usual_rate();
    if (!search_data_.empty()) {
      std::vector<double> rates;
      for (const double multiple : kMultiples) rates.push_back(multiple * usual);
      add_search(v, rates);
    } else {
      double& rate = entries_[v].variant.options.learning_rate;
      if (rate == 0.0) rate = usual;
      add_runs(v);
    }
  }
  if (search_data_.empty()) kept_runs_->keep_comparison(comparison(false));
  tasks_.run(static_cast<int>(jobs_), [&] { watchman_->stop(); });
  Comparison result = comparison(true);
  result.interrupted =
      watchman_->stopped() && std::ranges::any_of(result.variants, [&](const ComparedVariant& variant) {
        return std::ssize(variant.runs) < options_.seeds;
      });
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  summarise(result);
  return result;
}

/// Chances to choose by the test part: their scores are not comparable with those of others.
void Comparing::warn_of_choosing(Entry& entry) {
  const TrainOptions& options = entry.variant.options;
  const bool stops = options.early_stopping > 0;
  if (data_.test.count > 0 && (stops || options.schedule == "plateau"))
    warn(entry, fmt::format("{}: {} goes by the test part, whose score then flatters.", entry.variant.name,
                            stops ? "early stopping" : "the schedule plateau"));
}

void Comparing::warn(Entry& entry, const std::string& warning) {
  {
    const std::scoped_lock lock(mutex_);
    entry.warnings.push_back(warning);
  }
  watchman_->tell([&](CompareObserver& observer) { observer.warning(warning); });
}

void Comparing::add_runs(std::size_t variant) {
  for (std::size_t seed = 0; seed < static_cast<std::size_t>(options_.seeds); ++seed)
    tasks_.add({1, seed, variant}, [=, this] { run(variant, seed); });
}

void Comparing::run(std::size_t variant, std::size_t seed) {
  if (watchman_->asked_to_stop()) return tasks_.stop();
  Entry& entry = entries_[variant];
  TrainOptions options = entry.variant.options;
  options.seed += seed;
  const std::string what = fmt::format("{}, seed {}", entry.variant.name, options.seed),
                    network = entry.candidate->network();
  std::optional<ComparedRun> found = kept_runs_->find_run(options, network);
  const bool kept = found.has_value();
  if (!kept) {
    Watchman::Watch watch(*watchman_, what, entry.run_work);
    TrainResult result = entry.candidate->train(options, &watch);
    if (result.end == TrainResult::End::interrupted) return;
    found = compared_run(result);
    kept_runs_->keep_run(options, network, *found);
  }
  {
    const std::scoped_lock lock(mutex_);
    entry.runs[seed] = *found;
    kept_ += kept ? 1 : 0;
  }
  watchman_->ended(what, entry.run_work, kept);
  watchman_->tell([&](CompareObserver& observer) { observer.ran(entry.variant, *found); });
}

ComparedRun Comparing::compared_run(TrainResult& result) const {
  ComparedRun run;
  run.seed = result.options.seed;
  run.learning_rate = result.options.learning_rate;
  run.network = result.model.network();
  run.parameters = result.model.parameters();
  run.end = result.end;
  run.message = std::move(result.message);
  run.seconds = result.seconds;
  run.warnings = std::move(result.warnings);
  const auto last = static_cast<std::size_t>(result.best_epoch);
  if (last > 0) {
    run.score = score_of(result.epochs[last - 1], metric_of(data_));
  } else {  // the model as it began
    const bool tests = data_.test.count > 0;
    const Evaluation evaluation =
        evaluate(result.model, tests ? data_.test : data_.train, static_cast<int>(result.options.threads));
    EpochReport report;
    report.loss = evaluation.loss;
    report.train_accuracy = report.test_accuracy = evaluation.accuracy;
    report.test_rmse = evaluation.rmse;
    run.score = score_of(report, metric_of(data_));
  }
  run.epochs = std::move(result.epochs);
  if (run.end == TrainResult::End::diverged) run.epochs.resize(last);
  return run;
}

/// What there is of it, runs only where they are asked for.
Comparison Comparing::comparison(bool with_runs) const {
  Comparison comparison;
  comparison.data = data_.name;
  comparison.task = data_.schema.task;
  comparison.train = data_.train.count;
  comparison.test = data_.test.count;
  comparison.features = data_.schema.features();
  comparison.classes = data_.schema.classes;
  comparison.metric = metric_of(data_);
  comparison.goal = goal_;
  comparison.compared = compared_;
  comparison.kept = kept_;
  comparison.jobs = jobs_;
  comparison.threads_per_run = threads_per_run_;
  for (const Entry& entry : entries_) {
    ComparedVariant& variant = comparison.variants.emplace_back();
    variant.variant = entry.variant;
    variant.search = entry.tried;
    comparison.warnings.insert(comparison.warnings.end(), entry.warnings.begin(), entry.warnings.end());
    if (!with_runs) continue;
    for (const auto& run : entry.runs)
      if (run) variant.runs.push_back(*run);
  }
  return comparison;
}

Comparison compare(const Dataset& data, std::vector<Variant> variants, const CompareOptions& options,
                   CompareObserver* observer) {
  return Comparing(data, std::move(variants), options, observer).compare();
}

}  // namespace halfwave
