// Lost if these fail: what particular layers promise beyond their formula: statistics that follow the data,
// dropout that is off outside of training and keeps the signal's size, tensors that files and optimisers
// treat rightly.
#include <gmock/gmock.h>
#include <halfwave/error.h>

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
  EXPECT_TRUE(tensors[0].decays && tensors[0].storage == TensorSpec::Storage::panels);
  EXPECT_EQ(tensors[0].shape, (std::vector<std::size_t>{20, 70}));
  EXPECT_EQ(tensors[0].count(), 1400u);
  EXPECT_EQ(tensors[0].floats(), 20u * 80u);
  EXPECT_FALSE(tensors[1].decays || tensors[1].storage != TensorSpec::Storage::plain);
  EXPECT_EQ(tensors[1].floats(), 80u);
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

/// Features far from zero with a small spread, where a variance by E[x²] - E[x]² would be lost; with and
/// without rows that have nothing to do with the others. Many rows, as of images.
TEST(BatchNorm, KeepsSmallSpreadsFarFromZero) {
  Random random(2, 2);
  for (const Shape& shape : {Shape::row(5), Shape{2, 12, 11, 7}})
    for (const double outlier : {0.0, 60.0}) {
      const auto layer = make_bound(kind("batch_norm"), {1, 1e-5}, {shape});
      const StepContext context{.batch = 64, .training = true, .threads = 1, .seed = 0, .step = 0};
      Matrix x = random_matrix(random, 64 * shape.positions(), shape.channels);
      for (std::size_t k = 0; k < x.numbers.size(); ++k) {
        if (k < shape.channels) x.numbers[k] += outlier;
        x.numbers[k] = static_cast<double>(static_cast<float>(1000 + x.numbers[k]));
      }
      Tensors tensors = random_tensors(random, *layer), exact = tensors;
      LayerRun run(*layer, context, x, tensors, false);
      run.forward();
      const Matrix y = run.output(), expected = reference_forward({*layer, x, exact, context, 0});
      for (std::size_t k = 0; k < y.numbers.size(); ++k)
        ASSERT_NEAR(y.numbers[k], expected.numbers[k], 1e-4 * (1 + std::fabs(expected.numbers[k])));
      for (std::size_t j = 0; j < shape.channels; ++j) {
        EXPECT_NEAR(run.tensor(2)[j], exact[2][j], 1e-4);
        EXPECT_NEAR(run.tensor(3)[j], exact[3][j], 2e-6 * exact[3][j]);
      }
    }
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

TEST(Flatten, IsItsInputOnlyWhereThatIsOneRowAlready) {
  Random random(8, 8);
  for (const bool channels_first : {false, true})
    for (const std::size_t width : {1u, 3u})
      for (std::size_t channels = 1; channels <= 48; ++channels) {
        const auto layer =
            make_bound(kind("flatten"), {channels_first ? 1.0 : 0.0}, {{1, 1, width, channels}});
        EXPECT_EQ(layer->output(), Shape::row(width * channels));
        EXPECT_EQ(layer->identity(), width == 1 || (!channels_first && channels % 16 == 0));
        if (!layer->in_place()) continue;
        const Matrix x = random_matrix(random, 4 * width, channels);
        LayerRun run(*layer, {.batch = 4, .training = false, .threads = 1, .seed = 0, .step = 0}, x, {},
                     true);
        run.forward();
        EXPECT_EQ(run.output().numbers, x.numbers) << channels;
      }
}

/// What does not fit is refused with a message that says what does not.
TEST(Grids, WhatDoesNotFitIsRefused) {
  const Shape row = Shape::row(12), signal{1, 1, 9, 4}, image{2, 6, 5, 3};
  const auto message = [](std::string_view name, std::vector<double> fields,
                          const std::vector<Shape>& inputs) {
    try {
      make_bound(kind(name), std::move(fields), inputs);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      return std::string(error.what());
    }
    return std::string("no error");
  };
  using testing::HasSubstr;
  for (const char* name : {"pool", "average_pool", "global_max_pool", "global_average_pool", "conv",
                           "conv_transpose", "pad", "upsample"})
    EXPECT_THAT(message(name, default_fields(kind(name), 3), {row}), HasSubstr("a row of 12 numbers"))
        << name;
  const std::vector<double> pool = default_fields(kind("pool"), 0);
  const auto with = [&](std::initializer_list<std::pair<std::size_t, double>> changes) {
    std::vector<double> fields = pool;
    for (const auto& [i, value] : changes) fields[i] = value;
    return fields;
  };
  EXPECT_THAT(message("pool", with({{0, 7}}), {image}), HasSubstr("a kernel of 7 is larger"));
  EXPECT_EQ(message("pool", with({{0, 7}, {4, 1}}), {image}), "no error");
  EXPECT_THAT(message("pool", with({{0, 2}, {1, 9}}), {image}), HasSubstr("a kernel of 9 is larger"));
  EXPECT_THAT(message("pool", with({{0, 2}, {4, 2}}), {image}), HasSubstr("a padding of 2"));
  EXPECT_THAT(message("average_pool", with({{0, 3}, {4, 1}, {5, 3}}), {image}), HasSubstr("a padding of 3"));
  for (const std::size_t second : {1u, 3u, 5u})
    EXPECT_THAT(message("pool", with({{second, 1}}), {signal}), HasSubstr("one number, not two")) << second;
  EXPECT_THAT(message("dense", {3}, {image}), HasSubstr("flatten"));

  EXPECT_THAT(message("residual", {}, {image, {2, 6, 5, 4}}), HasSubstr("6x5 with 4 channels"));
  EXPECT_THAT(message("residual", {}, {row, Shape::row(11)}), HasSubstr("11 numbers"));
  EXPECT_THAT(message("multiply", {}, {image, {2, 5, 6, 3}}), HasSubstr("5x6"));
  EXPECT_THAT(message("multiply", {}, {image, Shape::row(4)}), HasSubstr("a row of 4 numbers"));
  EXPECT_THAT(message("multiply", {}, {image, {1, 1, 1, 3}}), HasSubstr("a signal"));
  EXPECT_EQ(message("multiply", {}, {Shape::row(3), image, {2, 1, 1, 3}}), "no error");
  EXPECT_THAT(message("unflatten", {5, 0, 0, 0}, {row}), HasSubstr("cannot be a signal of 2 positions"));
  EXPECT_THAT(message("unflatten", {2, 2, 2, 0}, {row}), HasSubstr("cannot be an image of 2x2 with 2"));
  EXPECT_THAT(message("unflatten", {2, 3, 2, 0}, {image}), HasSubstr("takes a row"));
  EXPECT_THAT(message("pad", {1, 0, 0, 0, 0}, {signal}), HasSubstr("not top or bottom"));
  EXPECT_THAT(message("pad", {-3, 0, -3, 0, 0}, {image}), HasSubstr("nothing is left"));
  EXPECT_EQ(message("pad", {-3, 0, -2, 0, 0}, {image}), "no error");
  EXPECT_THAT(message("upsample", {2, 3}, {signal}), HasSubstr("one number, not two"));
  EXPECT_THAT(message("scale", {0, 0, 0}, {row}), HasSubstr("nothing to do"));
  std::vector<double> spread = default_fields(kind("conv_transpose"), 6);
  EXPECT_EQ(message("conv_transpose", spread, {image}), "no error");
  spread[11] = 2;  // groups
  EXPECT_THAT(message("conv_transpose", spread, {image}), HasSubstr("2 groups must divide"));
  spread[11] = 1;
  spread[5] = 4;  // padding
  EXPECT_THAT(message("conv_transpose", spread, {image}), HasSubstr("leaves nothing"));
  spread[5] = 0;
  spread[1] = 1 << 14;  // kernel
  EXPECT_THAT(message("conv_transpose", spread, {image}), HasSubstr("too large"));
  EXPECT_THAT(message("concat", {}, {image, {2, 5, 6, 3}}), HasSubstr("5x6"));
  EXPECT_THAT(message("concat", {}, {signal, {2, 1, 9, 4}}), HasSubstr("signal"));
  EXPECT_EQ(message("concat", {}, {image, {2, 6, 5, 40}, image}), "no error");
}

/// Where a pool's output is zero so is the number that won, whose gradient is then of no use as well; a mean
/// may be zero without any of its numbers being so.
TEST(Zeros, PoolsAndJoinsHandOnWhatHolds) {
  const auto known = [](std::string_view name, Zeros input) {
    return kind(name).make(kind(name), default_fields(kind(name), 3))->zeros(input, true);
  };
  for (const bool many : {false, true})
    for (const bool flat : {false, true}) {
      for (const char* name :
           {"pool", "global_max_pool", "concat", "multiply", "flatten", "unflatten", "pad", "upsample"}) {
        EXPECT_EQ(known(name, {many, flat}).many, many) << name;
        EXPECT_EQ(known(name, {many, flat}).flat, flat) << name;
      }
      for (const char* name : {"average_pool", "global_average_pool", "residual", "batch_norm", "layer_norm"})
        EXPECT_FALSE(known(name, {many, flat}).many || known(name, {many, flat}).flat) << name;
    }
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
