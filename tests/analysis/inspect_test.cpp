// Lost if these fail: the figures of inspect - each against what can be told by hand - and that it changes
// nothing and refuses what does not fit.
#include <gmock/gmock.h>
#include <halfwave/error.h>
#include <halfwave/inspect.h>

#include <cmath>

#include "analysis/planted_faults.h"
#include "diagnose/diagnose_testing.h"

namespace halfwave {
namespace {

using testing::ElementsAre;

Model model_of(ModelParts parts) { return Model(std::make_shared<ModelParts>(std::move(parts))); }

InspectOptions one_thread(std::int64_t examples = 2000) {
  InspectOptions options;
  options.threads = 1;
  options.examples = examples;
  return options;
}

/// One feature, which the network takes as it is.
Examples column(std::vector<float> values) {
  Examples examples;
  examples.count = values.size();
  examples.values = std::move(values);
  return examples;
}

/// One input; units x - bias · … by hand: unit j computes weights[j] · x + biases[j].
ModelParts line_units(const std::string& activation, const std::vector<float>& weights,
                      const std::vector<float>& biases) {
  ModelParts parts =
      parts_of("dense " + std::to_string(weights.size()) + ", " + activation + ", dense", {1}, 2);
  parts.preprocessing.mean = {0};
  parts.preprocessing.scale = {1};
  parts.network.set(tensor_of(parts.network, "dense_1.weight"), weights);
  parts.network.set(tensor_of(parts.network, "dense_1.bias"), biases);
  return parts;
}

TEST(Inspect, VerdictsOfUnitsWhoseInputsAreKnown) {
  std::vector<float> x;
  for (int i = 0; i < 200; ++i) x.push_back(static_cast<float>(i) - 100.0f);  // -100 … 99
  const Inspection inspection =
      inspect(model_of(line_units("relu", {1, 1, 1, 1, -1, 1}, {0, 200, -99, -98, 101, -97.5f})), column(x),
              one_thread());
  using enum UnitVerdict;
  // x; x + 200; x - 99 and x - 98, which 0 and 1 of 200 examples wake; 101 - x, on to the last one; 2 of 200.
  EXPECT_THAT(inspection.layers[0].verdicts,
              ElementsAre(healthy, always_on, dead, almost_dead, always_on, healthy));
  EXPECT_EQ(inspection.layers[0].on_kink, 3u) << "at 0, 99 and 98";
  EXPECT_NEAR(inspection.layers[0].density, (99 + 200 + 0 + 1 + 200 + 2) / 1200.0, 1e-12);
  EXPECT_EQ(inspection.examples, 200u);
}

TEST(Inspect, SaturationByTheSlope) {
  std::vector<float> x;
  for (int i = 0; i < 200; ++i) x.push_back(static_cast<float>(i) - 99.5f);  // 10 within ±5
  const Inspection inspection =
      inspect(model_of(line_units("sigmoid", {1, 2, 0.01f, 1}, {0, 0, 0, 300})), column(x), one_thread());
  using enum UnitVerdict;
  // 12 of 200 inputs within ±5.99, then 6; all of them; none.
  EXPECT_THAT(inspection.layers[0].verdicts, ElementsAre(healthy, saturated, healthy, saturated));
}

TEST(Inspect, ChannelsAreUnitsOverAllPositions) {
  ModelParts parts = parts_of("conv 3 1x1, relu, global_average_pool, dense", {1, 2, 2}, 2);
  parts.preprocessing.mean.assign(4, 0.0f);
  parts.preprocessing.scale.assign(4, 1.0f);
  parts.network.set(parts.network.tensors()[0], std::vector<float>{1, -1, 0});
  parts.network.set(parts.network.tensors()[1], std::vector<float>{0, 0, -1});
  Examples examples;
  examples.count = 2;
  examples.values = std::vector<float>{1, 2, 3, 4, 1, 1, 1, -1};
  const Inspection inspection = inspect(model_of(std::move(parts)), examples, one_thread());
  using enum UnitVerdict;
  EXPECT_THAT(inspection.layers[0].verdicts, ElementsAre(healthy, healthy, dead));
  EXPECT_NEAR(inspection.layers[0].density, (7 + 1 + 0) / 24.0, 1e-12);
  EXPECT_NEAR(inspection.layers[0].mean, (13 + 1) / 24.0, 1e-6);
}

TEST(Inspect, GradientsAgainstDifferencesOfTheLoss) {
  const Dataset data = load_dataset("blobs");
  TrainOptions options = planted_options("dense 6, tanh, dense 5, tanh, dense", 2);
  const Model model = train(data, options).model;
  Examples some = data.test;
  const Inspection inspection = inspect(model, some, one_thread(100000));
  EXPECT_EQ(inspection.examples, some.count);
  Network& network = model.parts().network;
  for (const LayerInspection& layer : inspection.layers) {
    const NetworkTensor& tensor = tensor_of(network, layer.name + ".weight");
    const std::vector<float> numbers = network.get(tensor);
    double squares = 0;
    for (std::size_t k = 0; k < numbers.size(); ++k) {
      constexpr float kStep = 1e-2f;
      const auto loss_at = [&](float change) {
        std::vector<float> changed = numbers;
        changed[k] += change;
        network.set(tensor, changed);
        return evaluate(model, some, 1).loss;
      };
      const double slope = (loss_at(kStep) - loss_at(-kStep)) / (2.0 * static_cast<double>(kStep));
      squares += slope * slope;
    }
    network.set(tensor, numbers);
    EXPECT_NEAR(layer.gradient_norm, std::sqrt(squares), 0.01 * std::sqrt(squares) + 1e-5) << layer.name;
  }
  EXPECT_EQ(inspection.layers.back().gradient_ratio, 1);
  EXPECT_GT(inspection.layers[0].gradient_ratio, 0.01);
}

TEST(Inspect, CostsAreThoseOfTheNetwork) {
  const Dataset data = load_dataset("mnist1d");
  const Model model = made_model(data, planted_options("dense 100, relu, dense 50, relu, dense", 1));
  const std::vector<LayerInspection> layers = inspect(model, data.test, one_thread()).layers;
  ASSERT_EQ(layers.size(), 3u);
  EXPECT_EQ(layers[0].dense_operations, 2 * 40 * 100);
  EXPECT_EQ(layers[1].dense_operations, 2 * 100 * 50);
  EXPECT_NEAR(layers[1].skipped_operations, layers[0].density * layers[1].dense_operations, 1e-6);
  EXPECT_NEAR(layers[2].skipped_operations, layers[1].density * layers[2].dense_operations, 1e-6);
  for (const LayerInspection& layer : layers) EXPECT_GT(layer.seconds, 0);
}

TEST(Inspect, ActivationsBehindNoLayerHaveALineOfTheirOwn) {
  const Dataset data = load_dataset("mnist1d");
  const Model model =
      made_model(data, planted_options("dense 8, relu, concat(dense 4 | dense 4), relu, dense, softmax", 0));
  std::vector<std::string> names;
  for (const LayerInspection& layer : inspect(model, data.test, one_thread()).layers)
    names.push_back(layer.name);
  EXPECT_THAT(names, ElementsAre("dense_1", "dense_2", "dense_3", "relu_2", "dense_4"));
}

TEST(Inspect, LeavesTheModelAloneAndIsTheSameAgain) {
  const Dataset data = load_dataset("mnist1d");
  const Model model = made_model(data, planted_options("dense 32, batch_norm, relu, dropout 0.5, dense", 1));
  const auto values = model.parts().network.values();
  const std::vector<float> before(values.begin(), values.end());
  const Inspection first = inspect(model, data.train, one_thread(500)),
                   second = inspect(model, data.train, one_thread(500));
  EXPECT_EQ(before, std::vector<float>(values.begin(), values.end()));
  EXPECT_EQ(first.examples, 500u);
  EXPECT_EQ(first.layers[0].density, second.layers[0].density);
  EXPECT_EQ(first.layers[0].gradient_norm, second.layers[0].gradient_norm);
  InspectOptions other = one_thread(500);
  other.seed = 1;
  EXPECT_NE(first.layers[0].density, inspect(model, data.train, other).layers[0].density);
}

TEST(Inspect, WithoutLabelsThereAreNoGradients) {
  const Dataset data = load_dataset("mnist1d");
  const Planted planted = planted_faults()[2];  // a dead layer
  Examples unlabelled = data.test;
  unlabelled.labels.clear();
  const Inspection inspection = inspect(faulty_model(planted, data), unlabelled, one_thread());
  EXPECT_EQ(inspection.layers[0].gradient_norm, 0);
  EXPECT_EQ(inspection.layers[0].gradient_ratio, 1);
  EXPECT_EQ(inspection.findings[0].kind, "dead_units");
  EXPECT_EQ(find_kind(inspection.findings, "not_learned"), nullptr);
}

TEST(Inspect, DataThatDoNotFitAreRefused) {
  const Model model = model_of(line_units("relu", {1, 2}, {0, 0}));
  EXPECT_THROW(inspect(model, column({}), one_thread()), Error);
  Examples wrong = column({1, 2, 3});
  wrong.count = 2;
  EXPECT_THROW(inspect(model, wrong, one_thread()), Error);
  Examples labelled = column({1, 2});
  labelled.labels = {0, 7};
  EXPECT_THROW(inspect(model, labelled, one_thread()), Error);
}

TEST(Inspect, NumbersThatAreNoneAreNamedAndNothingElseIs) {
  ModelParts parts = line_units("relu", {1, -2, 3}, {0, 0, 0});
  change(parts.network, "dense_1.weight", [](auto& w) { w[1] = NAN; });
  Examples examples = column({1, 2, -3, 4});
  examples.labels = {0, 1, 0, 1};
  const Inspection inspection = inspect(model_of(std::move(parts)), examples, one_thread());
  EXPECT_EQ(inspection.findings.at(0).kind, "not_finite_weights");
  for (const Finding& other : std::span(inspection.findings).subspan(1))
    EXPECT_LT(other.weight, 0.4) << other.kind;
}

}  // namespace
}  // namespace halfwave
