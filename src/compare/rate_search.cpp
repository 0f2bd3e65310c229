#include "compare/rate_search.h"

#include <fmt/format.h>
#include <halfwave/error.h>

#include <algorithm>
#include <cmath>

#include "io/split.h"

namespace halfwave {

Dataset search_data(const Dataset& data, std::uint64_t seed) {
  Dataset part;
  part.name = data.name;
  part.schema = data.schema;
  part.train = data.train;
  try {
    split_off_test(part, kHeldOut, seed);
  } catch (const Error& error) {
    throw Error(error.kind(), fmt::format("Searching for learning rates: {}; or take --learning-rate or "
                                          "--no-tune-lr.",
                                          error.what()));
  }
  return part;
}

TrainOptions short_run(const TrainOptions& options, double learning_rate) {
  TrainOptions run = options;
  run.learning_rate = learning_rate;
  run.epochs = std::max<std::int64_t>(1, options.epochs / 5);
  const double share = static_cast<double>(run.epochs) / static_cast<double>(options.epochs);
  const auto shorter = [&](std::int64_t epochs) {
    return std::max<std::int64_t>(1, std::llround(static_cast<double>(epochs) * share));
  };
  run.warmup *= share;
  run.step_epochs = shorter(options.step_epochs);
  run.patience = shorter(options.patience);
  run.early_stopping = 0;
  return run;
}

TriedRate tried(const TrainResult& result, Task task) {
  TriedRate rate;
  rate.learning_rate = result.options.learning_rate;
  rate.diverged = result.end == TrainResult::End::diverged;
  if (rate.diverged) return rate;
  const EpochReport& last = result.epochs.back();
  rate.score = task == Task::regression ? -last.test_rmse : last.test_accuracy;
  rate.loss = last.test_loss;
  return rate;
}

TriedRate mean_of(std::span<const TriedRate> runs) {
  TriedRate mean{.learning_rate = runs.front().learning_rate};
  const auto count = static_cast<double>(runs.size());
  for (const TriedRate& run : runs) {
    mean.score += run.score / count;
    mean.loss += run.loss / count;
    mean.diverged = mean.diverged || run.diverged;
  }
  return mean;
}

const TriedRate& best_of(std::span<const TriedRate> tried) {
  return *std::ranges::min_element(tried, [](const TriedRate& a, const TriedRate& b) {
    if (a.diverged != b.diverged) return b.diverged;
    if (!a.diverged && a.score != b.score) return a.score > b.score;
    if (!a.diverged && a.loss != b.loss) return a.loss < b.loss;
    return a.learning_rate < b.learning_rate;
  });
}

}  // namespace halfwave
