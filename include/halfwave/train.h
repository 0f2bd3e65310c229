#pragma once
#include <halfwave/dataset.h>
#include <halfwave/model.h>
#include <halfwave/options.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace halfwave {

/// Everything that shapes a training run. The defaults work. What each field means stands once, in visit()
/// below.
struct TrainOptions {
  std::string net;  ///< network line or name; "": an MLP of `hidden` and `activation`
  std::vector<std::int64_t> hidden{512, 512};
  std::string activation = "relu";
  std::string init = "auto";
  double bias_init = 0.0;
  bool standardise = true;

  std::int64_t epochs = 0;
  std::int64_t batch = 128;
  std::string loss = "auto";
  double label_smoothing = 0.0;
  std::string augment;
  double activity_l1 = 0.0;

  std::string optimiser = "adam";
  double learning_rate = 0.0;
  double momentum = 0.9;
  bool nesterov = false;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.0;
  double clip = 0.0;
  double ema = 0.0;

  std::string schedule = "cosine";
  double warmup = 0.0;
  std::int64_t step_epochs = 10;
  double step_factor = 0.1;
  std::int64_t patience = 3;
  std::int64_t early_stopping = 0;

  std::uint64_t seed = 0;
  std::int64_t threads = 0;
  bool health = true;
  std::string skip = "auto";

  std::string checkpoint;
  std::int64_t every = 1;
  bool resume = false;
  std::string log_dir;

  /// Where a run that is asked to stop saves itself when `checkpoint` is empty; "": it does not. No flag of
  /// its own.
  std::string interrupt_checkpoint;

  template <class Self, class Visitor>
  static void visit(Self& self, Visitor&& visitor);
};

/// Health of one layer over an epoch.
struct LayerHealth {
  std::string name;
  double density = 1.0;        ///< share of its outputs (after the activation) that are not zero
  std::size_t dead_units = 0;  ///< units that were zero for every example of the epoch
  std::size_t units = 0;
  double gradient_norm = 0.0;  ///< of its weights, in the epoch's last step
  double weight_norm = 0.0;    ///< of its weights, at the epoch's end
};

struct EpochReport {
  std::int64_t epoch = 0;       ///< from 1
  double loss = 0.0;            ///< mean over the epoch's batches, penalties not included
  double train_accuracy = 0.0;  ///< classification, measured while training
  double test_loss = 0.0;
  double test_accuracy = 0.0;  ///< classification
  double test_rmse = 0.0;      ///< regression, in the target's units
  double learning_rate = 0.0;  ///< of the last step
  double seconds = 0.0;
  std::vector<LayerHealth> layers;
};

/// How far a run is; given after every step.
struct Progress {
  std::int64_t epoch = 0, epochs = 0;  ///< epoch counts from 1
  std::int64_t step, steps;            ///< within the epoch; step counts from 1
  double loss, accuracy;               ///< means over the epoch so far
  double examples_per_second;          ///< of this run
  double seconds_left;                 ///< to the end of the run
};

/// Watches a run; it never steers, but may ask it to stop.
class TrainObserver {
 public:
  virtual ~TrainObserver() = default;
  virtual void step(const Progress&) {}
  virtual void epoch(const EpochReport&) {}
  /// Something is wrong with the run; each only once. TrainResult::warnings has them all.
  virtual void warning(const std::string&) {}
  virtual bool stop_requested() { return false; }
};

struct TrainResult {
  enum class End { finished, stopped_early, interrupted, diverged };

  Model model;
  End end = End::finished;
  std::string message;   ///< diverged: where, and what to change
  TrainOptions options;  ///< with every automatic value filled in
  std::vector<EpochReport> epochs;
  std::int64_t best_epoch = 0;  ///< the one that the model is from
  double seconds = 0.0;
  double examples_per_second = 0.0;
  std::vector<std::string> warnings;
};

/// Trains a network on data. With `start` its weights are the beginning and options.net is ignored. Throws
/// Error (usage) where network and data do not fit.
TrainResult train(const Dataset& data, const TrainOptions& options, TrainObserver* observer = nullptr,
                  const Model* start = nullptr);

/// The network that train would begin with: made for the data (inputs standardised by its training part) and
/// initialised by the options, with random numbers of their seed. Throws Error (usage) as train does.
Model make_network(const Dataset& data, const TrainOptions& options);

/// The choices of the options above, from the declarations that the code uses.
std::vector<std::string> activation_names();
std::vector<std::string> initialisation_names();
std::vector<std::string> loss_names();
std::vector<std::string> optimiser_names();
std::vector<std::string> schedule_names();
std::vector<std::string> skipping_names();

template <class Self, class Visitor>
void TrainOptions::visit(Self& self, Visitor&& v) {
  constexpr double kMany = 1e15;
  v(OptionInfo{"net",
               "the network, layer by layer, or a named one ('halfwave list networks'), or a model file to "
               "train further"},
    self.net);
  v(OptionInfo{"hidden", "widths of an MLP's hidden layers, e.g. 512,512, or none (short for --net)", 1,
               1 << 24},
    self.hidden);
  v(OptionInfo{"activation",
               "the hidden layers' activation, of an MLP or a named network ('halfwave list activations')"},
    self.activation);
  v(OptionInfo{"init", "how weights begin; auto: what suits the activation", -kMany, kMany,
               initialisation_names()},
    self.init);
  v(OptionInfo{"bias-init", "what biases begin as", -kMany, kMany}, self.bias_init);
  v(OptionInfo{"standardise",
               "inputs (and regression targets) to mean 0 and variance 1; stored in the model"},
    self.standardise);
  v(OptionInfo{"epochs", "passes over the training data; 0: enough for about 4,000 updates, from 10 to 200",
               0, kMany},
    self.epochs);
  v(OptionInfo{"batch", "examples in one update", 1, 1 << 24}, self.batch);
  v(OptionInfo{"loss",
               "auto: cross_entropy for classes (binary_cross_entropy where a model to train further has one "
               "output), mse for numbers",
               -kMany, kMany, loss_names()},
    self.loss);
  v(OptionInfo{"label-smoothing", "share of each target spread over all classes", 0, 0.999},
    self.label_smoothing);
  v(OptionInfo{"augment",
               "change training images or signals at random, e.g. \"crop 4, flip, cutout 8\" ('halfwave list "
               "augmentations')"},
    self.augment);
  v(OptionInfo{"activity-l1", "penalty on the sum of |activation| an example: more zeros", 0, kMany},
    self.activity_l1);
  v(OptionInfo{"optimiser", "what turns gradients into updates", -kMany, kMany, optimiser_names()},
    self.optimiser);
  v(OptionInfo{"learning-rate",
               "size of the updates; 0: sgd 0.05, others 1 / mean inputs of a unit, from 0.001 to 0.01, or "
               "twice that with convolutions",
               0, kMany},
    self.learning_rate);
  v(OptionInfo{"momentum", "of sgd", 0, 0.9999}, self.momentum);
  v(OptionInfo{"nesterov", "sgd looks ahead"}, self.nesterov);
  v(OptionInfo{"beta1", "adam: memory of the mean gradient", 0, 0.999999}, self.beta1);
  v(OptionInfo{"beta2", "adam, rmsprop: memory of the squared gradient", 0, 0.9999999}, self.beta2);
  v(OptionInfo{"epsilon", "adam, rmsprop: keeps the division finite", 1e-30, 1}, self.epsilon);
  v(OptionInfo{"weight-decay", "pull of weights (not biases) to zero", 0, kMany}, self.weight_decay);
  v(OptionInfo{"clip", "largest norm of the whole gradient; 0: no limit", 0, kMany}, self.clip);
  v(OptionInfo{"ema",
               "the model is a moving average of the weights that keeps this share, e.g. 0.999; 0: none", 0,
               0.999999},
    self.ema);
  v(OptionInfo{"schedule", "how the learning rate changes over the run", -kMany, kMany, schedule_names()},
    self.schedule);
  v(OptionInfo{"warmup", "epochs in which the learning rate rises from zero", 0, kMany}, self.warmup);
  v(OptionInfo{"step-epochs", "schedule step: epochs between two steps", 1, kMany}, self.step_epochs);
  v(OptionInfo{"step-factor", "schedules step and plateau: what the rate is multiplied by", 1e-6, 1},
    self.step_factor);
  v(OptionInfo{"patience", "schedule plateau: epochs without a better test part before the rate falls", 1,
               kMany},
    self.patience);
  v(OptionInfo{"early-stopping",
               "stop after this many epochs without a better test part and keep the best; 0: never", 0,
               kMany},
    self.early_stopping);
  v(OptionInfo{"seed", "fixes every random number of the run"}, self.seed);
  v(OptionInfo{"threads", "0: all processors", 0, 1024}, self.threads);
  v(OptionInfo{"health", "measure density and dead units while training"}, self.health);
  v(OptionInfo{"skip", "skip zeros: auto (where that is faster), on or off; changes the rounding at most",
               -kMany, kMany, skipping_names()},
    self.skip);
  v(OptionInfo{"checkpoint", "folder that the run is saved in as it goes"}, self.checkpoint);
  v(OptionInfo{"every", "epochs between two checkpoints", 1, kMany}, self.every);
  v(OptionInfo{"resume", "go on from the checkpoint"}, self.resume);
  v(OptionInfo{"log-dir",
               "folder for TensorBoard event files: curves, and histograms of weights, gradients and "
               "activations"},
    self.log_dir);
}

}  // namespace halfwave
