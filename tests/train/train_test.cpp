// Lost if these fail: networks would not learn, a seed would not fix a run, or a result would not be what it
// says.
#include <halfwave/activation.h>

#include "train/train_testing.h"

namespace halfwave {
namespace {

using testing::HasSubstr;
using End = TrainResult::End;

TEST(Train, LearnsTwoSpirals) {
  DataOptions source;
  source.source = "two-spirals";
  const Dataset data = load_dataset(source);
  TrainOptions options;
  options.hidden = {64, 64};
  options.epochs = 60;
  options.batch = 32;
  options.threads = 1;
  options.learning_rate = 0.01;
  const TrainResult result = train(data, options);
  EXPECT_EQ(result.end, End::finished);
  EXPECT_GT(result.epochs.back().test_accuracy, 0.95);
  EXPECT_LT(result.epochs.back().loss, 0.5 * result.epochs.front().loss);
  EXPECT_NEAR(evaluate(result.model, data.test, 1).accuracy, result.epochs.back().test_accuracy, 1e-12);
}

TEST(Train, EveryOptimiserLearns) {
  const Dataset data = clouds();
  for (const std::string& optimiser : optimiser_names()) {
    TrainOptions options = small_options();
    options.optimiser = optimiser;
    options.epochs = 20;
    const TrainResult result = train(data, options);
    EXPECT_GT(result.epochs.back().test_accuracy, 0.75) << optimiser;
    EXPECT_LT(result.epochs.back().loss, 0.7 * result.epochs.front().loss) << optimiser;
  }
}

TEST(Train, EveryActivationTrains) {
  const Dataset data = clouds();
  for (const std::string& activation : activation_names()) {
    if (activation == "exponential") continue;  // grows without bound
    TrainOptions options = small_options();
    options.net = "dense 16, " + activation + ", dense";
    options.epochs = 12;
    const TrainResult result = train(data, options);
    EXPECT_EQ(result.end, End::finished) << activation << ": " << result.message;
    EXPECT_LT(result.epochs.back().loss, result.epochs.front().loss) << activation;
  }
}

TEST(Train, EveryRegressionLossLearnsInTheTargetsUnits) {
  const Dataset data = curves();
  for (const char* loss : {"auto", "mse", "mae", "huber"}) {
    TrainOptions options = small_options();
    options.loss = loss;
    options.epochs = 40;
    const TrainResult result = train(data, options);
    const EpochReport &first = result.epochs.front(), &last = result.epochs.back();
    EXPECT_LT(last.test_rmse, 3.0) << loss;  // the targets' deviation is about 6
    EXPECT_LT(last.test_rmse, first.test_rmse) << loss;
    const std::vector<float> predictions = result.model.predict(data.test, 1);
    double squares = 0;
    for (std::size_t i = 0; i < predictions.size(); ++i)
      squares += std::pow(static_cast<double>(predictions[i]) - static_cast<double>(data.test.targets[i]), 2);
    EXPECT_NEAR(std::sqrt(squares / static_cast<double>(predictions.size())), last.test_rmse, 1e-3) << loss;
    EXPECT_NEAR(evaluate(result.model, data.test, 1).rmse, last.test_rmse, 1e-9);
  }
}

TEST(Train, BinaryCrossEntropyUsesOneOutput) {
  const Dataset data = clouds(2);
  for (const char* net : {"dense 16, relu, dense", "dense 16, relu, dense, sigmoid"}) {
    TrainOptions options = small_options();
    options.net = net;
    options.loss = "binary_cross_entropy";
    options.label_smoothing = 0.05;
    options.epochs = 12;
    const TrainResult result = train(data, options);
    EXPECT_EQ(result.model.outputs(), 1u);
    EXPECT_GT(result.epochs.back().test_accuracy, 0.85);
    const std::vector<std::int32_t> classes = result.model.classes(result.model.predict(data.test, 1));
    double right = 0;
    for (std::size_t i = 0; i < classes.size(); ++i) right += classes[i] == data.test.labels[i] ? 1 : 0;
    EXPECT_NEAR(right / static_cast<double>(classes.size()), result.epochs.back().test_accuracy, 1e-12)
        << net;
  }
}

/// Softmax belongs to the loss: a network that ends in it trains as one that does not, and predicts
/// probabilities.
TEST(Train, AClosingSoftmaxIsPartOfTheLoss) {
  const Dataset data = clouds();
  TrainOptions options = small_options();
  options.init = "lecun_normal";
  const TrainResult logits = train(data, options);
  options.net += ", softmax";
  const TrainResult probabilities = train(data, options);
  EXPECT_EQ(values_of(logits), values_of(probabilities));
  const std::vector<float> y = probabilities.model.predict(data.test, 1);
  EXPECT_NEAR(y[0] + y[1] + y[2], 1, 1e-6);
  EXPECT_EQ(logits.model.classes(logits.model.predict(data.test, 1)), probabilities.model.classes(y));
}

/// A regression may end in sigmoid or softmax; then that is part of what is trained.
TEST(Train, AClosingSigmoidOfARegressionIsTrained) {
  Dataset data = curves();
  data.schema.outputs = 1;
  for (Examples* part : {&data.train, &data.test}) {
    const auto& x = std::get<std::vector<float>>(part->values);
    part->targets.clear();
    for (std::size_t i = 0; i < part->count; ++i) part->targets.push_back(1 / (1 + std::exp(-2 * x[4 * i])));
  }
  TrainOptions options = small_options();
  options.net = "dense, sigmoid";
  options.standardise = false;
  options.epochs = 60;
  options.learning_rate = 0.05;
  const TrainResult result = train(data, options);
  const std::vector<float> y = result.model.predict(data.test, 1);
  double squares = 0;
  for (std::size_t i = 0; i < y.size(); ++i)
    squares += std::pow(static_cast<double>(y[i] - data.test.targets[i]), 2);
  EXPECT_LT(std::sqrt(squares / static_cast<double>(y.size())), 0.03);
  EXPECT_NEAR(result.epochs.back().test_rmse, std::sqrt(squares / static_cast<double>(y.size())), 1e-6);
}

TEST(Train, SeedFixesTheRunAndThreadsDoNotChangeIt) {
  Dataset data = clouds();
  TrainOptions options = small_options();
  options.net = "dense 700, batch_norm, relu, dropout, dense 700, prelu, dense";  // large enough for threads
  options.batch = 64;
  options.epochs = 2;
  const TrainResult one = train(data, options);
  expect_same(train(data, options), one);
  options.threads = 2;
  expect_same(train(data, options), one);
  options.threads = 3;
  options.clip = 1e9;  // never reached: the two ways to update agree
  expect_same(train(data, options), one);
  options.seed = 4;
  EXPECT_NE(values_of(train(data, options)), values_of(one));
}

TEST(Train, ClippingBoundsTheStep) {
  const Dataset data = clouds();
  TrainOptions options = small_options();
  options.optimiser = "sgd";
  options.momentum = 0;
  options.schedule = "constant";
  options.learning_rate = 1;
  options.clip = 1e-3;
  options.epochs = 1;
  options.batch = 97;
  const TrainResult after = train(data, options);
  options.learning_rate = 1e-30;
  const TrainResult before = train(data, options);
  const std::vector<float> a = values_of(after), b = values_of(before);
  double squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    squares += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
  EXPECT_NEAR(std::sqrt(squares), 1e-3, 1e-5);
}

TEST(Train, ActivityPenaltyMakesZeros) {
  const Dataset data = clouds();
  TrainOptions options = small_options();
  options.epochs = 20;
  const double without = train(data, options).epochs.back().layers[0].density;
  options.activity_l1 = 0.5;
  const double with = train(data, options).epochs.back().layers[0].density;
  EXPECT_LT(with, 0.8 * without);
}

TEST(Train, ReportsAreWhatTheySay) {
  const Dataset data = clouds();
  TrainOptions options = small_options();
  StopAfter observer(1000);
  const TrainResult result = train(data, options, &observer);
  EXPECT_EQ(observer.steps, 4 * 7);  // 97 examples in batches of 16
  EXPECT_EQ(observer.epochs, 4);
  EXPECT_EQ(observer.last.steps, 7);
  EXPECT_EQ(observer.last.step, 7);
  EXPECT_EQ(result.best_epoch, 4);
  ASSERT_EQ(result.epochs.size(), 4u);
  for (const EpochReport& report : result.epochs) {
    ASSERT_EQ(report.layers.size(), 2u);
    EXPECT_EQ(report.layers[0].name, "dense_1");
    EXPECT_EQ(report.layers[0].units, 16u);
    EXPECT_GT(report.layers[0].density, 0);
    EXPECT_LT(report.layers[0].density, 1);
    EXPECT_EQ(report.layers[1].density, 1);
    EXPECT_GT(report.layers[0].gradient_norm, 0);
  }
  double squares = 0;
  Network& network = result.model.parts().network;
  for (const float w : network.get(network.tensors()[0]))
    squares += static_cast<double>(w) * static_cast<double>(w);
  EXPECT_NEAR(result.epochs.back().layers[0].weight_norm, std::sqrt(squares), 1e-5);
  EXPECT_EQ(result.options.loss, "cross_entropy");
  EXPECT_EQ(result.options.threads, 1);
  EXPECT_NEAR(evaluate(result.model, data.test, 1).loss, result.epochs.back().test_loss, 1e-12);
  EXPECT_GT(result.examples_per_second, 0);
}

TEST(Train, EveryEpochSeesEachExampleOnceInAnotherOrder) {
  class FirstLosses final : public TrainObserver {
   public:
    void step(const Progress& progress) override {
      if (progress.step == 1) losses.push_back(progress.loss);
    }
    std::vector<double> losses;
  } observer;
  TrainOptions options = small_options();
  options.learning_rate = 1e-30;  // the network stays as it is
  const TrainResult result = train(clouds(), options, &observer);
  for (std::size_t i = 1; i < 4; ++i) {
    EXPECT_NE(observer.losses[i], observer.losses[i - 1]) << "the same first batch";
    EXPECT_NEAR(result.epochs[i].loss, result.epochs[0].loss, 1e-6);
    EXPECT_EQ(result.epochs[i].train_accuracy, result.epochs[0].train_accuracy);
  }
  EXPECT_NEAR(evaluate(result.model, clouds().train, 1).loss, result.epochs[0].loss, 1e-6);
}

TEST(Train, DeadUnitsAndDensityAreCountedOverTheEpoch) {
  const Dataset data = clouds();
  TrainOptions options = small_options();
  TrainResult start = train(data, options);
  Network& network = start.model.parts().network;
  std::vector<float> bias(16, 1e6f);  // always on
  std::fill_n(bias.begin(), 5, -1e6f);
  network.set(network.tensors()[1], bias);
  options.learning_rate = 1e-30;
  options.epochs = 2;
  for (const EpochReport& report : train(data, options, nullptr, &start.model).epochs) {
    EXPECT_EQ(report.layers[0].dead_units, 5u);
    EXPECT_EQ(report.layers[0].density, 11.0 / 16);
    EXPECT_EQ(report.layers[1].dead_units, 0u);
  }
}

TEST(Train, EarlyStoppingKeepsTheBestEpoch) {
  const Dataset data = clouds();
  TrainOptions options = small_options();
  options.early_stopping = 3;
  options.epochs = 200;
  options.learning_rate = 0.02;
  const TrainResult result = train(data, options);
  ASSERT_EQ(result.end, End::stopped_early);
  double best = 0;
  std::int64_t best_epoch = 0;
  for (const EpochReport& report : result.epochs)
    if (report.test_accuracy > best) best = report.test_accuracy, best_epoch = report.epoch;
  EXPECT_EQ(result.best_epoch, best_epoch);
  EXPECT_EQ(static_cast<std::int64_t>(result.epochs.size()), best_epoch + 3);
  EXPECT_EQ(evaluate(result.model, data.test, 1).accuracy, best);
  EXPECT_EQ(result.model.facts().at("epochs"), std::to_string(best_epoch));
}

TEST(Train, FurtherTrainingBeginsWithTheModelsWeights) {
  const Dataset data = clouds();
  TrainOptions options = small_options();
  options.net = "dense 16, batch_norm, relu, dense";
  const TrainResult first = train(data, options);
  const std::vector<float> before = values_of(first);
  options.net = "nonsense that is ignored";
  options.learning_rate = 1e-30;
  options.epochs = 1;
  const TrainResult further = train(data, options, nullptr, &first.model);
  EXPECT_EQ(values_of(first), before) << "the model trained further is not changed itself";
  const std::vector<float> after = values_of(further);
  const std::size_t learned = further.model.parts().network.learned_floats();
  EXPECT_TRUE(
      std::equal(after.begin(), after.begin() + static_cast<std::ptrdiff_t>(learned), before.begin()));
  EXPECT_EQ(further.model.network(), first.model.network());
}

TEST(Train, FurtherTrainingNeedsDataAndLossThatFit) {
  const Dataset data = clouds(2);
  const TrainOptions options = small_options();
  const TrainResult two = train(data, options);
  EXPECT_THAT(error_of(ErrorKind::usage, [&] { train(clouds(3), options, nullptr, &two.model); }),
              HasSubstr("clouds"));
  EXPECT_THAT(error_of(ErrorKind::usage, [&] { train(curves(), options, nullptr, &two.model); }),
              HasSubstr("curves"));
  TrainOptions binary = options;
  binary.loss = "binary_cross_entropy";
  EXPECT_THAT(error_of(ErrorKind::usage, [&] { train(data, binary, nullptr, &two.model); }),
              HasSubstr("binary_cross_entropy"));
  const TrainResult one = train(data, binary);
  EXPECT_EQ(train(data, options, nullptr, &one.model).options.loss, "binary_cross_entropy");  // the usual one
  TrainOptions softmax = options;
  softmax.loss = "cross_entropy";
  EXPECT_THAT(error_of(ErrorKind::usage, [&] { train(data, softmax, nullptr, &one.model); }),
              HasSubstr("cross_entropy"));
}

TEST(Train, WithoutATestPartTheTrainingLossDecides) {
  Dataset data = clouds();
  data.test = {};
  TrainOptions options = small_options();
  options.early_stopping = 2;
  const TrainResult result = train(data, options);
  EXPECT_EQ(result.epochs.back().test_accuracy, 0);
  EXPECT_EQ(result.model.facts().count("test_accuracy"), 0u);
  EXPECT_GE(result.best_epoch, 1);
}

TEST(Train, BytesAndConstantFeaturesAreStandardised) {
  Dataset data = clouds();
  for (Examples* part : {&data.train, &data.test}) {
    std::vector<std::uint8_t> bytes;
    for (const float x : std::get<std::vector<float>>(part->values))
      bytes.push_back(static_cast<std::uint8_t>(std::clamp(20 * x, 0.0f, 255.0f)));
    for (std::size_t i = 0; i < part->count; ++i) bytes[6 * i] = 200;  // one feature never varies
    part->values = bytes;
  }
  const TrainResult result = train(data, small_options());
  EXPECT_EQ(result.end, End::finished);
  EXPECT_GT(result.epochs.back().test_accuracy, 0.6);
  for (const float scale : result.model.parts().preprocessing.scale)
    EXPECT_TRUE(std::isfinite(scale) && scale > 0);
}

}  // namespace
}  // namespace halfwave
