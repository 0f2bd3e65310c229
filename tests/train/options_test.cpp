// Lost if these fail: a wrong option would be used instead of refused, the learning rate would follow another
// schedule, or a loss would be bound to a task that it does not fit.
#include "train/loss.h"
#include "train/optimiser.h"
#include "train/options_json.h"
#include "train/prepare.h"
#include "train/schedule.h"
#include "train/train_testing.h"

namespace halfwave {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(Schedule, Constant) {
  TrainOptions options = small_options();
  options.schedule = "constant";
  const Schedule schedule(options, 10);
  for (const int t : {0, 17, 39}) EXPECT_DOUBLE_EQ(schedule.rate(t), 0.01);
}

TEST(Schedule, CosineFallsFromTheRateToZero) {
  TrainOptions options = small_options();
  const Schedule schedule(options, 10);
  EXPECT_DOUBLE_EQ(schedule.rate(0), 0.01);
  EXPECT_NEAR(schedule.rate(20), 0.005, 1e-12);
  EXPECT_NEAR(schedule.rate(30), 0.005 * (1 + std::cos(0.75 * 3.14159265358979)), 1e-12);
  EXPECT_GT(schedule.rate(39), 0);
  EXPECT_NEAR(schedule.rate(40), 0, 1e-12);
  for (int t = 1; t < 40; ++t) EXPECT_LT(schedule.rate(t), schedule.rate(t - 1));
}

TEST(Schedule, StepFallsAtTheEpochsNamed) {
  TrainOptions options = small_options();
  options.schedule = "step";
  options.step_epochs = 2;
  options.step_factor = 0.5;
  const Schedule schedule(options, 10);
  EXPECT_DOUBLE_EQ(schedule.rate(19), 0.01);
  EXPECT_DOUBLE_EQ(schedule.rate(20), 0.005);
  EXPECT_DOUBLE_EQ(schedule.rate(39), 0.005);
  EXPECT_DOUBLE_EQ(schedule.rate(40), 0.0025);
}

TEST(Schedule, WarmupRisesEvenlyAndThenTheScheduleBegins) {
  TrainOptions options = small_options();
  options.warmup = 0.5;
  for (const std::string& name : schedule_names()) {
    options.schedule = name;
    const Schedule schedule(options, 10);
    for (int t = 0; t < 5; ++t) EXPECT_NEAR(schedule.rate(t), 0.01 * (t + 1) / 6, 1e-12) << name;
    EXPECT_NEAR(schedule.rate(5), 0.01, 1e-12) << name;
  }
  options.warmup = 100;  // longer than the run
  const Schedule schedule(options, 10);
  for (int t = 0; t < 40; ++t) EXPECT_NEAR(schedule.rate(t), 0.01 * (t + 1) / 41, 1e-12);
}

TEST(Schedule, PlateauFallsAfterPatience) {
  TrainOptions options = small_options();
  options.schedule = "plateau";
  options.patience = 2;
  Schedule schedule(options, 10);
  const auto rates = [&](std::initializer_list<bool> betters) {
    std::vector<double> list;
    for (const bool better : betters) {
      schedule.epoch_done(better);
      list.push_back(schedule.rate(30) / 0.01);
    }
    return list;
  };
  EXPECT_THAT(rates({true, false, true, false, false, false, false, true}),
              testing::Pointwise(testing::DoubleNear(1e-12), {1.0, 1.0, 1.0, 1.0, 0.1, 0.1, 0.01, 0.01}));
  Schedule again(options, 10);
  again.restore(schedule.plateau());
  EXPECT_EQ(again.rate(3), schedule.rate(3));
}

std::string wrong(const std::function<void(TrainOptions&)>& change, const Dataset& data = clouds()) {
  TrainOptions options = small_options();
  change(options);
  return error_of(ErrorKind::usage, [&] { train(data, options); });
}

TEST(Options, NumbersOutOfTheirRangeAreNamedWithIt) {
  EXPECT_THAT(wrong([](TrainOptions& o) { o.batch = 0; }),
              AllOf(HasSubstr("--batch"), HasSubstr("from 1"), HasSubstr("not 0")));
  EXPECT_THAT(wrong([](TrainOptions& o) { o.learning_rate = -1; }), HasSubstr("--learning-rate"));
  EXPECT_THAT(wrong([](TrainOptions& o) { o.learning_rate = NAN; }), HasSubstr("--learning-rate"));
  EXPECT_THAT(wrong([](TrainOptions& o) { o.hidden = {10, 0}; }), HasSubstr("--hidden"));
  EXPECT_THAT(wrong([](TrainOptions& o) { o.momentum = 1; }), HasSubstr("--momentum"));
  EXPECT_THAT(wrong([](TrainOptions& o) { o.epochs = -1; }), HasSubstr("--epochs"));
  EXPECT_THAT(wrong([](TrainOptions& o) { o.label_smoothing = 1; }), HasSubstr("--label-smoothing"));
  EXPECT_THAT(wrong([](TrainOptions& o) { o.threads = -1; }), HasSubstr("--threads"));
  EXPECT_THAT(wrong([](TrainOptions& o) { o.clip = HUGE_VAL; }), HasSubstr("--clip"));
}

TEST(Options, EveryRangeIsChecked) {
  TrainOptions::visit(std::as_const(*std::make_unique<TrainOptions>()),
                      [](const OptionInfo& info, const auto& value) {
                        using T = std::decay_t<decltype(value)>;
                        if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) {
                          if (!std::isfinite(info.high)) return;
                          EXPECT_THAT(wrong([&](TrainOptions& o) {
                                        TrainOptions::visit(o, [&](const OptionInfo& other, auto& field) {
                                          if constexpr (std::is_same_v<std::decay_t<decltype(field)>, T>)
                                            if (other.name == info.name)
                                              field = static_cast<T>(info.high + std::max(1.0, info.high));
                                        });
                                      }),
                                      HasSubstr("--" + info.name));
                        }
                      });
}

TEST(Options, WrongNamesAreErrorsWithNearNames) {
  EXPECT_THAT(wrong([](TrainOptions& o) { o.optimiser = "adm"; }), HasSubstr("'adam'"));
  EXPECT_THAT(wrong([](TrainOptions& o) { o.schedule = "cosin"; }), HasSubstr("'cosine'"));
  EXPECT_THAT(wrong([](TrainOptions& o) { o.loss = "cross-entropi"; }), HasSubstr("'cross_entropy'"));
  EXPECT_THAT(wrong([](TrainOptions& o) { o.init = "he_norml"; }), HasSubstr("'he_normal'"));
  EXPECT_THAT(wrong([](TrainOptions& o) { o.net = "", o.activation = "rleu"; }), HasSubstr("'relu'"));
  EXPECT_THAT(wrong([](TrainOptions& o) { o.net = "dense 5, rleu, dense"; }), HasSubstr("'relu'"));
  // Whatever else is named, a wrong name is refused before the run, and not only where it is used.
  EXPECT_THAT(wrong([](TrainOptions& o) { o.learning_rate = 0, o.optimiser = "sdg"; }), HasSubstr("'sgd'"));
}

TEST(Options, LossAndTaskMustFit) {
  EXPECT_THAT(wrong([](TrainOptions& o) { o.loss = "mse"; }), AllOf(HasSubstr("mse"), HasSubstr("class")));
  EXPECT_THAT(wrong([](TrainOptions& o) { o.loss = "binary_cross_entropy"; }),
              AllOf(HasSubstr("two classes"), HasSubstr("3")));
  EXPECT_THAT(wrong([](TrainOptions& o) { o.loss = "cross_entropy"; }, curves()),
              AllOf(HasSubstr("cross_entropy"), HasSubstr("height")));
  EXPECT_THAT(wrong([](TrainOptions& o) { o.label_smoothing = 0.1; }, curves()),
              HasSubstr("--label-smoothing"));
  EXPECT_THAT(wrong([](TrainOptions& o) { o.net = "dense 5"; }), AllOf(HasSubstr("5"), HasSubstr("3")));
}

TEST(Options, AutomaticValuesAreFilledIn) {
  TrainOptions options;
  for (const std::string& name : optimiser_names()) {
    options.optimiser = name;
    const TrainOptions resolved = resolve(options, clouds());
    EXPECT_GE(resolved.threads, 1);
    EXPECT_EQ(resolved.epochs, 200);  // 97 examples in batches of 128
    EXPECT_EQ(resolved.loss, "cross_entropy");
  }
  EXPECT_EQ(resolve(options, curves()).loss, "mse");
  options.batch = 1;
  EXPECT_EQ(resolve(options, clouds()).epochs, 41);  // about 4,000 updates
}

TEST(Options, TheUsualLearningRateIsFilledIn) {
  for (const std::string& name : optimiser_names()) {
    TrainOptions options = small_options();
    options.optimiser = name;
    options.epochs = 1;
    options.learning_rate = 0;
    const TrainResult result = train(clouds(), options);
    EXPECT_EQ(result.options.learning_rate, Optimiser::usual_rate(name, result.model.parts().network));
    EXPECT_GT(result.options.learning_rate, 0);
    EXPECT_EQ(
        result.options.learning_rate,
        result.epochs[0].learning_rate / Schedule(result.options, 7).rate(6) * result.options.learning_rate);
  }
}

TEST(Options, TheUsualLearningRateFollowsTheInputsOfUnitsBehindTheFirstLayer) {
  const std::vector<std::int64_t> shape{3, 8, 8};
  const auto adam = [&](const char* net) {
    return Optimiser::usual_rate("adam", parse_network(net, shape, 3));
  };
  EXPECT_DOUBLE_EQ(adam("dense 100, relu, dense 300, relu, dense"), 1 / 200.0);
  EXPECT_DOUBLE_EQ(adam("conv 16 3x3, relu, conv 64 3x3, relu, global_max_pool, dense"),
                   2 * 2 / (16 * 9 + 64.0));
  EXPECT_EQ(adam("dense"), 0.001);
  EXPECT_EQ(adam("dense 5, relu, dense"), 0.01);
  EXPECT_EQ(adam("conv 8 3x3, relu, flatten, dense 5000, relu, dense"), 0.001);
  EXPECT_EQ(Optimiser::usual_rate("sgd", parse_network("conv 4 3x3, flatten, dense", shape, 3)), 0.05);
}

TEST(Options, ActivationReachesANetworkWithAName) {
  Dataset data = clouds();
  for (Examples* part : {&data.train, &data.test}) {  // six positions become 30
    const auto values = std::get<std::vector<float>>(part->values);
    auto& wide = part->values.emplace<std::vector<float>>();
    for (const float v : values) wide.insert(wide.end(), 5, v);
  }
  data.schema.shape = {30};
  TrainOptions options = small_options();
  options.epochs = 1;
  options.net = "cnn";
  options.activation = "tanh";
  const std::string line = train(data, options).model.network();
  EXPECT_THAT(line, AllOf(HasSubstr("tanh"), testing::Not(HasSubstr("relu"))));
}

TEST(Options, AnEmptyTrainingPartIsAnInputError) {
  Dataset data = clouds();
  data.train = {};
  EXPECT_THAT(error_of(ErrorKind::input, [&] { train(data, small_options()); }), HasSubstr("clouds"));
}

TEST(Loss, BatchesAndTargetsAreThoseOfTheirRows) {
  const Dataset data = curves();
  const Preprocessing preprocessing = fit_preprocessing(data, true);
  Loss loss("mse", 0, data.schema, preprocessing);
  loss.set_targets(data.train);
  const std::vector<std::uint32_t> rows{7, 200, 3};
  std::vector<float> outputs(3 * 16, 0.0f), gradient(3 * 16);
  const BatchResult result = loss.evaluate(outputs.data(), 16, rows, gradient.data());
  double expected = 0;
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 2; ++j) {
      const double t = (static_cast<double>(data.train.targets[rows[i] * 2 + j]) -
                        static_cast<double>(preprocessing.target_mean[j])) /
                       static_cast<double>(preprocessing.target_scale[j]);
      expected += t * t / 2;
      EXPECT_NEAR(gradient[16 * i + j], -2 * t / 2 / 3, 1e-5);
    }
  EXPECT_NEAR(result.loss, expected, 1e-5 * expected);
}

TEST(Loss, SmoothsTargetsOverAllClasses) {
  const Dataset data = clouds();
  constexpr double kSmoothing = 0.15;
  const std::vector<std::uint32_t> rows{50, 4, 3, 96, 0};
  std::vector<float> outputs(rows.size() * 16), gradient(outputs.size());
  Random random(2, 2);
  for (float& x : outputs) x = static_cast<float>(2 * random.normal());
  Loss loss("cross_entropy", kSmoothing, data.schema, {});
  loss.set_targets(data.train);
  const BatchResult result = loss.evaluate(outputs.data(), 16, rows, gradient.data());
  double expected = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < 3; ++j) sum += std::exp(static_cast<double>(outputs[16 * i + j]));
    for (std::size_t j = 0; j < 3; ++j) {
      const bool is_class = data.train.labels[rows[i]] == static_cast<std::int32_t>(j);
      const double target = (is_class ? 1 - kSmoothing : 0) + kSmoothing / 3;
      const double z = static_cast<double>(outputs[16 * i + j]);
      expected -= target * (z - std::log(sum));
      EXPECT_NEAR(gradient[16 * i + j], (std::exp(z) / sum - target) / 5, 1e-6);
    }
  }
  EXPECT_NEAR(result.loss, expected, 1e-5 * expected);
}

TEST(Loss, OfTwoClassesWithOneOutputSmoothsTowardsOneHalf) {
  const Dataset data = clouds(2);
  const std::vector<std::uint32_t> rows{1, 2, 3};
  std::vector<float> outputs(rows.size() * 16, 0.7f), gradient(outputs.size());
  Loss loss("binary_cross_entropy", 0.2, data.schema, {});
  loss.set_targets(data.train);
  const BatchResult result = loss.evaluate(outputs.data(), 16, rows, gradient.data());
  double expected = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double target = data.train.labels[rows[i]] == 1 ? 0.9 : 0.1, p = 1 / (1 + std::exp(-0.7));
    expected -= target * std::log(p) + (1 - target) * std::log(1 - p);
    EXPECT_NEAR(gradient[16 * i], (p - target) / 3, 1e-6);
  }
  EXPECT_NEAR(result.loss, expected, 1e-5 * expected);
}

TEST(Preprocessing, IsMeanAndDeviationByFeatureOrChannel) {
  Dataset data = curves();
  const auto expect_standard = [&](std::size_t group, bool grid = false) {
    const Preprocessing p = fit_preprocessing(data, true, grid);
    const auto& x = std::get<std::vector<float>>(data.train.values);
    const std::size_t features = data.schema.features();
    for (std::size_t g = 0; g < features / group; ++g) {
      double mean = 0, square = 0, n = 0;
      for (std::size_t i = 0; i < data.train.count; ++i)
        for (std::size_t j = g * group; j < (g + 1) * group; ++j)
          mean += static_cast<double>(x[i * features + j]), ++n;
      mean /= n;
      for (std::size_t i = 0; i < data.train.count; ++i)
        for (std::size_t j = g * group; j < (g + 1) * group; ++j)
          square += std::pow(static_cast<double>(x[i * features + j]) - mean, 2);
      for (std::size_t j = g * group; j < (g + 1) * group; ++j) {
        EXPECT_NEAR(p.mean[j], mean, 1e-5);
        EXPECT_NEAR(1 / p.scale[j], std::sqrt(square / n), 1e-5);
      }
    }
  };
  expect_standard(1);
  expect_standard(4, true);       // a signal
  data.schema.shape = {2, 1, 2};  // two channels
  expect_standard(2);
  data.schema.shape = {2, 2};  // one picture without channels
  expect_standard(4);
  const Preprocessing plain = fit_preprocessing(data, false);
  for (std::size_t j = 0; j < 4; ++j) EXPECT_TRUE(plain.mean[j] == 0 && plain.scale[j] == 1);
  EXPECT_EQ(plain.target_scale, (std::vector<float>{1, 1}));
}

}  // namespace
}  // namespace halfwave
