// Lost if these fail: training that skips zeros would learn something else than training that does not, would
// depend on the number of threads, or would go on with a network that has broken down.
#include "train/train_testing.h"

namespace halfwave {
namespace {

using testing::HasSubstr;
using End = TrainResult::End;

constexpr std::size_t kTrain = 311, kTest = 57;

template <class Number, class Draw>
Dataset dataset(const char* name, std::vector<std::int64_t> shape, std::size_t classes, Draw&& draw) {
  Dataset data;
  data.name = name;
  data.schema.shape = std::move(shape);
  for (std::size_t c = 0; c < classes; ++c) data.schema.classes.push_back("class " + std::to_string(c));
  Random random(3, stream_id(Stream::data, 301));
  for (Examples* part : {&data.train, &data.test}) {
    part->count = part == &data.train ? kTrain : kTest;
    auto& values = part->values.template emplace<std::vector<Number>>();
    for (std::size_t i = 0; i < part->count; ++i) {
      const std::size_t label = random.below(classes);
      part->labels.push_back(static_cast<std::int32_t>(label));
      for (std::size_t j = 0; j < data.schema.features(); ++j)
        values.push_back(static_cast<Number>(draw(random, label, j)));
    }
  }
  return data;
}

/// Bytes of 14 x 14 points, four of five black; each class has its own bright places.
const Dataset& images() {
  static const Dataset data =
      dataset<std::uint8_t>("images", {1, 14, 14}, 5, [](Random& random, std::size_t label, std::size_t j) {
        const bool bright = random.uniform() < (j * 7 % 5 == label ? 0.5f : 0.12f);
        return bright ? 1 + random.below(255) : 0;
      });
  return data;
}

/// Two numbers and a text of thirty categories, one of which is not zero.
const Dataset& categories() {
  static const Dataset data = [] {
    std::size_t category = 0;
    return dataset<float>("categories", {32}, 3, [&](Random& random, std::size_t label, std::size_t j) {
      if (j == 0) category = 2 + (random.below(10) * 3 + label) % 30;
      if (j < 2) return random.normal();
      return j == category ? 1.0 : 0.0;
    });
  }();
  return data;
}

struct Case {
  const char *name, *net;
  const Dataset& (*data)() = images;
  double activity_l1 = 0, learning_rate = 0.02;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> list{
      {"relu", "dense 50, relu, dense 37, relu, dense"},
      {"wide_relu", "dense 200, relu, dense 130, relu, dense 65, relu, dense"},
      {"relu6", "dense 48, relu6, dense 30, relu6, dense"},
      {"squared_relu", "dense 23, squared_relu, dense 70, squared_relu, dense", images, 0, 0.001},
      {"hardshrink", "dense 30, hardshrink, dense 20, hardshrink, dense"},
      {"crelu", "dense 33, crelu, dense 30, crelu, dense"},
      {"prelu", "dense 33, prelu, dense 30, prelu, dense"},
      {"dropout", "dropout 0.2, dense 40, relu, dropout 0.4, dense 35, dropout 0.5, dense 20, relu, dense"},
      {"flatten", "flatten, dense 48, relu, flatten, dense 20, flatten, relu, flatten, dense"},
      {"batch_norm", "batch_norm, dense 40, batch_norm, relu, dense 24, relu, dense"},
      {"no_hidden_layer", "dense"},
      {"one_hot", "dense 40, relu, dense 21, relu, dense", categories},
      {"activity_l1", "dense 50, relu, dense 37, relu, dense", images, 1e-3},
  };
  return list;
}

TrainOptions options_of(const Case& which, std::int64_t batch, const char* skip) {
  TrainOptions options = small_options();
  options.net = which.net;
  options.activity_l1 = which.activity_l1;
  options.optimiser = "sgd";  // adam turns the rounding of a gradient near zero into a whole step
  options.momentum = 0;
  options.learning_rate = which.learning_rate;
  options.schedule = "constant";
  options.batch = batch;
  options.epochs = 3;
  options.skip = skip;
  return options;
}

/// The loss after every step, and an end after some.
class Losses final : public TrainObserver {
 public:
  explicit Losses(std::size_t most) : most_(most) {}
  void step(const Progress& progress) override { losses.push_back(progress.loss); }
  bool stop_requested() override { return losses.size() >= most_; }
  std::vector<double> losses;

 private:
  std::size_t most_;
};

class SkippingTraining : public testing::TestWithParam<Case> {};

/// Forward products and gradients of weights are the same chains of multiply-adds with and without zeros; the
/// gradient by the input is a sum of up to 130 terms in another order, whose error is below 130 · 2^-24 =
/// 8e-6 of their sizes. In steps of 0.02 and less that moves weights, losses and outputs by less than 1e-5 of
/// themselves. But a number that lies within such a distance of its activation's kink may be zero for one run
/// and not for the other, whose gradients then differ in one example: outputs by 0.02 · |x| |dy| / batch,
/// some 1e-4, and the loss of all examples by little of that.
TEST_P(SkippingTraining, OnOffAndAutomaticLearnTheSameUpToRounding) {
  constexpr double kLossBound = 1e-4, kOutputBound = 1e-3;
  const Dataset& data = GetParam().data();
  for (const std::int64_t batch :
       {1, 5, 33, 128, 300}) {  // the last batches have 1, 1, 14, 55 and 11 examples
    SCOPED_TRACE(testing::Message() << "batch " << batch);
    const std::size_t steps = batch == 1 ? 20 : kTrain / static_cast<std::size_t>(batch) + 2;
    Losses off(steps);
    const TrainResult expected = train(data, options_of(GetParam(), batch, "off"), &off);
    const std::vector<float> outputs = expected.model.predict(data.test, 1);
    for (const char* skip : {"on", "auto"}) {
      Losses with(steps);
      const TrainResult result = train(data, options_of(GetParam(), batch, skip), &with);
      ASSERT_EQ(with.losses.size(), steps) << skip << " " << result.message;
      for (std::size_t i = 0; i < steps; ++i)
        ASSERT_NEAR(with.losses[i], off.losses[i], kLossBound * off.losses[i]) << skip << ", step " << i + 1;
      const std::vector<float> mine = result.model.predict(data.test, 1);
      for (std::size_t i = 0; i < outputs.size(); ++i)
        ASSERT_NEAR(mine[i], outputs[i], kOutputBound * (1 + std::fabs(outputs[i])))
            << skip << ", output " << i;
    }
  }
}

/// Where the first layer skips zeros it is not given standardised bytes but multiples of them, and adds the
/// mean itself: black stays 0. A network that is given the standardised numbers learns the same.
TEST(SkippingBytes, IsLearningTheirStandardisedNumbers) {
  const auto learn = [](const Dataset& data, bool standardise, const char* skip) {
    Case which{.name = "", .net = "flatten, dense 50, relu, dense 37, relu, dense"};
    TrainOptions options = options_of(which, 33, skip);
    options.standardise = standardise;
    options.epochs = 1;
    return train(data, options);
  };
  const TrainResult bytes = learn(images(), true, "on"), dense = learn(images(), true, "off");
  const Preprocessing& form = bytes.model.parts().preprocessing;
  Dataset numbers = images();
  numbers.test = {};
  std::vector<float> standardised;
  for (const std::uint8_t byte : std::get<std::vector<std::uint8_t>>(images().train.values)) {
    const std::size_t j = standardised.size() % form.mean.size();
    standardised.push_back((static_cast<float>(byte) - form.mean[j]) * form.scale[j]);
  }
  numbers.train.values = standardised;
  const EpochReport expected = learn(numbers, false, "off").epochs.at(0);
  for (const TrainResult* result : {&bytes, &dense}) {
    const EpochReport& report = result->epochs.at(0);
    EXPECT_NEAR(report.loss, expected.loss, 1e-4 * expected.loss);
    for (std::size_t i = 0; i < expected.layers.size(); ++i)
      EXPECT_NEAR(report.layers[i].gradient_norm, expected.layers[i].gradient_norm,
                  1e-3 * expected.layers[i].gradient_norm);
  }
}

/// In the first step the outputs are those of the same weights, so the same of them are zero.
TEST_P(SkippingTraining, HealthCountsTheSameZeros) {
  const Dataset& data = GetParam().data();
  const auto health = [&](const char* skip) {
    TrainOptions options = options_of(GetParam(), kTrain, skip);
    options.epochs = 1;
    return train(data, options).epochs.at(0).layers;
  };
  const std::vector<LayerHealth> off = health("off");
  for (const char* skip : {"on", "auto"}) {
    const std::vector<LayerHealth> with = health(skip);
    ASSERT_EQ(with.size(), off.size());
    for (std::size_t i = 0; i < off.size(); ++i) {
      EXPECT_EQ(with[i].density, off[i].density) << skip << " " << off[i].name;
      EXPECT_EQ(with[i].dead_units, off[i].dead_units) << skip << " " << off[i].name;
      EXPECT_EQ(with[i].units, off[i].units) << skip << " " << off[i].name;
      EXPECT_NEAR(with[i].gradient_norm, off[i].gradient_norm, 1e-4 * off[i].gradient_norm) << skip;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, SkippingTraining, testing::ValuesIn(cases()),
                         [](const auto& test) { return std::string(test.param.name); });

/// Large enough for threads in every product, in the listing of zeros and in the optimiser.
TrainOptions large_options() {
  TrainOptions options = small_options();
  options.net = "dense 130, relu, dense 90, relu, dropout 0.3, dense 100, crelu, dense 70, hardshrink, dense";
  options.batch = 128;
  options.epochs = 2;
  options.activity_l1 = 1e-4;
  options.skip = "on";
  return options;
}

TEST(SkippingOn, GivesTheSameBitsForAnyNumberOfThreads) {
  TrainOptions options = large_options();
  const TrainResult one = train(images(), options);
  ASSERT_EQ(one.end, End::finished) << one.message;
  for (const std::int64_t threads : {2, 3}) {
    SCOPED_TRACE(testing::Message() << threads << " threads");
    options.threads = threads;
    expect_same(train(images(), options), one);
  }
}

TEST(SkippingOn, AnInterruptedRunGoesOnToTheSameBits) {
  TrainOptions options = large_options();
  const TrainResult whole = train(images(), options);
  RunFolder folder;
  options.checkpoint = folder.path();
  options.resume = true;
  for (const std::int64_t steps : {2, 3}) {  // in the middle of an epoch, and in that of the next
    StopAfter observer(steps);
    ASSERT_EQ(train(images(), options, &observer).end, End::interrupted);
  }
  expect_same(train(images(), options), whole);
}

/// A number may be zero where its activation is not flat, as hardswish's is at 0, or where there is none:
/// what the layers before then need of its gradient must not be skipped.
TEST(SkippingOn, UnitsWhoseNumbersAreAllZeroLearnAsWithoutSkipping) {
  std::vector<std::string> between = activation_names();
  between.insert(between.end(), {"dropout 0.3", "relu, dropout 0.3", "hardswish, dropout 0.3"});
  int learned = 0;
  for (const std::string& activation : between) {
    SCOPED_TRACE(activation);
    TrainOptions options = options_of(cases()[0], kTrain, "off");
    options.net = "dense 30, " + activation + ", dense";
    options.epochs = 1;
    const TrainResult start = train(images(), options);
    Network& network = start.model.parts().network;
    for (const NetworkTensor& tensor : network.tensors())
      if (network.layer_name(tensor.layer) == "dense_1")
        network.set(tensor, std::vector<float>(tensor.spec.count(), 0.0f));
    const std::vector<float> begun = values_of(start),
                             off = values_of(train(images(), options, nullptr, &start.model));
    options.skip = "on";
    const std::vector<float> on = values_of(train(images(), options, nullptr, &start.model));
    const std::size_t first_layer = 196 * 32;
    for (std::size_t i = 0; i < off.size(); ++i) ASSERT_NEAR(on[i], off[i], 1e-6) << "number " << i;
    if (!std::equal(off.begin(), off.begin() + first_layer, begun.begin())) ++learned;
  }
  EXPECT_GT(learned, 1);
}

/// Zero-skipping is to be seen here: it hides NaN behind zeros from the loss. It must not hide it from the
/// run.
TEST(SkippingOn, NanInTheWeightsOfAUnitThatIsNeverActiveEndsTheRun) {
  TrainOptions options = small_options();
  options.net = "dense 30, relu, dense";
  options.epochs = 1;
  const TrainResult start = train(images(), options);
  Network& network = start.model.parts().network;
  const std::size_t outputs = images().schema.classes.size();
  for (const NetworkTensor& tensor : network.tensors()) {
    if (tensor.name == "dense_1.bias") network.values()[tensor.offset + 7] = -1e9f;
    if (tensor.name != "dense_2.weight") continue;
    std::vector<float> weights = network.get(tensor);
    std::fill_n(weights.begin() + static_cast<std::ptrdiff_t>(7 * outputs), outputs, NAN);
    network.set(tensor, weights);
  }
  options.epochs = 3;
  for (const char* skip : {"on", "off", "auto"}) {
    options.skip = skip;
    Losses observer(100);
    const TrainResult result = train(images(), options, &observer, &start.model);
    EXPECT_EQ(result.end, End::diverged) << skip;
    EXPECT_THAT(result.message,
                testing::AllOf(HasSubstr("epoch 1"), HasSubstr("layer 3 'dense_2'"), HasSubstr("weight")));
    EXPECT_TRUE(result.epochs.empty()) << skip;
    EXPECT_FALSE(options.skip == "on" && observer.losses.empty()) << "nothing was skipped";
    EXPECT_FALSE(options.skip == "off" && !observer.losses.empty()) << "zeros were skipped";
  }
}

/// Infinite weights may do no harm where they meet zeros, but only to the end of the epoch. (relu6 and a
/// single layer stay finite.)
TEST(SkippingOn, AHugeLearningRateEndsTheRunAsItDoesWithoutSkipping) {
  int diverged = 0, runs = 0;
  for (const char* optimiser : {"sgd", "adam"})
    for (const std::int64_t batch : {16, 128})
      for (const Case& which : cases()) {
        SCOPED_TRACE(testing::Message() << which.name << ", " << optimiser << ", batch " << batch);
        TrainOptions options = options_of(which, batch, "off");
        options.optimiser = optimiser;
        options.learning_rate = 1e15;  // the largest there is
        const TrainResult off = train(which.data(), options);
        options.skip = "on";
        const TrainResult on = train(which.data(), options);
        EXPECT_EQ(on.end, off.end) << on.message << off.message;
        EXPECT_EQ(on.epochs.size(), off.epochs.size());
        for (const float x : on.model.predict(which.data().test, 1))
          ASSERT_TRUE(std::isfinite(x)) << "the model is not usable";
        ++runs;
        if (on.end == End::diverged) ++diverged;
      }
  EXPECT_GT(diverged, runs / 2);
}

/// Predictions choose by their batch how they are made, and must not show it.
TEST(SkippingOn, AnExampleIsPredictedTheSameAloneAndAmongOthers) {
  const TrainResult result = train(images(), large_options());
  const std::vector<float> all = result.model.predict(images().train, 1);
  const auto& bytes = std::get<std::vector<std::uint8_t>>(images().train.values);
  const std::size_t features = images().schema.features(), outputs = result.model.outputs();
  for (std::size_t i = 0; i < 20; ++i) {
    const std::vector<float> example(bytes.begin() + static_cast<std::ptrdiff_t>(i * features),
                                     bytes.begin() + static_cast<std::ptrdiff_t>((i + 1) * features));
    const std::vector<float> alone = result.model.predict(example, 1, 1);
    for (std::size_t j = 0; j < outputs; ++j)
      EXPECT_NEAR(alone[j], all[i * outputs + j], 1e-5 * (1 + std::fabs(alone[j]))) << i << ", " << j;
  }
}

TEST(SkippingOption, NamesWhatThereIs) {
  TrainOptions options = small_options();
  options.skip = "of";
  EXPECT_THAT(error_of(ErrorKind::usage, [&] { train(clouds(), options); }),
              testing::AllOf(HasSubstr("'of'"), HasSubstr("'off'")));
}

}  // namespace
}  // namespace halfwave
