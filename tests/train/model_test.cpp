// Lost if these fail: a model would predict otherwise than it was trained, or depend on threads and batch
// sizes.
#include "train/train_testing.h"

namespace halfwave {
namespace {

TEST(Model, PredictionsDoNotDependOnThreadsOrBatches) {
  const Dataset data = clouds();
  TrainOptions options = small_options();
  options.net = "dense 600, batch_norm, relu, dense 300, dropout, relu, dense";
  options.epochs = 1;
  const Model model = train(data, options).model;
  Random random(1, 1);
  constexpr std::size_t kCount = 700;  // more than two batches, and a part of one
  std::vector<float> inputs(kCount * 6);
  for (float& x : inputs) x = static_cast<float>(5 + random.normal());
  const std::vector<float> all = model.predict(inputs, kCount, 1);
  ASSERT_EQ(all.size(), kCount * 3);
  EXPECT_EQ(model.predict(inputs, kCount, 2), all);
  EXPECT_EQ(model.predict(inputs, kCount, 3), all);
  for (const std::size_t i : {0u, 255u, 256u, 699u}) {
    const std::vector<float> one = model.predict(std::span(inputs).subspan(6 * i, 6), 1, 1);
    EXPECT_EQ(one, (std::vector<float>{all[3 * i], all[3 * i + 1], all[3 * i + 2]})) << i;
  }
  EXPECT_TRUE(model.predict({}, 0, 1).empty());
}

TEST(Predictor, AnswersAsTheModelDoes) {
  for (const Dataset& data : {clouds(), curves()}) {
    TrainOptions options = small_options();
    options.net = "dense 600, relu, dense 500, dropout, relu, dense";
    options.epochs = 1;
    const Model model = train(data, options).model;
    const std::size_t features = data.schema.features(), outputs = model.outputs();
    Random random(1, 1);
    std::vector<float> inputs(40 * features);
    for (float& x : inputs) x = static_cast<float>(random.normal());
    const std::vector<float> expected = model.predict(inputs, 40, 1);
    Predictor one(model), many(model, 33, 2);
    Predictor moved = std::move(one);
    for (std::size_t i = 0; i < 40; ++i) {
      const auto y = moved.predict(std::span<const float>(inputs).subspan(i * features, features));
      ASSERT_TRUE(std::ranges::equal(y, std::span(expected).subspan(i * outputs, outputs))) << i;
    }
    for (const std::size_t count : {33u, 7u, 32u}) {  // a smaller batch after a larger one
      const auto y = many.predict(std::span<const float>(inputs).first(count * features));
      ASSERT_TRUE(std::ranges::equal(y, std::span(expected).first(count * outputs))) << count;
    }
  }
}

TEST(Predictor, InputsOfAnotherSizeAreAUsageError) {
  const Model model = train(clouds(), small_options()).model;
  Predictor predictor(model, 2);
  for (const std::size_t n : {0u, 5u, 13u, 18u}) {
    const std::vector<float> inputs(n);
    EXPECT_THAT(error_of(ErrorKind::usage, [&] { predictor.predict(inputs); }),
                testing::HasSubstr("6 features"))
        << n;
  }
}

TEST(Model, InputsOfAnotherSizeAreAUsageError) {
  const Model model = train(clouds(), small_options()).model;
  const std::vector<float> inputs(13);
  EXPECT_THAT(error_of(ErrorKind::usage, [&] { model.predict(inputs, 2, 1); }),
              testing::HasSubstr("6 features"));
}

TEST(Model, IsTheSameAfterSavingAndLoading) {
  const Dataset data = curves();
  TrainOptions options = small_options();
  options.net = "dense 16, batch_norm, leaky_relu 0.2, dense 8, prelu, dense";
  const TrainResult result = train(data, options);
  RunFolder folder;
  std::filesystem::create_directories(folder.path());
  result.model.save(folder.path() + "/model.onnx");
  const Model loaded = Model::load(folder.path() + "/model.onnx");
  EXPECT_EQ(loaded.network(), result.model.network());
  EXPECT_EQ(loaded.predict(data.test, 1), result.model.predict(data.test, 1));
  EXPECT_EQ(evaluate(loaded, data.test, 1).rmse, result.epochs.back().test_rmse);
  EXPECT_EQ(loaded.facts(), result.model.facts());
}

TEST(Evaluate, NeedsLabels) {
  Dataset data = clouds();
  const Model model = train(data, small_options()).model;
  data.test.labels.clear();
  EXPECT_THAT(error_of(ErrorKind::input, [&] { evaluate(model, data.test, 1); }),
              testing::HasSubstr("labels"));
}

TEST(Evaluate, IsMeanLossAndShareOfRightClasses) {
  const Dataset data = clouds();
  const Model model = train(data, small_options()).model;
  const std::vector<float> logits = model.predict(data.test, 1);
  double loss = 0, right = 0;
  for (std::size_t i = 0; i < data.test.count; ++i) {
    double sum = 0;
    std::size_t best = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      sum += std::exp(static_cast<double>(logits[3 * i + j]));
      if (logits[3 * i + j] > logits[3 * i + best]) best = j;
    }
    const auto label = static_cast<std::size_t>(data.test.labels[i]);
    loss += std::log(sum) - static_cast<double>(logits[3 * i + label]);
    right += best == label ? 1 : 0;
  }
  const Evaluation evaluation = evaluate(model, data.test, 1);
  EXPECT_NEAR(evaluation.loss, loss / static_cast<double>(data.test.count), 1e-6);
  EXPECT_NEAR(evaluation.accuracy, right / static_cast<double>(data.test.count), 1e-12);
}

}  // namespace
}  // namespace halfwave
