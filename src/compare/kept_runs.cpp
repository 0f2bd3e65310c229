#include "compare/kept_runs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <halfwave/error.h>
#include <halfwave/version.h>

#include <exception>
#include <mutex>

#include "compare/run_json.h"
#include "io/run_store.h"
#include "train/run_identity.h"

namespace halfwave {
namespace {

/// What a run can know of the data; their name is for people.
std::string fingerprint_of(const Dataset& data) {
  const Schema& schema = data.schema;
  return fingerprint(fmt::format("{} {} {} {} {} {} {} {}", data.train.count, data_fingerprint(data.train),
                                 data.test.count, data_fingerprint(data.test), static_cast<int>(schema.task),
                                 fmt::join(schema.shape, ","), schema.outputs, schema.classes.size()));
}

StoredData row_of(const Dataset& data) {
  StoredData row;
  row.fingerprint = fingerprint_of(data);
  row.name = data.name;
  row.task = data.schema.task == Task::classification ? "classification" : "regression";
  row.train = static_cast<std::int64_t>(data.train.count);
  row.test = static_cast<std::int64_t>(data.test.count);
  row.features = static_cast<std::int64_t>(data.schema.features());
  row.classes = texts_text(data.schema.classes);
  return row;
}

}  // namespace

struct KeptRuns::State {
  explicit State(const std::string& path) : store(path, RunStore::Access::write) {}

  RunKey key(const TrainOptions& options, const std::string& network) const {
    return {data, std::string(version()), network, key_options(options)};
  }

  RunStore store;
  std::string data;             ///< its fingerprint
  std::mutex mutex;             ///< of:
  std::int64_t comparison = 0;  ///< its id; 0: not kept yet
};

KeptRuns::KeptRuns(const std::string& path, const Dataset& data) {
  if (path.empty()) return;
  state_ = std::make_unique<State>(path);
  const StoredData row = row_of(data);
  state_->data = row.fingerprint;
  state_->store.keep(row);  // also finds out now, not after the first run, whether the file can be written
}

KeptRuns::KeptRuns(KeptRuns&&) noexcept = default;
KeptRuns::~KeptRuns() = default;

std::optional<ComparedRun> KeptRuns::find_run(const TrainOptions& resolved,
                                              const std::string& network) const {
  if (!state_) return std::nullopt;
  const std::optional<StoredRun> found =
      state_->store.find_run(state_->key(resolved, network), resolved.seed);
  if (!found) return std::nullopt;
  return state_->store.reading([&] { return compared_run(*found); });
}

void KeptRuns::keep_run(const TrainOptions& resolved, const std::string& network, const ComparedRun& run) {
  if (!state_ || run.end == TrainResult::End::interrupted) return;
  state_->store.keep(stored_run(state_->key(resolved, network), resolved.seed, run));
}

std::optional<TriedRate> KeptRuns::find_rate(const TrainOptions& resolved, const std::string& network) const {
  if (!state_) return std::nullopt;
  const std::optional<StoredRate> found =
      state_->store.find_rate(state_->key(resolved, network), resolved.seed);
  if (!found) return std::nullopt;
  return TriedRate{found->learning_rate, found->score, found->diverged, found->loss};
}

void KeptRuns::keep_rate(const TrainOptions& resolved, const std::string& network, const TriedRate& rate) {
  if (!state_) return;
  state_->store.keep(StoredRate{state_->key(resolved, network), resolved.seed, rate.learning_rate, rate.score,
                                rate.diverged, rate.loss});
}

void KeptRuns::keep_comparison(const Comparison& comparison) {
  if (!state_) return;
  StoredComparison row;
  row.data = state_->data;
  row.version = version();
  row.compared = texts_text(comparison.compared);
  row.metric = comparison.metric;
  if (comparison.goal) row.goal = fmt::format("{}={}", comparison.goal->measure, comparison.goal->bound);
  row.warnings = texts_text(comparison.warnings);
  for (const ComparedVariant& of : comparison.variants)
    row.variants.push_back({of.variant.name, key_options(of.variant.options),
                            other_options(of.variant.options), search_text(of.search)});
  const std::lock_guard lock(state_->mutex);
  state_->comparison = state_->store.keep(row, state_->comparison);
}

}  // namespace halfwave
