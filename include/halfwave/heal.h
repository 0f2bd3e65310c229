#pragma once
#include <halfwave/inspect.h>
#include <halfwave/train.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace halfwave {

/// How remedies are tried.
struct HealOptions {
  std::int64_t epochs = 10;
  std::int64_t seeds = 3;
  double validation = 0.2;
  std::int64_t batch = 128;
  std::string optimiser = "adam";
  double learning_rate = 0.0;
  std::uint64_t seed = 0;
  std::int64_t threads = 0;

  template <class Self, class Visitor>
  static void visit(Self& self, Visitor&& visitor);
};

/// One way to change a network, for `halfwave list remedies` and the documentation.
struct RemedyInfo {
  std::string name, help;
  std::vector<std::string> answers;  ///< kinds of findings
};
std::vector<RemedyInfo> remedies();

/// A variant of the network, trained once a seed. A score is the accuracy, or in regression the share of the
/// targets' variance that is explained (R²; 0 where there is less than none).
struct Remedy {
  std::string name;                 ///< one of remedies(), or "none": the network as it was
  std::string finding;              ///< the kind of the heaviest finding that it answers
  std::string what;                 ///< what it changed, in words
  std::string network;              ///< the line that came of it
  std::vector<double> scores;       ///< [seeds], on the validation part
  std::vector<double> test_scores;  ///< [seeds]; empty without a test part
  double mean = 0, deviation = 0;   ///< of the scores
  double gain = 0;                  ///< of the mean, to that of the network as it was
  double p = 1;  ///< that chance alone makes such a gain (Welch's t), corrected for all remedies (Holm)
  std::size_t diverged = 0;  ///< how many of the runs did
  bool kept = false;
};

/// What became of a network.
struct Healing {
  double score = 0, test_score = 0;  ///< of the model as it was given
  Remedy baseline;                   ///< trained as long, not changed
  std::vector<Remedy> remedies;      ///< in the order of the findings, the heaviest first
  /// The kept remedy's model, that of the seed with the best score; none where nothing is better beyond
  /// noise.
  std::optional<Model> model;
  double healed_score = 0, healed_test_score = 0;   ///< of that model
  std::string verdict;                              ///< in a sentence or two
  std::size_t train = 0, validation = 0, test = 0;  ///< examples
  HealOptions options;
  bool interrupted = false;  ///< the observer asked to stop: nothing is kept
  double seconds = 0;
};

/// How far healing is; given after every step of a run.
struct HealProgress {
  std::string remedy;              ///< that is being tried
  std::int64_t run = 0, runs = 0;  ///< from 1; a run for each remedy and seed
  double seconds_left = 0;
};

/// Watches; it may ask to stop.
class HealObserver {
 public:
  virtual ~HealObserver() = default;
  virtual void step(const HealProgress&) {}
  virtual void tried(const Remedy&) {}
  virtual bool stop_requested() { return false; }
};

/// Applies the remedies that answer the findings of some weight, each to the model by itself, and trains what
/// comes of it as long as the model itself, from the same start and in the same order of the data. Runs are
/// judged on a part split off the training part; the test part is looked at, but decides nothing. A remedy is
/// kept where it is better than training alone beyond noise (p < 0.05), and only if the model that comes of
/// it is no worse than the one that was given. Throws Error (usage) where model and data do not fit or the
/// model holds layers that cannot be trained.
Healing heal(const Model& model, const Dataset& data, const Inspection& inspection,
             const HealOptions& options, HealObserver* observer = nullptr);

template <class Self, class Visitor>
void HealOptions::visit(Self& self, Visitor&& v) {
  constexpr double kMany = 1e15;
  v(OptionInfo{"epochs", "passes over the training data for each remedy", 1, kMany}, self.epochs);
  v(OptionInfo{"seeds", "how often each remedy is tried; fewer than three tell little", 2, 1000}, self.seeds);
  v(OptionInfo{"validation", "share of the training part that is split off to judge by", 0.01, 0.9},
    self.validation);
  v(OptionInfo{"batch", "examples in one update", 1, 1 << 24}, self.batch);
  v(OptionInfo{"optimiser", "what turns gradients into updates", -kMany, kMany, optimiser_names()},
    self.optimiser);
  v(OptionInfo{"learning-rate", "size of the updates; 0: as of train", 0, kMany}, self.learning_rate);
  v(OptionInfo{"seed", "the first seed"}, self.seed);
  v(OptionInfo{"threads", "0: all processors", 0, 1024}, self.threads);
}

}  // namespace halfwave
