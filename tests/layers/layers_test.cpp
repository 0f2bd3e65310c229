// Lost if these fail: what particular layers promise beyond their formula: statistics that follow the data,
// dropout that is off outside of training and keeps the signal's size, tensors that files and optimisers
// treat rightly.
#include "layers/layer_testing.h"

namespace halfwave {
namespace {

const LayerInfo& kind(std::string_view name) {
  const LayerInfo* info = find_layer_kind(name);
  if (!info) throw std::logic_error("no layer " + std::string(name));
  return *info;
}

TEST(LayerRegistry, NamesAreUniqueAndEveryActivationIsALayer) {
  std::map<std::string_view, int> names;
  for (const LayerInfo& info : layer_kinds()) EXPECT_EQ(++names[info.name], 1) << info.name;
  for (const ActivationInfo& activation : activations()) {
    ASSERT_NE(find_layer_kind(activation.name), nullptr) << activation.name;
    const auto layer = make_bound(kind(activation.name), 5, 0);
    EXPECT_TRUE(layer->is_activation());
    EXPECT_EQ(layer->zero_below(), activation.zero_below);
  }
  EXPECT_EQ(find_layer_kind("densee"), nullptr);
}

TEST(LayerRegistry, DefaultsAreWithinTheirRanges) {
  for (const LayerInfo& info : layer_kinds())
    for (const LayerField& field : info.fields) {
      EXPECT_TRUE(field.inferred || (field.value >= field.low && field.value <= field.high)) << info.name;
      EXPECT_FALSE(field.help.empty()) << info.name << " " << field.name;
    }
}

TEST(Line, LeavesOutDefaultsAndNamesWhatFollowsThem) {
  const LayerInfo& info = kind("batch_norm");
  EXPECT_EQ(info.make(info, {0.1, 1e-5})->line(), "batch_norm");
  EXPECT_EQ(info.make(info, {0.2, 1e-5})->line(), "batch_norm 0.2");
  EXPECT_EQ(info.make(info, {0.2, 1e-3})->line(), "batch_norm 0.2 0.001");
  EXPECT_EQ(info.make(info, {0.1, 1e-3})->line(), "batch_norm epsilon=0.001");
}

TEST(Dense, OnlyItsWeightDecays) {
  const auto dense = make_bound(kind("dense"), 20, 70);
  const std::vector<TensorSpec> tensors = dense->tensors();
  ASSERT_EQ(tensors.size(), 2u);
  EXPECT_TRUE(tensors[0].decays && tensors[0].panels);
  EXPECT_EQ(tensors[0].shape, (std::vector<std::size_t>{20, 70}));
  EXPECT_EQ(tensors[0].count(), 1400u);
  EXPECT_EQ(tensors[0].storage(), 20u * 80u);
  EXPECT_FALSE(tensors[1].decays || tensors[1].panels);
  EXPECT_EQ(tensors[1].storage(), 80u);
}

TEST(BatchNorm, RunningStatisticsFollowTheBatchesByPytorchsFormula) {
  Random random(1, 1);
  for (const double factor : {1.0, 5.0, 10.0}) {  // momentum 0.1, 0.5, 1
    const auto layer = make_bound(kind("batch_norm"), 13, 0, factor);
    for (const std::size_t batch : {2u, 9u, 40u}) {
      Tensors tensors = random_tensors(random, *layer), exact = tensors;
      const StepContext context{.batch = batch, .training = true, .threads = 1, .seed = 0, .step = 0};
      for (int step = 0; step < 4; ++step) {
        Matrix x = random_matrix(random, batch, 13);
        for (double& value : x.numbers) value = static_cast<double>(static_cast<float>(3 * value + 10));
        LayerRun run(*layer, context, x, tensors, false);
        run.forward();
        reference_forward({*layer, x, exact, context, 0});
        tensors = {run.tensor(0), run.tensor(1), run.tensor(2), run.tensor(3)};
        for (const std::size_t t : {2u, 3u})
          for (std::size_t j = 0; j < 13; ++j)
            EXPECT_NEAR(tensors[t][j], exact[t][j], 1e-5 * (1 + exact[t][j]));
      }
    }
  }
}

/// Features far from zero with a small spread, where a variance by E[x²] - E[x]² would be lost.
TEST(BatchNorm, KeepsSmallSpreadsFarFromZero) {
  Random random(2, 2);
  const auto layer = make_bound(kind("batch_norm"), 5, 0);
  Matrix x = random_matrix(random, 64, 5);
  for (double& value : x.numbers) value = static_cast<double>(static_cast<float>(1000 + value));
  Tensors tensors{std::vector<double>(5, 1), std::vector<double>(5, 0), std::vector<double>(5, 0),
                  std::vector<double>(5, 1)};
  const StepContext context{.batch = 64, .training = true, .threads = 1, .seed = 0, .step = 0};
  LayerRun run(*layer, context, x, tensors, false);
  run.forward();
  const Matrix y = run.output(), exact = reference_forward({*layer, x, tensors, context, 0});
  for (std::size_t k = 0; k < y.numbers.size(); ++k) EXPECT_NEAR(y.numbers[k], exact.numbers[k], 1e-3);
}

TEST(BatchNorm, ABatchOfOneStaysFinite) {
  const auto layer = make_bound(kind("batch_norm"), 3, 0);
  Random random(3, 3);
  const Matrix x = random_matrix(random, 1, 3);
  LayerRun run(*layer, {.batch = 1, .training = true, .threads = 1, .seed = 0, .step = 0}, x,
               random_tensors(random, *layer), false);
  run.forward();
  for (const std::size_t t : {2u, 3u})
    for (const double number : run.tensor(t)) EXPECT_TRUE(std::isfinite(number));
  run.backward(x);
  for (const double number : run.input_gradient().numbers) EXPECT_NEAR(number, 0, 1e-4);
}

TEST(Dropout, IsTheIdentityOutsideOfTraining) {
  Random random(4, 4);
  const Matrix x = random_matrix(random, 50, 33);
  for (const char* name : {"dropout", "alpha_dropout"})
    for (const bool in_place : {false, true}) {
      const auto layer = make_bound(kind(name), 33, 0);
      LayerRun run(*layer, {.batch = 50, .training = false, .threads = 1, .seed = 0, .step = 0}, x, {},
                   in_place);
      run.forward();
      EXPECT_EQ(run.output().numbers, x.numbers) << name;
    }
}

TEST(Dropout, ShareDroppedAndMeanKept) {
  for (const double factor : {0.2, 1.0, 1.8}) {
    const auto layer = make_bound(kind("dropout"), 500, 0, factor);
    Matrix ones(400, 500);
    std::fill(ones.numbers.begin(), ones.numbers.end(), 1.0);
    LayerRun run(*layer, {.batch = 400, .training = true, .threads = 1, .seed = 5, .step = 6}, ones, {},
                 false);
    run.forward();
    const std::vector<double> y = run.output().numbers;
    const double rate = layer->field(0), n = static_cast<double>(y.size());
    const double zeros = static_cast<double>(std::count(y.begin(), y.end(), 0.0));
    EXPECT_NEAR(zeros / n, rate, 5 * std::sqrt(rate * (1 - rate) / n));
    EXPECT_NEAR(std::accumulate(y.begin(), y.end(), 0.0) / n, 1, 5 * std::sqrt(rate / (1 - rate) / n));
  }
}

TEST(AlphaDropout, KeepsMeanAndVarianceOfANormalSignal) {
  Random random(5, 5);
  const Matrix x = random_matrix(random, 500, 600);
  for (const double factor : {0.5, 1.0, 3.0}) {
    const auto layer = make_bound(kind("alpha_dropout"), 600, 0, factor);
    LayerRun run(*layer, {.batch = 500, .training = true, .threads = 1, .seed = 5, .step = 6}, x, {}, false);
    run.forward();
    double sum = 0, squares = 0;
    for (const double y : run.output().numbers) sum += y, squares += y * y;
    const auto n = static_cast<double>(x.numbers.size());
    EXPECT_NEAR(sum / n, 0, 0.012) << layer->field(0);
    EXPECT_NEAR(squares / n, 1, 0.015) << layer->field(0);
  }
}

TEST(RandomLayers, DrawAnewEachStepSeedAndLayer) {
  Random random(6, 6);
  Matrix x = random_matrix(random, 8, 64);
  for (double& value : x.numbers) value = -std::fabs(value);
  for (const char* name : {"dropout", "alpha_dropout", "rrelu"}) {
    const auto layer = make_bound(kind(name), 64, 0);
    const auto output = [&](std::uint64_t seed, std::uint64_t step) {
      LayerRun run(*layer, {.batch = 8, .training = true, .threads = 1, .seed = seed, .step = step}, x, {},
                   false);
      run.forward();
      return run.output().numbers;
    };
    EXPECT_EQ(output(1, 1), output(1, 1)) << name;
    EXPECT_NE(output(1, 1), output(1, 2)) << name;
    EXPECT_NE(output(1, 1), output(2, 1)) << name;
  }
}

TEST(Rrelu, SlopesAreWithinTheirRangeAndUseAllOfIt) {
  const auto layer = make_bound(kind("rrelu"), 100, 0);
  Matrix x(100, 100);
  std::fill(x.numbers.begin(), x.numbers.end(), -1.0);
  LayerRun run(*layer, {.batch = 100, .training = true, .threads = 1, .seed = 1, .step = 1}, x, {}, false);
  run.forward();
  const std::vector<double> y = run.output().numbers;
  const auto [low, high] = std::minmax_element(y.begin(), y.end());
  EXPECT_GE(*low, -1.0 / 3 - 1e-6);
  EXPECT_LT(*low, -1.0 / 3 + 1e-3);
  EXPECT_LE(*high, -0.125 + 1e-6);
  EXPECT_GT(*high, -0.125 - 1e-3);
  EXPECT_NEAR(std::accumulate(y.begin(), y.end(), 0.0) / 1e4, -(0.125 + 1.0 / 3) / 2, 3e-3);
}

TEST(Softmax, RowsAddUpToOneEvenWithExtremeInputs) {
  const auto layer = make_bound(kind("softmax"), 37, 0);
  Random random(7, 7);
  Matrix x = random_matrix(random, 9, 37);
  for (double& value : x.numbers) value = static_cast<double>(static_cast<float>(value * 1e4));
  LayerRun run(*layer, {.batch = 9, .training = false, .threads = 1, .seed = 0, .step = 0}, x, {}, false);
  run.forward();
  const Matrix y = run.output();
  for (std::size_t i = 0; i < 9; ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < 37; ++j) {
      EXPECT_GE(y(i, j), 0);
      sum += y(i, j);
    }
    EXPECT_NEAR(sum, 1, 1e-6);
  }
}

}  // namespace
}  // namespace halfwave
