// Lost if these fail: the point of inspect - that what is wrong with a network is named first, in the right
// layer and with the right count, and that a healthy network, however sparse, is left in peace.
#include "analysis/planted_faults.h"

#include <gmock/gmock.h>
#include <halfwave/inspect.h>

#include <algorithm>

namespace halfwave {
namespace {

std::string all_of(const Inspection& inspection) {
  std::string text;
  for (const Finding& finding : inspection.findings)
    text += finding.kind + " in '" + finding.where + "', weight " + std::to_string(finding.weight) + ": " +
            finding.what + "\n";
  return text;
}

InspectOptions one_thread() {
  InspectOptions options;
  options.threads = 1;
  return options;
}

/// For the names of the tests: letters and digits.
std::string test_name(const testing::TestParamInfo<Planted>& info) {
  std::string name;
  for (const char c : info.param.name) name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}

class PlantedFault : public testing::TestWithParam<Planted> {};

TEST_P(PlantedFault, IsNamedFirstWithLayerAndCount) {
  const Planted& planted = GetParam();
  const Dataset data = planted_data(planted);
  const Model model = faulty_model(planted, data);
  // By the data that it learned from, and by others.
  for (const Examples* examples : {&data.train, &data.test}) {
    const Inspection inspection = inspect(model, *examples, one_thread());
    ASSERT_FALSE(inspection.findings.empty());
    const Finding& first = inspection.findings.front();
    EXPECT_EQ(first.kind, planted.kind) << all_of(inspection);
    EXPECT_EQ(first.where, planted.where) << all_of(inspection);
    if (planted.number > 0) {
      EXPECT_EQ(first.number, planted.number) << all_of(inspection);
      EXPECT_EQ(static_cast<double>(first.units.size()), planted.number);
    }
    EXPECT_TRUE(first.follows_from.empty());
    // One cause is one finding: nothing else is as heavy, unless it is the same in another layer.
    for (const Finding& other : std::span(inspection.findings).subspan(1))
      EXPECT_TRUE(other.weight < 0.7 * first.weight || other.kind == first.kind) << all_of(inspection);
  }
}

INSTANTIATE_TEST_SUITE_P(All, PlantedFault, testing::ValuesIn(planted_faults()), test_name);

class HealthyNetwork : public testing::TestWithParam<Planted> {};

TEST_P(HealthyNetwork, HasNoFindingOfWeight) {
  const Planted& planted = GetParam();
  const Dataset data = planted_data(planted);
  const Model model = healthy_model(planted, data);
  for (const Examples* examples : {&data.train, &data.test}) {
    const Inspection inspection = inspect(model, *examples, one_thread());
    for (const Finding& finding : inspection.findings)
      EXPECT_LT(finding.weight, kWeightOfRemark) << all_of(inspection);
  }
  for (const Finding& finding : inspect(model).findings)
    EXPECT_LT(finding.weight, kWeightOfRemark) << finding.what;
}

TEST_P(HealthyNetwork, TrainsWithoutAWarning) {
  const Planted& planted = GetParam();
  EXPECT_THAT(train(planted_data(planted), planted.healthy).warnings, testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(All, HealthyNetwork, testing::ValuesIn(healthy_networks()), test_name);

TEST(HealthyNetworks, TheSparseOneIsSparse) {
  for (const Planted& planted : healthy_networks()) {
    if (planted.name != "an MLP with 70 to 90 % zeros") continue;
    const Dataset data = planted_data(planted);
    const Inspection inspection = inspect(healthy_model(planted, data), data.train, one_thread());
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_LT(inspection.layers[i].density, 0.3);
      EXPECT_GT(inspection.layers[i].density, 0.1);
    }
    return;
  }
  FAIL() << "there is none";
}

/// Counts by a forward pass of its own, in double, straight from the formula.
TEST(DeadUnits, AreThoseOfAPlainForwardPass) {
  const Planted planted = planted_faults()[0];
  const Dataset data = planted_data(planted);
  const Model model = faulty_model(planted, data);
  const ModelParts& parts = model.parts();
  const std::size_t features = data.schema.features();
  const auto numbers = [&](const std::string& name) {
    return parts.network.get(tensor_named(parts.network, name));
  };
  const auto dense_relu = [&](const std::vector<double>& x, const std::string& layer) {
    const std::vector<float> w = numbers(layer + ".weight"), b = numbers(layer + ".bias");
    std::vector<double> y(b.begin(), b.end());
    for (std::size_t i = 0; i < x.size(); ++i)
      for (std::size_t j = 0; j < y.size(); ++j) y[j] += x[i] * static_cast<double>(w[i * y.size() + j]);
    for (double& value : y) value = std::max(0.0, value);
    return y;
  };
  std::vector<bool> awake(128);
  const auto& values = std::get<std::vector<float>>(data.test.values);
  for (std::size_t i = 0; i < data.test.count; ++i) {
    std::vector<double> x(features);
    for (std::size_t f = 0; f < features; ++f)
      x[f] = static_cast<double>((values[i * features + f] - parts.preprocessing.mean[f]) *
                                 parts.preprocessing.scale[f]);
    const std::vector<double> y = dense_relu(dense_relu(x, "dense_1"), "dense_2");
    for (std::size_t j = 0; j < y.size(); ++j) awake[j] = awake[j] || y[j] > 0.0;
  }
  std::vector<std::size_t> dead;
  for (std::size_t j = 0; j < awake.size(); ++j)
    if (!awake[j]) dead.push_back(j);
  const Inspection inspection = inspect(model, data.test, one_thread());
  EXPECT_EQ(inspection.findings.front().units, dead);
  EXPECT_EQ(dead.size(), 64u);
}

/// Warnings of a run: the same rules while it goes on, each of them once.
std::vector<std::string> warnings_of(const Planted& planted, std::int64_t epochs) {
  class Listener final : public TrainObserver {
   public:
    void warning(const std::string& text) override { heard.push_back(text); }
    std::vector<std::string> heard;
  } listener;
  TrainOptions options = planted.faulty;
  options.epochs = epochs;
  const TrainResult result = train(planted_data(planted), options, &listener);
  EXPECT_EQ(result.warnings, listener.heard) << "what is shown is what is reported";
  return result.warnings;
}

TEST(Warnings, NameTheFaultOfARunOnce) {
  std::size_t runs = 0;
  for (const Planted& planted : planted_faults()) {
    if (planted.damage) continue;                     // done after the run
    if (planted.kind == "saturated_units") continue;  // training counts zeros, not slopes
    const std::vector<std::string> warnings = warnings_of(planted, 4);
    const auto times = std::ranges::count_if(
        warnings, [&](const std::string& text) { return text.find("(" + planted.kind + ")") != text.npos; });
    EXPECT_EQ(times, 1) << planted.name << ": " << testing::PrintToString(warnings);
    ++runs;
  }
  EXPECT_EQ(runs, 8u);
}

}  // namespace
}  // namespace halfwave
