#include <fmt/format.h>
#include <halfwave/error.h>
#include <halfwave/heal.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <type_traits>

#include "analysis/remedies.h"
#include "core/check_ranges.h"
#include "core/statistics.h"
#include "io/split.h"
#include "layers/operators.h"
#include "train/optimiser.h"
#include "train/prepare.h"

namespace halfwave {
namespace {

constexpr double kSignificant = 0.05;

/// Accuracy, or the share of the targets' variance that is explained.
double score_of(const Model& model, const Examples& examples, int threads) {
  const Evaluation result = evaluate(model, examples, threads);
  if (model.schema().task == Task::classification) return result.accuracy;
  const std::size_t outputs = model.outputs();
  double variance = 0.0;
  for (std::size_t j = 0; j < outputs; ++j) {
    double mean = 0.0, squares = 0.0, seen = 0.0;
    for (std::size_t i = j; i < examples.targets.size(); i += outputs) {  // Welford 1962
      const double off = static_cast<double>(examples.targets[i]) - mean;
      mean += off / ++seen;
      squares += off * (static_cast<double>(examples.targets[i]) - mean);
    }
    variance += squares / seen / static_cast<double>(outputs);
  }
  const double explained = 1.0 - result.loss / variance;
  return std::isfinite(explained) ? std::max(0.0, explained) : 0.0;
}

void check_trainable(const Network& network) {
  for (std::size_t i = 0; i < network.size(); ++i)
    if (const OperatorRegion* const region = operator_region(network.layer(i)))
      throw usage_error(
          fmt::format("The network cannot be trained, so it cannot be healed: '{}' runs operators for which "
                      "there is no layer: {}",
                      network.layer_name(i), region->reason));
}

TrainOptions train_options(const ModelParts& model, const Dataset& data, const HealOptions& options) {
  TrainOptions train;
  train.epochs = options.epochs;
  train.batch = options.batch;
  train.optimiser = options.optimiser;
  train.learning_rate = options.learning_rate;
  if (train.learning_rate == 0.0)
    train.learning_rate = Optimiser::usual_rate(options.optimiser, model.network);
  train.threads = options.threads;
  train.health = false;
  if (data.schema.task == Task::classification && model.network.outputs() == 1)
    train.loss = "binary_cross_entropy";
  return train;
}

/// A remedy that fits, and the findings of weight that it answers, the heaviest first.
struct Choice {
  const RemedyKind* kind;
  std::vector<const Finding*> findings;
};

std::vector<const Finding*> answered_by(const RemedyKind& remedy, const Inspection& inspection) {
  std::vector<const Finding*> findings;
  for (const Finding& finding : inspection.findings)
    if (finding.weight >= kWeightOfRemark &&
        std::ranges::find(remedy.answers, finding.kind) != remedy.answers.end())
      findings.push_back(&finding);
  return findings;
}

std::string percent(double share) { return fmt::format("{:.1f} %", 100.0 * share); }

/// Trains the variants, one after the other.
class Healer final : public TrainObserver {
 public:
  Healer(const Model& model, const Dataset& data, const HealOptions& options, HealObserver* observer)
      : options_(options),
        observer_(observer),
        data_(data),
        test_(data.test),
        train_options_(train_options(model.parts(), data, options)),
        model_(make_model(data, train_options_, &model)) {
    data_.test = {};
    split_off_test(data_, options.validation, options.seed);
    healing_.options = options;
    healing_.options.learning_rate = train_options_.learning_rate;
    healing_.train = data_.train.count;
    healing_.validation = data_.test.count;
    healing_.test = test_.count;
  }

  Healing run(const Inspection& inspection) && {
    healing_.score = validation_score(model_);
    healing_.test_score = test_score(model_);
    choose(inspection);
    if (!chosen_.empty()) try_all();
    if (!healing_.interrupted) decide();
    healing_.seconds = seconds();
    return std::move(healing_);
  }

  void step(const Progress& progress) override {
    if (!observer_) return;
    const double epochs = static_cast<double>(progress.epoch - 1) +
                          static_cast<double>(progress.step) / static_cast<double>(progress.steps),
                 done = static_cast<double>(run_ - 1) + epochs / static_cast<double>(progress.epochs);
    observer_->step({current_, run_, runs_, seconds() * (static_cast<double>(runs_) / done - 1.0)});
  }
  bool stop_requested() override { return observer_ && observer_->stop_requested(); }

 private:
  using Clock = std::chrono::steady_clock;

  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
  int threads() const { return static_cast<int>(options_.threads); }
  double validation_score(const Model& model) const { return score_of(model, data_.test, threads()); }
  double test_score(const Model& model) const {
    return test_.count == 0 ? 0.0 : score_of(model, test_, threads());
  }

  std::optional<Variant> apply(const Choice& choice, const TrainOptions& options) const {
    return choice.kind->apply({model_.parts(), data_, options, choice.findings, options.seed});
  }

  /// In the order of the heaviest findings that they answer.
  void choose(const Inspection& inspection) {
    for (const RemedyKind& kind : remedy_kinds()) {
      Choice choice{&kind, answered_by(kind, inspection)};
      if (!choice.findings.empty() && apply(choice, train_options_)) chosen_.push_back(std::move(choice));
    }
    std::ranges::stable_sort(chosen_, {}, [](const Choice& choice) { return choice.findings.front(); });
    runs_ = options_.seeds * static_cast<std::int64_t>(chosen_.size() + 1);
  }

  void try_all() {
    attempt(healing_.baseline, [&](const TrainOptions& options) {
      return Variant{model_.shared_parts(), options, "trained as it is"};
    });
    for (const Choice& choice : chosen_) {
      if (healing_.interrupted) return;
      Remedy& remedy = healing_.remedies.emplace_back();
      remedy.name = choice.kind->name;
      remedy.finding = choice.findings.front()->kind;
      attempt(remedy, [&](const TrainOptions& options) { return *apply(choice, options); });
    }
  }

  /// Once a seed; the best of the models is kept until it is decided.
  template <class Make>
  void attempt(Remedy& remedy, Make&& make) {
    current_ = remedy.name;
    std::optional<Model> best;
    for (std::int64_t run = 0; run < options_.seeds; ++run) {
      ++run_;
      TrainOptions options = train_options_;
      options.seed = options_.seed + static_cast<std::uint64_t>(run);
      const Variant variant = make(options);
      const Model start(variant.start);
      const TrainResult result = train(data_, variant.options, this, &start);
      if (result.end == TrainResult::End::interrupted) {
        healing_.interrupted = true;
        return;
      }
      remedy.what = variant.what;
      remedy.network = result.model.network();
      remedy.diverged += result.end == TrainResult::End::diverged ? 1 : 0;
      const double score = validation_score(result.model);
      if (!best || score > *std::ranges::max_element(remedy.scores)) best = result.model;
      remedy.scores.push_back(score);
      if (test_.count > 0) remedy.test_scores.push_back(test_score(result.model));
    }
    remedy.mean = mean_of(remedy.scores);
    remedy.deviation = std::sqrt(variance_of(remedy.scores));
    models_.push_back(std::move(*best));
    if (observer_) observer_->tried(remedy);
  }

  /// The remedy that is better than the baseline beyond noise and has the best mean; null where there is
  /// none.
  Remedy* best_remedy() {
    const Remedy& baseline = healing_.baseline;
    std::vector<double> p;
    for (const Remedy& remedy : healing_.remedies) p.push_back(welch_test(remedy.scores, baseline.scores).p);
    p = holm(p);
    Remedy* best = nullptr;
    for (std::size_t i = 0; i < p.size(); ++i) {
      Remedy& remedy = healing_.remedies[i];
      remedy.gain = remedy.mean - baseline.mean;
      remedy.p = p[i];
      if (remedy.gain > 0.0 && remedy.p < kSignificant && (!best || remedy.mean > best->mean)) best = &remedy;
    }
    return best;
  }

  void decide() {
    if (chosen_.empty()) {
      healing_.verdict = "There is no finding of weight that a remedy answers, so nothing was tried.";
      return;
    }
    Remedy* const best = best_remedy();
    if (!best) {
      healing_.verdict = fmt::format(
          "No remedy is better than training alone beyond noise, so the model stays as it is. Training alone "
          "brings it from {} to {}{}",
          percent(healing_.score), percent(healing_.baseline.mean),
          healing_.baseline.mean > healing_.score ? ": train it further." : ".");
      return;
    }
    const Model& healed = models_[static_cast<std::size_t>(best - healing_.remedies.data()) + 1];
    healing_.healed_score = validation_score(healed);
    const std::string against = fmt::format("{} is better than training alone beyond noise ({} to {})",
                                            best->name, percent(best->mean), percent(healing_.baseline.mean));
    if (healing_.healed_score < healing_.score) {
      healing_.verdict =
          fmt::format("{}, but no better than the model as it was given, which has {} and stays as it is.",
                      against, percent(healing_.score));
      return;
    }
    keep(*best, healed);
    healing_.verdict = fmt::format("{}, and is kept.", against);
  }

  void keep(Remedy& remedy, const Model& healed) {
    remedy.kept = true;
    healing_.model = healed;
    healing_.healed_test_score = test_score(healed);
    auto& facts = healed.parts().facts;
    facts["remedy"] = remedy.name;
    if (test_.count == 0) return;  // what training wrote there is of the validation part
    const Evaluation result = evaluate(healed, test_, threads());
    if (healed.schema().task == Task::classification)
      facts["test_accuracy"] = fmt::format("{:.6g}", result.accuracy);
    else
      facts["test_rmse"] = fmt::format("{:.6g}", result.rmse);
  }

  const HealOptions& options_;
  HealObserver* observer_;
  Dataset data_;  ///< its test part is the validation part
  const Examples& test_;
  TrainOptions train_options_;
  Model model_;  ///< the given one, with the schema of the data
  std::vector<Choice> chosen_;
  std::vector<Model> models_;  ///< the best of the baseline, then of each remedy
  Healing healing_;
  std::string current_;
  std::int64_t run_ = 0, runs_ = 0;
  const Clock::time_point start_ = Clock::now();
};

}  // namespace

Healing heal(const Model& model, const Dataset& data, const Inspection& inspection,
             const HealOptions& options, HealObserver* observer) {
  check_ranges(options);
  check_trainable(model.parts().network);
  if (!data.train.labelled())
    throw input_error(
        fmt::format("'{}' has no labels or targets, and without them nothing can be trained.", data.name));
  return Healer(model, data, options, observer).run(inspection);
}

}  // namespace halfwave
