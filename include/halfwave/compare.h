#pragma once
#include <halfwave/dataset.h>
#include <halfwave/options.h>
#include <halfwave/train.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace halfwave {

/// An option of training that is compared, and what it is to be.
struct Variation {
  std::string option;               ///< as TrainOptions::visit names it: "activation"
  std::vector<std::string> values;  ///< as on the command line
};

/// "activation=relu,tanh": values between commas, or between bars where there is one ("hidden=64,64|256",
/// "net=dense 64, relu, dense|cnn"). Throws Error (usage) for what is no option of training or cannot be
/// compared (seed, threads, checkpoints, …), and for wrong values, near names suggested.
Variation parse_variation(std::string_view text);

/// One of the things that are compared.
struct Variant {
  std::string name;      ///< "relu", or "relu, he_normal" where two options vary
  TrainOptions options;  ///< all but the seed
};

/// Every combination of the values, the last variation's values running fastest; one variant named "all"
/// where there is no variation.
std::vector<Variant> variants_over(const TrainOptions& base, std::span<const Variation> variations);

/// What a run is to reach: a figure of an epoch and its bound.
struct Goal {
  std::string measure;  ///< "train_error", "train_accuracy", "loss", "test_error", "test_accuracy",
                        ///< "test_loss" or "test_rmse"
  double bound = 0.0;

  bool reached(const EpochReport& epoch) const;
};
/// "train_error=0.25". Throws Error (usage).
Goal parse_goal(std::string_view text);

struct CompareOptions {
  std::int64_t seeds = 5;
  bool tune_lr = true;
  std::string until;
  std::int64_t jobs = 0;
  std::string store;

  template <class Self, class Visitor>
  static void visit(Self& self, Visitor&& visitor);
};

/// A learning rate that was tried for a variant, by a short run on a part of the training part.
struct TriedRate {
  double learning_rate = 0.0;
  double score = 0.0;     ///< on the rest of the training part: accuracy, or minus the RMSE
  bool diverged = false;  ///< then the score says nothing
  double loss = 0.0;      ///< there, too; decides between equal scores
};

/// One training run of a comparison: what is kept of it.
struct ComparedRun {
  std::uint64_t seed = 0;
  double learning_rate = 0.0;
  std::string network;  ///< its line
  std::size_t parameters = 0;
  TrainResult::End end = TrainResult::End::finished;
  std::string message;              ///< diverged: where
  std::vector<EpochReport> epochs;  ///< those whose numbers are sound
  double score = 0.0;               ///< of the model that came of it, see Comparison::metric
  double seconds = 0.0;             ///< with evaluation
  std::vector<std::string> warnings;
};

/// Mean and sample standard deviation of a figure over the runs that have it.
struct Spread {
  double mean = 0.0, deviation = 0.0;
  std::size_t count = 0;  ///< 0: no run has it
};

/// A variant's mean score less that of the first.
struct Difference {
  double mean = 0.0;
  double low = 0.0, high = 0.0;  ///< 95 % interval (Welch); infinite where there are too few runs
  double p = 1.0;                ///< two-sided (Welch's t), corrected for all variants (Holm)
};

struct ComparedVariant {
  Variant variant;  ///< with every automatic value filled in, and the learning rate that was found
  std::vector<TriedRate> search;       ///< in the order of the rates; empty: none was made
  std::vector<ComparedRun> runs;       ///< by seed
  Spread score, best;                  ///< of the model; of the best epoch
  Spread until_epochs, until_seconds;  ///< to the goal, of the runs that reach it
  Spread seconds_per_epoch;
  Spread density, dead_units, gradient_ratio;  ///< of a run's last sound epoch: over the hidden layers; their
                                               ///< number; first layer to last
  std::size_t diverged = 0;                    ///< runs
  std::optional<Difference> difference;        ///< all but the first
};

struct Comparison {
  std::string data;  ///< its name
  Task task = Task::classification;
  std::size_t train = 0, test = 0;  ///< examples
  std::size_t features = 0;
  std::vector<std::string> classes;
  std::string metric;  ///< of a score: "test_accuracy", "test_rmse" (less is better), or where there is no
                       ///< test part "train_accuracy" or "loss"
  std::optional<Goal> goal;
  std::vector<std::string> compared;  ///< options that vary
  std::vector<ComparedVariant> variants;
  std::string verdict;   ///< in a sentence or two
  std::size_t kept = 0;  ///< runs that the store had already
  std::int64_t jobs = 1, threads_per_run = 1;
  double seconds = 0.0;      ///< of this call
  bool interrupted = false;  ///< the observer asked to stop; what there is of it is here and in the store
  std::vector<std::string> warnings;

  bool less_is_better() const;
};

/// How far a comparison is.
struct CompareProgress {
  std::string what;               ///< "searching learning rates" or "relu, seed 3"
  std::size_t run = 0, runs = 0;  ///< ended, and in all; of the search and of the comparison itself
  double share = 0.0;             ///< of the whole work, from 0 to 1
  double seconds_left = 0.0;
};

/// Watches; it may ask to stop. Called from one thread at a time, but not always the same.
class CompareObserver {
 public:
  virtual ~CompareObserver() = default;
  virtual void progress(const CompareProgress&) {}
  /// A variant's learning rate is found.
  virtual void searched(const ComparedVariant&) {}
  /// A run is there: it has ended, or the store had it.
  virtual void ran(const Variant&, const ComparedRun&) {}
  virtual void warning(const std::string&) {}
  virtual bool stop_requested() { return false; }
};

/// Trains every variant with every seed (base seed, base seed + 1, …), all else equal: the same order of the
/// data, the same numbers behind the starting weights up to the initialisation's gain, the same epochs. Runs
/// go side by side where networks are small; that changes no result. With a store each run is kept as soon as
/// it ends, and what the store has already is not run again. Throws Error (usage) for variants that do not
/// fit the data.
Comparison compare(const Dataset& data, std::vector<Variant> variants, const CompareOptions& options,
                   CompareObserver* observer = nullptr);

/// What a store holds: one comparison for each data set, with the variants of all comparisons on it under
/// names that tell them apart. Throws Error (input) for a file that is no store.
std::vector<Comparison> stored_comparisons(const std::string& store, std::string_view until = "");

template <class Self, class Visitor>
void CompareOptions::visit(Self& self, Visitor&& v) {
  v(OptionInfo{"seeds", "runs of each variant, each with a seed of its own", 1, 10000}, self.seeds);
  v(OptionInfo{"tune-lr",
               "find each variant's learning rate by short runs on a part of the training data; off where "
               "--learning-rate is given or compared"},
    self.tune_lr);
  v(OptionInfo{"until",
               "also tell epochs and seconds to a figure, e.g. train_error=0.25 (or loss, train_accuracy, "
               "test_error, test_accuracy, test_loss, test_rmse)"},
    self.until);
  v(OptionInfo{"jobs", "runs side by side; 0: as many as threads where networks are small", 0, 1024},
    self.jobs);
  v(
      OptionInfo{
          "store",
          "a file (SQLite) that runs are kept in as they end: a stopped comparison goes on where it was"},
      self.store);
}

}  // namespace halfwave
