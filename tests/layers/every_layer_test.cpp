// Lost if these fail: a kind of layer would compute something else than its definition, or train with a wrong
// gradient. Every registered kind is tested; one without a reference fails.
#include <cstring>

#include "layers/layer_testing.h"

namespace halfwave {
namespace {

struct Case {
  const LayerInfo* info;
  double factor;  ///< fields are their defaults times this
};

std::vector<Case> cases() {
  std::vector<Case> list;
  for (const LayerInfo& info : layer_kinds()) {
    list.push_back({&info, 1});
    if (!info.fields.empty() && !info.fields[0].inferred) list.push_back({&info, 1.7});
  }
  return list;
}

template <class Condition>
std::vector<Case> cases_where(Condition&& condition) {
  std::vector<Case> list = cases();
  std::erase_if(list, [&](const Case& c) { return !condition(c, *make_bound(*c.info, 5, 3)); });
  return list;
}

std::string case_name(const testing::TestParamInfo<Case>& test) {
  return std::string(test.param.info->name) + (test.param.factor == 1 ? "" : "_with_other_fields");
}

class EveryLayer : public testing::TestWithParam<Case> {
 protected:
  static constexpr std::size_t kBatch = 6, kInputs = 21;

  std::unique_ptr<Layer> layer_ = make_bound(*GetParam().info, kInputs, 37, GetParam().factor);
  Random random_{11, stream_id(Stream::data, 200)};
  Matrix x_ = random_matrix(random_, kBatch, kInputs);
  Tensors tensors_ = random_tensors(random_, *layer_);

  StepContext context(bool training) const {
    return {.batch = kBatch, .training = training, .threads = 1, .seed = 42, .step = 7};
  }
  Matrix reference(const Matrix& x, Tensors tensors, bool training) const {
    const StepContext step = context(training);
    return reference_forward({*layer_, x, tensors, step, LayerRun::kNumber});
  }
  void avoid_all_kinks() {
    const StepContext step = context(true);
    avoid_kinks(*layer_, x_, tensors_, step, LayerRun::kNumber,
                [&] { return static_cast<double>(static_cast<float>(random_.normal())); });
  }
  static void expect_near(const Matrix& value, const Matrix& exact, double tolerance) {
    ASSERT_EQ(value.columns, exact.columns);
    for (std::size_t i = 0; i < exact.rows; ++i)
      for (std::size_t j = 0; j < exact.columns; ++j)
        ASSERT_NEAR(value(i, j), exact(i, j), tolerance * (1 + std::fabs(exact(i, j))))
            << "row " << i << ", column " << j;
  }
};

TEST_P(EveryLayer, ForwardIsItsDefinition) {
  for (const bool training : {false, true}) {
    LayerRun run(*layer_, context(training), x_, tensors_, false);
    run.forward();
    expect_near(run.output(), reference(x_, tensors_, training), 1e-5);
  }
}

/// The loss is Σ c · y with random c, so dy = c. All differences are central ones of the reference, in
/// double.
TEST_P(EveryLayer, BackwardIsTheDerivative) {
  avoid_all_kinks();
  constexpr double kStep = 1e-5;
  const Matrix c = random_matrix(random_, kBatch, layer_->outputs());
  const auto loss = [&](const Matrix& x, const Tensors& tensors) {
    const Matrix y = reference(x, tensors, true);
    return std::inner_product(y.numbers.begin(), y.numbers.end(), c.numbers.begin(), 0.0);
  };
  LayerRun run(*layer_, context(true), x_, tensors_, false);
  run.forward();
  run.backward(c);

  Matrix dx(kBatch, kInputs), moved = x_;
  for (std::size_t k = 0; k < dx.numbers.size(); ++k) {
    moved.numbers[k] = x_.numbers[k] + kStep;
    const double above = loss(moved, tensors_);
    moved.numbers[k] = x_.numbers[k] - kStep;
    dx.numbers[k] = (above - loss(moved, tensors_)) / (2 * kStep);
    moved.numbers[k] = x_.numbers[k];
  }
  expect_near(run.input_gradient(), dx, 2e-5);

  for (std::size_t t = 0; t < tensors_.size(); ++t) {
    if (!run.specs()[t].learned) continue;
    const std::vector<double> gradient = run.gradient(t);
    for (std::size_t k = 0; k < gradient.size(); ++k) {
      Tensors shifted = tensors_;
      shifted[t][k] += kStep;
      const double above = loss(x_, shifted);
      shifted[t][k] -= 2 * kStep;
      const double slope = (above - loss(x_, shifted)) / (2 * kStep);
      ASSERT_NEAR(gradient[k], slope, 2e-5 * (1 + std::fabs(slope))) << run.specs()[t].name << " " << k;
    }
  }
}

TEST_P(EveryLayer, GradientsAreReportedOnceEach) {
  LayerRun run(*layer_, context(true), x_, tensors_, false);
  run.forward();
  run.backward(random_matrix(random_, kBatch, layer_->outputs()));
  for (std::size_t t = 0; t < tensors_.size(); ++t) {
    const std::vector<int>& counts = run.ready_counts(t);
    for (std::size_t i = 0; i < counts.size(); ++i) {
      const bool padding = !run.specs()[t].panels && i >= run.specs()[t].count();
      if (padding) continue;
      ASSERT_EQ(counts[i], run.specs()[t].learned ? 1 : 0) << run.specs()[t].name << " " << i;
    }
  }
}

TEST_P(EveryLayer, InferenceLeavesTensorsAlone) {
  LayerRun run(*layer_, context(false), x_, tensors_, false);
  run.forward();
  for (std::size_t t = 0; t < tensors_.size(); ++t) EXPECT_EQ(run.tensor(t), tensors_[t]);
}

class EveryLearningLayer : public EveryLayer {};

TEST_P(EveryLearningLayer, TensorGradientsDoNotNeedTheInputGradient) {
  const Matrix c = random_matrix(random_, kBatch, layer_->outputs());
  LayerRun with(*layer_, context(true), x_, tensors_, false),
      without(*layer_, context(true), x_, tensors_, false);
  with.forward();
  with.backward(c);
  without.forward();
  without.backward(c, false);
  for (std::size_t t = 0; t < tensors_.size(); ++t)
    if (with.specs()[t].learned) {
      EXPECT_EQ(with.gradient(t), without.gradient(t)) << with.specs()[t].name;
    }
}

TEST_P(EveryLearningLayer, HandsOnTheGradientWhetherItIsKeptOrNot) {
  const Matrix c = random_matrix(random_, kBatch, layer_->outputs());
  StepContext passing = context(true);
  passing.keep_gradients = false;
  LayerRun kept(*layer_, context(true), x_, tensors_, false), passed(*layer_, passing, x_, tensors_, false);
  for (LayerRun* run : {&kept, &passed}) {
    run->forward();
    run->backward(c);
  }
  for (std::size_t t = 0; t < tensors_.size(); ++t) {
    if (!kept.specs()[t].learned) continue;
    EXPECT_EQ(kept.handed(t), kept.gradient(t)) << kept.specs()[t].name;
    EXPECT_EQ(passed.handed(t), kept.gradient(t)) << kept.specs()[t].name;
  }
}

class EveryLayerInPlace : public EveryLayer {};

TEST_P(EveryLayerInPlace, WorkingInPlaceGivesTheSameBits) {
  const Matrix c = random_matrix(random_, kBatch, layer_->outputs());
  LayerRun apart(*layer_, context(true), x_, tensors_, false);
  apart.forward();
  const Matrix y = apart.output();
  apart.backward(c, true, true);
  for (const bool training : {false, true}) {
    if (training && layer_->keeps_input()) continue;  // a plan does not put it over its input then
    LayerRun over(*layer_, context(training), x_, tensors_, true);
    over.forward();
    if (!training) {
      LayerRun inference(*layer_, context(false), x_, tensors_, false);
      inference.forward();
      EXPECT_EQ(over.output().numbers, inference.output().numbers);
      continue;
    }
    EXPECT_EQ(over.output().numbers, y.numbers);
    over.backward(c);
    EXPECT_EQ(over.input_gradient().numbers, apart.input_gradient().numbers);
  }
  LayerRun shared_gradient(*layer_, context(true), x_, tensors_, false);
  shared_gradient.forward();
  shared_gradient.backward(c);
  EXPECT_EQ(shared_gradient.input_gradient().numbers, apart.input_gradient().numbers);
}

TEST_P(EveryLayer, ItsLineNamesItAgain) {
  const std::string line = layer_->line();
  EXPECT_EQ(line.substr(0, line.find(' ')), layer_->info().name);
  EXPECT_EQ(find_layer_kind(layer_->info().name), &layer_->info());
}

INSTANTIATE_TEST_SUITE_P(All, EveryLayer, testing::ValuesIn(cases()), case_name);
INSTANTIATE_TEST_SUITE_P(All, EveryLearningLayer,
                         testing::ValuesIn(cases_where([](const Case&, const Layer& l) {
                           return !l.tensors().empty();
                         })),
                         case_name);
INSTANTIATE_TEST_SUITE_P(
    All, EveryLayerInPlace,
    testing::ValuesIn(cases_where([](const Case&, const Layer& l) { return l.in_place(); })), case_name);

/// Large enough that every kind uses its threads.
class EveryLayerInThreads : public testing::TestWithParam<Case> {};

TEST_P(EveryLayerInThreads, AnyNumberOfThreadsGivesTheSameBits) {
  constexpr std::size_t kBatch = 531, kInputs = 1001;
  const std::unique_ptr<Layer> layer = make_bound(*GetParam().info, kInputs, 70);
  Random random(12, stream_id(Stream::data, 201));
  Matrix x = random_matrix(random, kBatch, kInputs), c(kBatch, layer->outputs());
  for (std::size_t k = 0; k < c.numbers.size(); ++k)
    c.numbers[k] = x.numbers[k % 1001] * (k % 3 == 0 ? -1 : 1);
  const Tensors tensors = random_tensors(random, *layer);
  struct Outcome {
    std::vector<double> y, dx;
    Tensors kept, gradients;
    bool operator==(const Outcome&) const = default;
  };
  const auto outcome = [&](int threads) {
    LayerRun run(*layer, {.batch = kBatch, .training = true, .threads = threads, .seed = 1, .step = 2}, x,
                 tensors, false);
    run.forward();
    Outcome result{run.output().numbers, {}, {}, {}};
    for (std::size_t t = 0; t < tensors.size(); ++t) result.kept.push_back(run.tensor(t));
    run.backward(c);
    result.dx = run.input_gradient().numbers;
    for (std::size_t t = 0; t < tensors.size(); ++t)
      if (run.specs()[t].learned) result.gradients.push_back(run.handed(t));
    return result;
  };
  const Outcome one = outcome(1);
  for (const int threads : {2, 3}) EXPECT_TRUE(outcome(threads) == one) << threads << " threads";
}

INSTANTIATE_TEST_SUITE_P(
    All, EveryLayerInThreads,
    testing::ValuesIn(cases_where([](const Case& c, const Layer&) { return c.factor == 1; })), case_name);

}  // namespace
}  // namespace halfwave
