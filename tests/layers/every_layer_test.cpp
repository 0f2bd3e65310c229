// Lost if these fail: a kind of layer would compute something else than its definition, or train with a wrong
// gradient. Every registered kind is tested; one without a reference fails.
#include "layers/layer_cases.h"

namespace halfwave {
namespace {

TEST(EveryKind, IsTriedOnAllThatItTakes) {
  const std::vector<Case> list = cases();
  for (const LayerInfo& info : layer_kinds()) {
    std::vector<int> ranks;
    for (const Case& each : list)
      if (each.info == &info) ranks.push_back(each.inputs[0].rank);
    const bool of_rows = info.name == "dense" || info.name == "unflatten";
    EXPECT_TRUE(of_rows || std::ranges::count(ranks, 2) > 0) << info.name;
    EXPECT_TRUE(of_rows || std::ranges::count(ranks, 1) > 0) << info.name;
    EXPECT_NE(std::ranges::count(ranks, 0) > 0, unbound(info)->needs_grid()) << info.name;
  }
}

constexpr std::size_t kBatch = 6;

class EveryLayer : public testing::TestWithParam<Case> {
 protected:
  std::unique_ptr<Layer> layer_ = GetParam().layer();
  Random random_{11, stream_id(Stream::data, 200)};
  Inputs inputs_ = random_inputs();
  Tensors tensors_ = random_tensors(random_, *layer_);

  static StepContext context(bool training) {
    return {.batch = kBatch, .training = training, .threads = 1, .seed = 42, .step = 7};
  }
  Inputs random_inputs() {
    Inputs inputs;
    for (const Shape& shape : GetParam().inputs)
      inputs.push_back(random_matrix(random_, kBatch * shape.positions(), shape.channels));
    return inputs;
  }
  Matrix random_gradient() {
    return random_matrix(random_, kBatch * layer_->output().positions(), layer_->outputs());
  }
  LayerRun run(bool training, bool in_place = false) const {
    return LayerRun(*layer_, context(training), inputs_, tensors_, in_place);
  }
  Matrix reference(const Inputs& inputs, Tensors tensors, bool training) const {
    const StepContext step = context(training);
    return reference_forward({*layer_, inputs[0], tensors, step, LayerRun::kNumber, joined(*layer_, inputs)});
  }
  void avoid_all_kinks() {
    const StepContext step = context(true);
    avoid_kinks(*layer_, inputs_[0], tensors_, step, LayerRun::kNumber,
                [&] { return static_cast<double>(static_cast<float>(random_.normal())); });
  }
  static void expect_near(const Matrix& value, const Matrix& exact, double tolerance) {
    ASSERT_EQ(value.columns, exact.columns);
    ASSERT_EQ(value.rows, exact.rows);
    for (std::size_t i = 0; i < exact.rows; ++i)
      for (std::size_t j = 0; j < exact.columns; ++j)
        ASSERT_NEAR(value(i, j), exact(i, j), tolerance * (1 + std::fabs(exact(i, j))))
            << "row " << i << ", column " << j;
  }
};

TEST_P(EveryLayer, ForwardIsItsDefinition) {
  for (const bool training : {false, true}) {
    LayerRun made = run(training);
    made.forward();
    expect_near(made.output(), reference(inputs_, tensors_, training), 1e-5);
  }
}

/// The loss is Σ c · y with random c, so dy = c. All differences are central ones of the reference, in
/// double.
TEST_P(EveryLayer, BackwardIsTheDerivative) {
  avoid_all_kinks();
  constexpr double kStep = 1e-5;
  const Matrix c = random_gradient();
  const auto loss = [&](const Inputs& inputs, const Tensors& tensors) {
    const Matrix y = reference(inputs, tensors, true);
    return std::inner_product(y.numbers.begin(), y.numbers.end(), c.numbers.begin(), 0.0);
  };
  LayerRun made = run(true);
  made.forward();
  made.backward(c);

  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    Matrix dx = inputs_[i];
    Inputs moved = inputs_;
    for (std::size_t k = 0; k < dx.numbers.size(); ++k) {
      const double here = inputs_[i].numbers[k];
      moved[i].numbers[k] = here + kStep;
      const double above = loss(moved, tensors_);
      moved[i].numbers[k] = here - kStep;
      dx.numbers[k] = (above - loss(moved, tensors_)) / (2 * kStep);
      moved[i].numbers[k] = here;
    }
    expect_near(made.input_gradient(i), dx, 2e-5);
  }

  for (std::size_t t = 0; t < tensors_.size(); ++t) {
    if (!made.specs()[t].learned) continue;
    const std::vector<double> gradient = made.gradient(t);
    for (std::size_t k = 0; k < gradient.size(); ++k) {
      Tensors shifted = tensors_;
      shifted[t][k] += kStep;
      const double above = loss(inputs_, shifted);
      shifted[t][k] -= 2 * kStep;
      const double slope = (above - loss(inputs_, shifted)) / (2 * kStep);
      ASSERT_NEAR(gradient[k], slope, 2e-5 * (1 + std::fabs(slope))) << made.specs()[t].name << " " << k;
    }
  }
}

class EveryNotingLayer : public EveryLayer {};

/// What is noted of the output is what is there, in every way that a layer makes its rows.
TEST_P(EveryNotingLayer, NotesTheZerosOfItsOutput) {
  for (Matrix& input : inputs_)
    for (double& x : input.numbers)
      if (x < 0.3) x = 0;
  LayerRun made = run(true);
  made.note_output(2.0);
  made.forward();
  const Matrix y = made.output();
  std::vector<std::uint64_t> counts(y.columns), expected(y.columns);
  made.notes().add_counts(counts);
  for (std::size_t k = 0; k < y.numbers.size(); ++k) expected[k % y.columns] += y.numbers[k] != 0;
  EXPECT_EQ(counts, expected);
  EXPECT_TRUE(made.notes().all_listed());
}

TEST_P(EveryLayer, GradientsAreReportedOnceEach) {
  LayerRun made = run(true);
  made.forward();
  made.backward(random_gradient());
  for (std::size_t t = 0; t < tensors_.size(); ++t) {
    const std::vector<int>& counts = made.ready_counts(t);
    for (std::size_t i = 0; i < counts.size(); ++i) {
      const bool padding =
          made.specs()[t].storage == TensorSpec::Storage::plain && i >= made.specs()[t].count();
      if (padding) continue;
      ASSERT_EQ(counts[i], made.specs()[t].learned ? 1 : 0) << made.specs()[t].name << " " << i;
    }
  }
}

TEST_P(EveryLayer, InferenceLeavesTensorsAlone) {
  LayerRun made = run(false);
  made.forward();
  for (std::size_t t = 0; t < tensors_.size(); ++t) EXPECT_EQ(made.tensor(t), tensors_[t]);
}

class EveryLearningLayer : public EveryLayer {};

TEST_P(EveryLearningLayer, TensorGradientsDoNotNeedTheInputGradient) {
  const Matrix c = random_gradient();
  LayerRun with = run(true), without = run(true);
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
  const Matrix c = random_gradient();
  StepContext passing = context(true);
  passing.keep_gradients = false;
  LayerRun kept = run(true), passed(*layer_, passing, inputs_, tensors_, false);
  for (LayerRun* made : {&kept, &passed}) {
    made->forward();
    made->backward(c);
  }
  for (std::size_t t = 0; t < tensors_.size(); ++t) {
    if (!kept.specs()[t].learned) continue;
    EXPECT_EQ(kept.handed(t), kept.gradient(t)) << kept.specs()[t].name;
    EXPECT_EQ(passed.handed(t), kept.gradient(t)) << kept.specs()[t].name;
  }
}

class EveryLayerInPlace : public EveryLayer {};

TEST_P(EveryLayerInPlace, WorkingInPlaceGivesTheSameBits) {
  const Matrix c = random_gradient();
  LayerRun apart = run(true);
  apart.forward();
  const Matrix y = apart.output();
  apart.backward(c, true, true);
  for (const bool training : {false, true}) {
    if (training && layer_->keeps_input()) continue;  // a plan does not put it over its input then
    LayerRun over = run(training, true);
    over.forward();
    if (!training) {
      LayerRun inference = run(false);
      inference.forward();
      EXPECT_EQ(over.output().numbers, inference.output().numbers);
      continue;
    }
    EXPECT_EQ(over.output().numbers, y.numbers);
    over.backward(c);
    EXPECT_EQ(over.input_gradient().numbers, apart.input_gradient().numbers);
  }
  LayerRun shared_gradient = run(true);
  shared_gradient.forward();
  shared_gradient.backward(c);
  EXPECT_EQ(shared_gradient.input_gradient().numbers, apart.input_gradient().numbers);
}

TEST_P(EveryLayer, ItsLineNamesItAgain) {
  const std::string line = layer_->line();
  EXPECT_EQ(line.substr(0, line.find(' ')), layer_->info().name);
  EXPECT_EQ(find_layer_kind(layer_->info().name), &layer_->info());
}

class EveryJoiningLayer : public EveryLayer {};

TEST_P(EveryJoiningLayer, BranchesMayShareTheGradientOrNotNeedIt) {
  const Matrix c = random_gradient();
  LayerRun shared = run(true), apart = run(true), none = run(true);
  shared.forward();
  shared.backward(c);
  apart.forward();
  apart.backward(c, true, true);
  for (std::size_t i = 0; i < inputs_.size(); ++i)
    EXPECT_EQ(shared.input_gradient(i).numbers, apart.input_gradient(i).numbers);
  none.forward();
  none.backward(c, false);
}

INSTANTIATE_TEST_SUITE_P(All, EveryLayer, testing::ValuesIn(cases()), case_name);
INSTANTIATE_TEST_SUITE_P(All, EveryLearningLayer,
                         testing::ValuesIn(cases_where([](const Layer& l) { return !l.tensors().empty(); })),
                         case_name);
INSTANTIATE_TEST_SUITE_P(All, EveryLayerInPlace,
                         testing::ValuesIn(cases_where([](const Layer& l) { return l.in_place(); })),
                         case_name);
// Products make no zeros: nobody asks for notes of their outputs.
INSTANTIATE_TEST_SUITE_P(All, EveryNotingLayer, testing::ValuesIn(cases_where([](const Layer& l) {
                           return l.multiply_adds() == 0;
                         })),
                         case_name);
INSTANTIATE_TEST_SUITE_P(All, EveryJoiningLayer,
                         testing::ValuesIn(cases_where([](const Layer& l) { return l.joins(); })), case_name);

class EveryLayerInThreads : public testing::TestWithParam<Case> {};

TEST_P(EveryLayerInThreads, AnyNumberOfThreadsGivesTheSameBits) {
  const std::unique_ptr<Layer> layer = GetParam().layer();
  const std::size_t batch = layer->input().rank == 0 ? 531 : 65;
  Random random(12, stream_id(Stream::data, 201));
  Inputs inputs;
  for (const Shape& shape : GetParam().inputs)
    inputs.push_back(random_matrix(random, batch * shape.positions(), shape.channels));
  Matrix c(batch * layer->output().positions(), layer->outputs());
  for (std::size_t k = 0; k < c.numbers.size(); ++k)
    c.numbers[k] = inputs[0].numbers[k % 1001] * (k % 3 == 0 ? -1 : 1);
  const Tensors tensors = random_tensors(random, *layer);
  struct Outcome {
    std::vector<std::vector<double>> numbers;
    bool operator==(const Outcome&) const = default;
  };
  const auto outcome = [&](int threads) {
    LayerRun run(*layer, {.batch = batch, .training = true, .threads = threads, .seed = 1, .step = 2}, inputs,
                 tensors, false);
    run.forward();
    Outcome result{{run.output().numbers}};
    for (std::size_t t = 0; t < tensors.size(); ++t) result.numbers.push_back(run.tensor(t));
    run.backward(c);
    for (std::size_t i = 0; i < inputs.size(); ++i) result.numbers.push_back(run.input_gradient(i).numbers);
    for (std::size_t t = 0; t < tensors.size(); ++t)
      if (run.specs()[t].learned) result.numbers.push_back(run.handed(t));
    return result;
  };
  const Outcome one = outcome(1);
  for (const int threads : {2, 3}) EXPECT_TRUE(outcome(threads) == one) << threads << " threads";
}

INSTANTIATE_TEST_SUITE_P(All, EveryLayerInThreads, testing::ValuesIn(large_cases()), case_name);

}  // namespace
}  // namespace halfwave
