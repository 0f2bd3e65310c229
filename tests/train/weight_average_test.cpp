// Lost if these fail: the model that --ema gives would not be the average of the weights, training would go
// on from the average instead of its own weights, or evaluation would look at other numbers than the model's.
#include "train/weight_average.h"

#include "train/train_testing.h"

namespace halfwave {
namespace {

using End = TrainResult::End;

std::vector<float> numbers(std::span<const float> values) { return {values.begin(), values.end()}; }

TEST(WeightAverage, IsThatOfTheFormulaInDouble) {
  for (const double decay : {0.999, 0.5})
    for (const int threads : {1, 3}) {
      Network network = parse_network("dense 40, batch_norm, relu, dense", 30, 5);
      Random random(1, 1);
      for (float& w : network.values()) w = static_cast<float>(random.normal());
      WeightAverage average(network, decay, threads);
      const std::vector<float> start = numbers(network.values());
      std::vector<double> expected(start.begin(), start.end());
      for (std::int64_t n = 0; n < 60; ++n) {
        for (float& w : network.values()) w += static_cast<float>(0.1 * random.normal());
        average.update(n);
        const double d = std::min(decay, (1.0 + static_cast<double>(n)) / (10.0 + static_cast<double>(n)));
        for (std::size_t i = 0; i < expected.size(); ++i)
          expected[i] = d * expected[i] + (1 - d) * static_cast<double>(network.values()[i]);
      }
      const std::vector<float> raw = numbers(network.values()), result = numbers(average.values());
      for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(result[i], expected[i], 1e-5);
      average.exchange();
      EXPECT_EQ(numbers(network.values()), result);
      average.exchange();
      EXPECT_EQ(numbers(network.values()), raw);
    }
}

TEST(WeightAverage, WithoutADecayIsTheNetworkItself) {
  Network network = parse_network("dense", 3, 2);
  WeightAverage average(network, 0.0, 1);
  EXPECT_TRUE(average.state().empty());
  EXPECT_EQ(average.values().data(), std::as_const(network).values().data());
  const std::vector<float> before = numbers(network.values());
  average.update(0);
  average.exchange();
  EXPECT_EQ(numbers(network.values()), before);
}

TrainOptions averaged(double decay) {
  TrainOptions options = small_options();
  options.net = "dense 16, batch_norm, relu, dense";
  options.schedule = "constant";
  options.batch = 97;  // an update an epoch
  options.ema = decay;
  return options;
}

TEST(AveragedTraining, GivesTheAverageOfTheWeightsOfTheSameRun) {
  const Dataset data = clouds();
  constexpr std::int64_t kUpdates = 12;
  TrainOptions options = averaged(0.0);
  std::vector<double> expected;
  for (std::int64_t n = 0; n < kUpdates; ++n) {
    options.epochs = n + 1;
    const std::vector<float> weights = values_of(train(data, options));
    if (n == 0) expected.assign(weights.begin(), weights.end());  // its start counts for a tenth of the first
    const double d =
        n == 0 ? 0.0 : std::min(0.4, (1.0 + static_cast<double>(n)) / (10.0 + static_cast<double>(n)));
    for (std::size_t i = 0; i < weights.size(); ++i)
      expected[i] = d * expected[i] + (1 - d) * static_cast<double>(weights[i]);
  }
  options.ema = 0.4;
  const TrainResult result = train(data, options);
  const std::vector<float> average = values_of(result);
  // The start's share of what is left is 0.1 · 0.18 · 0.25 · ... < 1e-6 after twelve updates.
  for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(average[i], expected[i], 2e-5);
  EXPECT_FALSE(average == values_of(train(data, [&] {
                 TrainOptions raw = options;
                 raw.ema = 0.0;
                 return raw;
               }())));
}

TEST(AveragedTraining, GoesOnWithItsOwnWeightsAndEvaluatesTheAverage) {
  const Dataset data = clouds();
  const TrainResult raw = train(data, averaged(0.0)), result = train(data, averaged(0.9));
  ASSERT_EQ(result.epochs.size(), raw.epochs.size());
  bool differs = false;
  for (std::size_t i = 0; i < raw.epochs.size(); ++i) {
    EXPECT_EQ(result.epochs[i].loss, raw.epochs[i].loss);
    EXPECT_EQ(result.epochs[i].layers[0].weight_norm, raw.epochs[i].layers[0].weight_norm);
    differs = differs || result.epochs[i].test_loss != raw.epochs[i].test_loss;
  }
  EXPECT_TRUE(differs);
  const Evaluation evaluation = evaluate(result.model, data.test);
  EXPECT_EQ(result.epochs.back().test_accuracy, evaluation.accuracy);
  EXPECT_NEAR(result.epochs.back().test_loss, evaluation.loss, 1e-6 * evaluation.loss);
}

TEST(AveragedTraining, KeepsTheBestAverage) {
  const Dataset data = clouds();
  TrainOptions options = averaged(0.9);
  options.batch = 16;
  options.epochs = 40;
  options.learning_rate = 0.05;
  options.early_stopping = 3;
  const TrainResult result = train(data, options);
  ASSERT_EQ(result.end, End::stopped_early);
  EXPECT_EQ(evaluate(result.model, data.test).accuracy,
            result.epochs[static_cast<std::size_t>(result.best_epoch - 1)].test_accuracy);
}

TEST(AveragedTraining, ThatDivergesGivesTheLastGoodAverage) {
  Dataset data = clouds();
  TrainOptions options = averaged(0.9);
  options.epochs = 30;
  options.warmup = 20;
  options.net = "dense 16, relu, dense";
  options.optimiser = "sgd";
  options.learning_rate = 1e12;
  options.early_stopping = 0;
  const TrainResult result = train(data, options);
  ASSERT_EQ(result.end, End::diverged);
  for (const float w : values_of(result)) ASSERT_TRUE(std::isfinite(w));
  ASSERT_GT(result.best_epoch, 0);
  EXPECT_EQ(evaluate(result.model, data.test).accuracy,
            result.epochs[static_cast<std::size_t>(result.best_epoch - 1)].test_accuracy);
}

}  // namespace
}  // namespace halfwave
