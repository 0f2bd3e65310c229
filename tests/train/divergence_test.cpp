// Lost if these fail: a run that breaks down would leave a network of NaN behind, or a message that does not
// help.
#include "train/prepare.h"
#include "train/train_testing.h"

namespace halfwave {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using End = TrainResult::End;

class Diverging : public testing::Test {
 protected:
  static void expect_diverged(const TrainResult& result, std::size_t epochs_at_most) {
    EXPECT_EQ(result.end, End::diverged);
    EXPECT_THAT(result.message, AllOf(HasSubstr("diverged"), HasSubstr("learning-rate"),
                                      testing::AnyOf(HasSubstr("layer"), HasSubstr("test part"))));
    EXPECT_LE(result.epochs.size(), epochs_at_most);
    EXPECT_LE(result.best_epoch, static_cast<std::int64_t>(result.epochs.size()));
    for (const float x : result.model.predict(clouds().test, 1))
      ASSERT_TRUE(std::isfinite(x)) << "the model is not usable";
    for (const EpochReport& report : result.epochs)
      EXPECT_TRUE(std::isfinite(report.loss) && std::isfinite(report.test_loss));
  }
};

TEST_F(Diverging, WithAHugeLearningRateTheBeginningIsKept) {
  const Dataset data = clouds();
  for (const std::int64_t batch : {16, 97})  // the first epoch has several updates, or one
    for (const std::int64_t epochs : {1, 5})
      for (const bool tested : {true, false}) {
        SCOPED_TRACE(testing::Message()
                     << "batch " << batch << ", epochs " << epochs << ", tested " << tested);
        Dataset part = data;
        if (!tested) part.test = {};
        if (!tested && batch == 97 && epochs == 1)
          continue;  // nothing looks at the network after its only update
        TrainOptions options = small_options();
        options.net = "dense 16, relu, dense 16, relu, dense";
        options.learning_rate = 1e15;
        options.schedule = "constant";
        options.batch = batch;
        options.epochs = epochs;
        const TrainResult result = train(part, options);
        // Without a test part the only update of an epoch shows itself in the next one.
        expect_diverged(result, !tested && batch == 97 ? 1 : 0);
        EXPECT_EQ(result.best_epoch, 0);
        const auto begun = make_model(part, resolve(options, part), nullptr);
        EXPECT_TRUE(std::ranges::equal(values_of(result), begun->network.values()))
            << "not what it began with";
      }
}

TEST_F(Diverging, LaterKeepsTheLastGoodEpoch) {
  const Dataset data = clouds();
  TrainOptions options = small_options();
  options.schedule = "step";
  options.step_epochs = 2;
  options.step_factor = 1;
  options.epochs = 2;
  const TrainResult good = train(data, options);
  // The same two epochs, and then examples that no number can hold.
  class Poison final : public TrainObserver {
   public:
    explicit Poison(Dataset& data) : data_(data) {}
    void epoch(const EpochReport& report) override {
      if (report.epoch == 2) std::get<std::vector<float>>(data_.train.values)[7] = 3e38f;
    }

   private:
    Dataset& data_;
  };
  Dataset poisoned = data;
  Poison observer(poisoned);
  options.epochs = 5;
  const TrainResult result = train(poisoned, options, &observer);
  expect_diverged(result, 2);
  EXPECT_EQ(result.best_epoch, 2);
  EXPECT_EQ(values_of(result), values_of(good));
}

TEST_F(Diverging, WithEarlyStoppingTheBestEpochIsKept) {
  Dataset data = clouds();
  class Poison final : public TrainObserver {
   public:
    explicit Poison(Dataset& data) : data_(data) {}
    void epoch(const EpochReport& report) override {
      if (report.epoch == 6) std::get<std::vector<float>>(data_.train.values)[7] = 3e38f;
    }

   private:
    Dataset& data_;
  } observer(data);
  TrainOptions options = small_options();
  options.early_stopping = 6;
  options.epochs = 50;
  const TrainResult result = train(data, options, &observer);
  expect_diverged(result, 6);
  double best = 0;
  for (const EpochReport& report : result.epochs) best = std::max(best, report.test_accuracy);
  EXPECT_EQ(evaluate(result.model, data.test, 1).accuracy, best);
  EXPECT_EQ(result.epochs[static_cast<std::size_t>(result.best_epoch - 1)].test_accuracy, best);
}

TEST_F(Diverging, NanWeightsNameTheirLayer) {
  const Dataset data = clouds();
  TrainOptions options = small_options();
  TrainResult start = train(data, options);
  Network& network = start.model.parts().network;
  for (const NetworkTensor& tensor : network.tensors())
    if (tensor.name == "dense_2.weight") network.values()[tensor.offset + 2] = NAN;
  const TrainResult result = train(data, options, nullptr, &start.model);
  EXPECT_EQ(result.end, End::diverged);
  EXPECT_THAT(result.message, AllOf(HasSubstr("epoch 1"), HasSubstr("step 1"), HasSubstr("layer 3 'dense_2'"),
                                    HasSubstr("weight")));
}

TEST_F(Diverging, ClippingPreventsIt) {
  TrainOptions options = small_options();
  options.optimiser = "sgd";
  options.learning_rate = 0.1;
  Dataset data = clouds();
  for (float& x : std::get<std::vector<float>>(data.train.values)) x *= 1e12f;
  options.standardise = false;
  options.clip = 1e-12;
  const TrainResult result = train(data, options);
  EXPECT_EQ(result.end, End::finished) << result.message;
}

/// A network whose numbers on the test part overflow is saved and gone on with nevertheless.
TEST_F(Diverging, CheckpointsAreReadableWhateverTheReportsHold) {
  const Dataset data = clouds();
  RunFolder folder;
  TrainOptions options = small_options();
  options.checkpoint = folder.path();
  options.net = "dense 16, relu, dense 16, relu, dense";
  options.learning_rate = 1e15;
  options.schedule = "constant";
  options.batch = 97;
  const TrainResult first = train(data, options);
  options.resume = true;
  EXPECT_NO_THROW(train(data, options));
}

}  // namespace
}  // namespace halfwave
