#include <fmt/format.h>

#include <algorithm>

#include "compare/comparing.h"
#include "compare/rate_search.h"

namespace halfwave {

void Comparing::add_search(std::size_t variant, const std::vector<double>& rates) {
  const std::size_t seeds = search_data_.size();
  Entry& entry = entries_[variant];
  entry.short_runs.assign(rates.size(), std::vector<TriedRate>(seeds));
  entry.waiting = rates.size() * seeds;
  for (std::size_t i = 0; i < rates.size(); ++i)
    for (std::size_t seed = 0; seed < seeds; ++seed)
      tasks_.add({0, i * seeds + seed, variant},
                 [=, this, rate = rates[i]] { search(variant, i, rate, seed); });
}

void Comparing::search(std::size_t variant, std::size_t place, double rate, std::size_t seed) {
  if (watchman_->asked_to_stop()) return tasks_.stop();
  Entry& entry = entries_[variant];
  const std::string what = "searching learning rates", network = entry.candidate->network();
  TrainOptions options = short_run(entry.variant.options, rate);
  options.seed += seed;
  std::optional<TriedRate> found = kept_runs_->find_rate(options, network);
  const bool kept = found.has_value();
  if (!kept) {
    Watchman::Watch watch(*watchman_, what, entry.search_work);
    const TrainResult result = entry.for_search[seed].train(options, &watch);
    if (result.end == TrainResult::End::interrupted) return;
    found = tried(result, data_.schema.task);
    kept_runs_->keep_rate(options, network, *found);
  }
  watchman_->ended(what, entry.search_work, kept);
  bool last = false;
  {
    const std::scoped_lock lock(mutex_);
    entry.short_runs[place][seed] = *found;
    last = --entry.waiting == 0;
  }
  if (last) search_went_on(variant);
}

/// All rates of a part of the search are tried; nobody else is at work on this variant.
void Comparing::search_went_on(std::size_t variant) {
  Entry& entry = entries_[variant];
  std::vector<TriedRate> tried = entry.tried;
  for (const auto& runs : entry.short_runs) tried.push_back(mean_of(runs));
  std::ranges::sort(tried, {}, &TriedRate::learning_rate);
  const double best = best_of(tried).learning_rate;
  const bool done = tried.size() >= kTriedRates;
  {
    const std::scoped_lock lock(mutex_);
    entry.tried = std::move(tried);
    if (done) entry.variant.options.learning_rate = best;
  }
  if (done) return search_is_done(variant);
  std::vector<double> rates;
  for (const double neighbour : kNeighbours) rates.push_back(neighbour * best);
  add_search(variant, rates);
}

void Comparing::search_is_done(std::size_t variant) {
  warn_of_search(entries_[variant]);
  Comparison so_far;
  {
    const std::scoped_lock in_turn(store_mutex_);  // it may wait for another program
    {
      const std::scoped_lock lock(mutex_);
      so_far = comparison(false);
    }
    kept_runs_->keep_comparison(so_far);
  }
  watchman_->tell([&](CompareObserver& observer) { observer.searched(so_far.variants[variant]); });
  add_runs(variant);
}

void Comparing::warn_of_search(Entry& entry) {
  const std::vector<TriedRate>& tried = entry.tried;
  const double best = entry.variant.options.learning_rate;
  if (std::ranges::all_of(tried, &TriedRate::diverged))
    warn(entry, fmt::format("{}: every learning rate diverged, down to {:.3g}, which is taken.",
                            entry.variant.name, best));
  else if (best == tried.back().learning_rate || best == tried.front().learning_rate)
    warn(entry,
         fmt::format("{}: the best learning rate, {:.3g}, is the {} of those tried; a {} one may be better.",
                     entry.variant.name, best, best == tried.back().learning_rate ? "largest" : "smallest",
                     best == tried.back().learning_rate ? "larger" : "smaller"));
}

}  // namespace halfwave
