#include "train/run.h"

#include <fmt/format.h>
#include <halfwave/error.h>
#include <halfwave/version.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/random.h"
#include "kernels/rows.h"
#include "train/health.h"
#include "train/prepare.h"
#include "train/run_identity.h"

namespace halfwave {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::optional<Checkpoint> make_checkpoint(const std::string& folder, const Dataset& data,
                                          const TrainOptions& options, const ModelParts& model,
                                          bool started) {
  if (folder.empty()) return std::nullopt;
  return Checkpoint(folder, run_identity(data, options, model, started));
}

}  // namespace

Run::Run(const Dataset& data, const TrainOptions& options, std::shared_ptr<ModelParts> model, bool started,
         TrainObserver* observer)
    : data_(data),
      options_(options),
      model_(std::move(model)),
      observer_(observer),
      steps_per_epoch_((static_cast<std::int64_t>(data.train.count) + options.batch - 1) / options.batch),
      step_(*model_, data.train, options, Augment(options.augment, data.schema, data.name)),
      average_(model_->network, options.ema, static_cast<int>(options.threads)),
      evaluator_(*model_, logit_layers(*model_), data.test.count, static_cast<int>(options.threads),
                 find_skipping(options.skip)),
      schedule_(options, steps_per_epoch_),
      checkpoint_(
          make_checkpoint(options.checkpoint.empty() ? options.interrupt_checkpoint : options.checkpoint,
                          data, options, *model_, started)),
      order_(data.train.count),
      rules_(*model_, data, options) {
  state_.nonzeros.resize(step_.plan().layers());
  for (std::size_t i = 0; i < state_.nonzeros.size(); ++i)
    state_.nonzeros[i].resize(step_.plan().nonzeros(i).size());
}

TrainResult Run::train() {
  const auto values = average_.values();
  state_.good_values.assign(values.begin(), values.end());
  if (options_.resume) resume();
  if (!options_.log_dir.empty()) begin_log();
  for (const std::string& warning : rules_.at_start()) warn(warning);
  run_start_ = Clock::now();
  while (state_.epoch < options_.epochs && !stops_early()) {
    if (!run_epoch() || !finish_epoch() || end_ == TrainResult::End::interrupted) break;
  }
  if (end_ == TrainResult::End::interrupted && (state_.epoch == options_.epochs || stops_early()))
    end_ = TrainResult::End::finished;  // the request came with the last step
  if (end_ == TrainResult::End::finished && state_.epoch < options_.epochs)
    end_ = TrainResult::End::stopped_early;
  return result();
}

void Run::resume() {
  if (!checkpoint_) throw usage_error("--resume needs --checkpoint FOLDER: where the run was saved.");
  if (!checkpoint_->exists()) {
    warn(fmt::format("There is no checkpoint in {}: the run begins anew.",
                     checkpoint_->file().parent_path().string()));
    return;
  }
  checkpoint_->load(state_, model_->network, step_.optimiser(), average_);
  schedule_.restore(state_.plateau);
  for (std::size_t i = 0; i < state_.nonzeros.size(); ++i)
    std::copy(state_.nonzeros[i].begin(), state_.nonzeros[i].end(), step_.plan().nonzeros(i).begin());
  seconds_before_ = state_.seconds;
  const auto values = average_.values();
  if (state_.step == 0 && state_.epoch > 0) epoch_values_.assign(values.begin(), values.end());
}

void Run::begin_log() {
  log_.emplace(options_.log_dir, data_, options_, model_->network, state_.updates);
  step_.watch([this](std::size_t batch) {
    if (log_) log_->activations(step_.plan(), batch);
  });
  if (log_->follows_others() && state_.updates == 0)
    warn(fmt::format(
        "{} has event files already: TensorBoard takes a folder for one run, so it will show this "
        "one in their place.",
        options_.log_dir));
}

void Run::log_epoch(const EpochReport& report) {
  try {
    log_->epoch(report, state_.updates, step_.plan());
  } catch (const Error& error) {
    log_.reset();
    warn(fmt::format("{}. The run goes on without its log.", error.what()));
  }
}

/// The examples of a step of the running epoch; none where the epoch is over.
std::span<const std::uint32_t> Run::rows_of(std::int64_t step) const {
  const auto batch = static_cast<std::size_t>(options_.batch);
  const std::size_t first = std::min(static_cast<std::size_t>(step) * batch, order_.size());
  return std::span(order_).subspan(first, std::min(batch, order_.size() - first));
}

bool Run::run_epoch() {
  Random(options_.seed, stream_id(Stream::shuffle, static_cast<std::uint64_t>(state_.epoch)))
      .permutation(order_);
  epoch_start_ = Clock::now();
  const double seconds_before_epoch = state_.epoch_seconds;
  while (state_.step < steps_per_epoch_) {
    const std::span<const std::uint32_t> rows = rows_of(state_.step), next = rows_of(state_.step + 1);
    const bool last = next.empty();  // the health figures look at its gradient
    const BatchResult batch = step_.run(rows, state_.updates, schedule_.rate(state_.updates), last, next);
    if (!std::isfinite(batch.loss)) {
      diverged(state_.updates, step_.find_divergence());
      return false;
    }
    if (!epoch_values_.empty()) {  // the loss was theirs: they are good
      std::swap(state_.good_values, epoch_values_);
      epoch_values_.clear();
      state_.good_epoch = state_.epoch;
    }
    average_.update(state_.updates);
    ++state_.updates;
    ++state_.step;
    state_.loss_sum += batch.loss;
    state_.correct += static_cast<std::int64_t>(batch.correct);
    state_.seen += static_cast<std::int64_t>(rows.size());
    examples_here_ += static_cast<std::int64_t>(rows.size());
    if (!observer_) continue;
    report_progress();
    if (observer_->stop_requested()) {
      end_ = TrainResult::End::interrupted;
      if (state_.step == steps_per_epoch_)
        break;  // the epoch is whole: its report needs the last step's gradients
      state_.epoch_seconds = seconds_before_epoch + seconds_since(epoch_start_);
      save_checkpoint();
      return false;
    }
  }
  state_.epoch_seconds = seconds_before_epoch + seconds_since(epoch_start_);
  return true;
}

void Run::report_progress() const {
  const auto seen = static_cast<double>(state_.seen);
  const double seconds = seconds_since(run_start_);
  const double rate = static_cast<double>(examples_here_) / std::max(seconds, 1e-9);
  const double left =
      (static_cast<double>(options_.epochs - state_.epoch) * static_cast<double>(order_.size()) - seen) /
      rate;
  observer_->step({state_.epoch + 1, options_.epochs, state_.step, steps_per_epoch_, state_.loss_sum / seen,
                   static_cast<double>(state_.correct) / seen, rate, left});
}

bool Run::finish_epoch() {
  const auto seen = static_cast<double>(state_.seen);
  EpochReport report;
  report.epoch = state_.epoch + 1;
  report.loss = state_.loss_sum / seen;
  const bool regression = data_.schema.task == Task::regression;
  if (!regression) report.train_accuracy = static_cast<double>(state_.correct) / seen;
  double score = -report.loss;  // larger is better; of the test part where there is one
  if (data_.test.count > 0) {
    average_.exchange();
    const Evaluation evaluation = evaluator_.evaluate(data_.test);
    average_.exchange();
    report.test_loss = evaluation.loss;
    report.test_accuracy = evaluation.accuracy;
    report.test_rmse = evaluation.rmse;
    score = regression ? -evaluation.rmse : evaluation.accuracy;
  }
  const auto values = model_->network.values();
  if (first_not_finite(values.data(), values.size()) < values.size()) {
    diverged(state_.updates - 1, step_.find_divergence());
    return false;
  }
  if (!std::isfinite(report.test_loss)) {
    diverged(state_.updates - 1, "the loss on the test part is not finite");
    return false;
  }
  report.learning_rate = schedule_.rate(state_.updates - 1);
  report.seconds = state_.epoch_seconds;
  report.layers = measure_health(model_->network, step_.plan(), static_cast<std::size_t>(state_.seen));
  const std::vector<LayerInspection> layers =
      inspect_epoch(model_->network, step_.plan(), static_cast<std::size_t>(state_.seen), report.layers);
  for (std::size_t i = 0; i < step_.plan().layers(); ++i)
    std::ranges::fill(step_.plan().nonzeros(i), std::uint64_t{0});

  const std::span<const float> kept = average_.values();
  const bool better = state_.reports.empty() || score > state_.best_score;
  if (better) {
    state_.best_score = score;
    state_.best_epoch = report.epoch;
    if (options_.early_stopping > 0) state_.best_values.assign(kept.begin(), kept.end());
  }
  state_.epochs_without_better = better ? 0 : state_.epochs_without_better + 1;
  schedule_.epoch_done(better);
  state_.plateau = schedule_.plateau();
  epoch_values_.assign(kept.begin(), kept.end());

  if (log_) log_epoch(report);  // before the checkpoint: what is in that is logged
  state_.reports.push_back(report);
  ++state_.epoch;
  state_.step = state_.correct = state_.seen = 0;
  state_.loss_sum = state_.epoch_seconds = 0.0;
  const bool last = state_.epoch == options_.epochs || stops_early();
  const bool interrupted = end_ == TrainResult::End::interrupted && !last;
  if (interrupted || (!options_.checkpoint.empty() && (last || state_.epoch % options_.every == 0)))
    save_checkpoint();
  if (observer_) observer_->epoch(report);
  for (const std::string& warning : rules_.after_epoch(state_.reports, layers)) warn(warning);
  return true;
}

void Run::warn(const std::string& warning) {
  warnings_.push_back(warning);
  if (observer_) observer_->warning(warning);
}

bool Run::stops_early() const {
  return options_.early_stopping > 0 && state_.epochs_without_better >= options_.early_stopping;
}

void Run::save_checkpoint() {
  if (!checkpoint_) return;
  for (std::size_t i = 0; i < state_.nonzeros.size(); ++i)
    std::ranges::copy(step_.plan().nonzeros(i), state_.nonzeros[i].begin());
  state_.seconds = seconds_before_ + seconds_since(run_start_);
  checkpoint_->save(state_, model_->network, step_.optimiser(), average_);
}

void Run::diverged(std::int64_t update, const std::string& where) {
  end_ = TrainResult::End::diverged;
  message_ = fmt::format(
      "Training diverged in epoch {}, step {}: {}. Try a smaller --learning-rate (it was {:.3g}), --clip 1, "
      "--warmup 1, or --init auto.",
      state_.epoch + 1, std::min(state_.step + 1, steps_per_epoch_), where, schedule_.rate(update));
  std::ranges::copy(state_.good_values, model_->network.values().begin());
}

TrainResult Run::result() {
  TrainResult result{Model(model_), end_, message_, options_, state_.reports, 0, 0.0, 0.0, warnings_};
  const bool diverged = end_ == TrainResult::End::diverged;
  if (!diverged) average_.exchange();  // the model is the average
  result.best_epoch = diverged ? state_.good_epoch : static_cast<std::int64_t>(state_.reports.size());
  if (!state_.best_values.empty() && end_ != TrainResult::End::interrupted &&
      !(diverged && state_.best_epoch > state_.good_epoch)) {
    std::ranges::copy(state_.best_values, model_->network.values().begin());
    result.best_epoch = state_.best_epoch;
  }
  const double here = seconds_since(run_start_);
  result.seconds = seconds_before_ + here;
  double training = 0.0;
  for (const EpochReport& report : state_.reports) training += report.seconds;
  const auto examples = static_cast<double>(order_.size() * state_.reports.size());
  result.examples_per_second = training > 0.0 ? examples / training : 0.0;

  auto& facts = model_->facts;
  facts["halfwave_version"] = version();
  facts["data"] = data_.name;
  facts["epochs"] = fmt::format("{}", result.best_epoch);
  facts["seed"] = fmt::format("{}", options_.seed);
  facts["loss"] = options_.loss;
  facts["optimiser"] = options_.optimiser;
  if (result.best_epoch > 0 && data_.test.count > 0) {
    const EpochReport& report = state_.reports[static_cast<std::size_t>(result.best_epoch - 1)];
    const bool regression = data_.schema.task == Task::regression;
    facts[regression ? "test_rmse" : "test_accuracy"] =
        fmt::format("{:.6g}", regression ? report.test_rmse : report.test_accuracy);
  }
  return result;
}

TrainResult train(const Dataset& data, const TrainOptions& options, TrainObserver* observer,
                  const Model* start) {
  TrainOptions resolved = resolve(options, data, start);
  std::shared_ptr<ModelParts> model = make_model(data, resolved, start);
  if (resolved.learning_rate == 0.0)
    resolved.learning_rate = Optimiser::usual_rate(resolved.optimiser, model->network);
  return Run(data, resolved, std::move(model), start != nullptr, observer).train();
}

}  // namespace halfwave
