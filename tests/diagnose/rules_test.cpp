// Lost if these fail: the judgement itself - that sparsity is no death, that one cause is one finding, and
// that what matters more comes first.
#include "diagnose/rules.h"

#include <gmock/gmock.h>

#include <cmath>

#include "diagnose/diagnose_testing.h"
#include "diagnose/kinds.h"

namespace halfwave {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

LayerInspection layer_of(const std::string& name, std::size_t units) {
  LayerInspection layer;
  layer.name = name;
  layer.activation = "relu";
  layer.units = units;
  layer.verdicts.assign(units, UnitVerdict::healthy);
  layer.variance = 1;
  return layer;
}

/// Two hidden layers and the last one; of the first hidden one `count` units have the verdict.
std::vector<LayerInspection> layers_with(UnitVerdict verdict, std::size_t count, std::size_t units = 512) {
  std::vector<LayerInspection> layers{layer_of("dense_1", units), layer_of("dense_2", units),
                                      layer_of("dense_3", 10)};
  std::fill_n(layers[0].verdicts.begin(), count, verdict);
  return layers;
}
double weight_with(UnitVerdict verdict, std::size_t count) {
  const std::vector<Finding> findings = judge_units(layers_with(verdict, count));
  return findings.empty() ? 0.0 : findings.at(0).weight;
}

TEST(JudgeUnits, SparsityIsNotDeath) {
  std::vector<LayerInspection> layers = layers_with(UnitVerdict::healthy, 0);
  for (const double density : {0.3, 0.1, 0.01}) {
    layers[0].density = density;
    EXPECT_THAT(judge_units(layers), IsEmpty());
  }
}

TEST(JudgeUnits, WeightGrowsWithTheShareOfTheLayer) {
  for (const UnitVerdict verdict :
       {UnitVerdict::dead, UnitVerdict::almost_dead, UnitVerdict::always_on, UnitVerdict::saturated}) {
    double before = 0;
    for (const std::size_t count : {1u, 3u, 40u, 256u, 511u, 512u}) {
      const double weight = weight_with(verdict, count);
      EXPECT_GT(weight, before) << verdict_name(verdict) << count;
      EXPECT_LE(weight, 1);
      before = weight;
    }
  }
  EXPECT_LT(weight_with(UnitVerdict::dead, 3), kWeightOfRemark);
  EXPECT_GT(weight_with(UnitVerdict::dead, 256), 0.4);
  EXPECT_EQ(weight_with(UnitVerdict::dead, 512), 1);
  EXPECT_LT(weight_with(UnitVerdict::always_on, 2), 0.01);
  EXPECT_GT(weight_with(UnitVerdict::always_on, 256), kWeightOfRemark);
}

TEST(JudgeUnits, CountsAndNamesThem) {
  std::vector<LayerInspection> layers = layers_with(UnitVerdict::healthy, 0);
  layers[1].verdicts[7] = layers[1].verdicts[300] = UnitVerdict::dead;
  const std::vector<Finding> findings = judge_units(layers);
  ASSERT_THAT(names_of(findings), ElementsAre("dead_units in dense_2"));
  EXPECT_EQ(findings[0].number, 2);
  EXPECT_THAT(findings[0].units, ElementsAre(7, 300));
  EXPECT_THAT(findings[0].what, testing::HasSubstr("2 of 512 units"));
}

TEST(JudgeUnits, TheLastLayerMayBeSure) {
  std::vector<LayerInspection> layers = layers_with(UnitVerdict::healthy, 0);
  std::ranges::fill(layers[2].verdicts, UnitVerdict::saturated);
  EXPECT_THAT(judge_units(layers), IsEmpty());
  std::ranges::fill(layers[2].verdicts, UnitVerdict::dead);
  EXPECT_EQ(judge_units(layers).size(), 1u);
}

TEST(JudgeDepth, GradientsAndSignalsByTheirPowers) {
  std::vector<LayerInspection> layers = layers_with(UnitVerdict::healthy, 0);
  for (const double usual : {0.01, 0.3, 1.0, 20.0}) {
    layers[0].gradient_ratio = usual;
    EXPECT_THAT(judge_depth(layers), IsEmpty());
  }
  layers[0].gradient_ratio = 9e-4;
  EXPECT_LT(judge_depth(layers).at(0).weight, kWeightOfRemark);
  layers[0].gradient_ratio = 1e-5;
  const std::vector<Finding> vanishing = judge_depth(layers);
  ASSERT_THAT(names_of(vanishing), ElementsAre("vanishing_gradient in dense_1"));
  layers[0].gradient_ratio = 1e-8;
  EXPECT_GT(judge_depth(layers).at(0).weight, vanishing[0].weight);
  layers[0].gradient_ratio = 1e5;
  EXPECT_THAT(names_of(judge_depth(layers)), ElementsAre("exploding_gradient in dense_1"));
  layers[0].gradient_ratio = 1;
  layers[1].variance = 1e-9;
  EXPECT_THAT(names_of(judge_depth(layers)), ElementsAre("vanishing_signal in dense_2"));
}

std::vector<EpochReport> epochs_of(std::vector<double> losses) {
  std::vector<EpochReport> epochs;
  for (const double loss : losses) {
    EpochReport epoch;
    epoch.epoch = static_cast<std::int64_t>(epochs.size()) + 1;
    epoch.loss = loss;
    epochs.push_back(epoch);
  }
  return epochs;
}
std::vector<std::string> judged(std::vector<double> losses, double constant = 2.3) {
  return names_of(judge_run(epochs_of(std::move(losses)), constant));
}

TEST(JudgeRun, LossesThatDoWhatTheyShould) {
  EXPECT_THAT(judged({2.2}), IsEmpty());
  EXPECT_THAT(judged({2.31}), IsEmpty()) << "it has just begun";
  EXPECT_THAT(judged({2.3, 2.1, 1.5, 1.2, 1.25, 1.1}), IsEmpty());
  EXPECT_THAT(judged({0.05, 0.01, 0.02}), IsEmpty()) << "all but learned by heart";
}

TEST(JudgeRun, ARateThatIsTooHigh) {
  EXPECT_THAT(judged({8.0}), IsEmpty()) << "as it may begin";
  EXPECT_THAT(judged({80.0}), ElementsAre("learning_rate_too_high in "));
  EXPECT_THAT(judged({8.0, 4.0}), ElementsAre("learning_rate_too_high in "));
  EXPECT_THAT(judged({2.0, 0.9, 2.1}), ElementsAre("learning_rate_too_high in "));
  EXPECT_THAT(judged({2.0, 0.3, 0.8}), IsEmpty()) << "small batches jump";
  std::vector<EpochReport> epochs = epochs_of({2.31, 2.31});
  epochs[0].layers = epochs[1].layers = {{.name = "dense_1", .units = 100}};
  EXPECT_THAT(judge_run(epochs, 2.3), IsEmpty());
  epochs[1].layers[0].dead_units = 60;
  EXPECT_THAT(names_of(judge_run(epochs, 2.3)), ElementsAre("learning_rate_too_high in "));
}

TEST(JudgeRun, NothingLearned) {
  EXPECT_THAT(judged({2.31, 2.31}), IsEmpty()) << "give it some time";
  EXPECT_THAT(judged({2.31, 2.31, 2.305}), ElementsAre("not_learned in "));
  EXPECT_THAT(judged({2.31, 2.31, 2.305}, std::nan("")), IsEmpty()) << "a loss of another kind";
}

TEST(ConstantLoss, IsThatOfTheBestConstantAnswer) {
  Schema schema;
  schema.classes = {"a", "b"};
  Examples examples;
  examples.count = 4;
  examples.labels = {0, 0, 0, 1};
  EXPECT_NEAR(constant_loss(examples, schema), -(0.75 * std::log(0.75) + 0.25 * std::log(0.25)), 1e-12);
  schema.task = Task::regression;
  schema.outputs = 2;
  examples.targets = {1, 10, 3, 10, 1, 10, 3, 10};
  EXPECT_NEAR(constant_loss(examples, schema), 0.5, 1e-12);
  EXPECT_NEAR(constant_loss(examples, schema, std::vector<float>{2, 1}), 0.125, 1e-12);
}

Finding found(std::string_view kind, const std::string& where, double weight,
              std::vector<std::size_t> units = {}) {
  return make_finding(
      {.kind = kind, .where = where, .what = "", .weight = weight, .units = std::move(units)});
}

TEST(InOrder, TheHeaviestFirst) {
  const Network network = parse_network("dense 8, relu, dense", 4, 3);
  EXPECT_THAT(
      names_of(in_order({found("almost_dead_units", "dense_1", 0.1), found("linear_pair", "dense_2", 0.3)},
                        network)),
      ElementsAre("linear_pair in dense_2", "almost_dead_units in dense_1"));
}

TEST(InOrder, ACauseBeforeWhatFollowsFromIt) {
  const Network network = parse_network("3 * (dense 8, relu), dense", 4, 3);
  const std::vector<Finding> ordered =
      in_order({found("vanishing_gradient", "dense_1", 0.95), found("not_learned", "", 0.5),
                found("always_on_units", "dense_3", 0.9), found("dead_units", "dense_2", 1)},
               network);
  EXPECT_EQ(ordered[0].kind, "dead_units");
  EXPECT_TRUE(ordered[0].follows_from.empty());
  for (std::size_t i = 1; i < 4; ++i) {
    EXPECT_EQ(ordered[i].follows_from, "dead_units") << ordered[i].kind;
    EXPECT_LE(ordered[i].weight, 0.3);
  }
  // What is before the dead layer does not follow from it, nor does anything from a few dead units.
  EXPECT_TRUE(
      in_order({found("dead_units", "dense_2", 1), found("always_on_units", "dense_1", 0.9)}, network)[1]
          .follows_from.empty());
  EXPECT_TRUE(
      in_order({found("dead_units", "dense_2", 0.3), found("vanishing_gradient", "dense_1", 0.3)}, network)[1]
          .follows_from.empty());
}

TEST(InOrder, BiasesSayWhyUnitsAreDead) {
  const Network network = parse_network("dense 8, relu, dense", 4, 3);
  const std::vector<Finding> ordered = in_order(
      {found("negative_bias", "dense_1", 0.2, {1, 4}), found("dead_units", "dense_1", 0.3, {1, 2, 4})},
      network);
  EXPECT_THAT(names_of(ordered), ElementsAre("dead_units in dense_1"));
  EXPECT_THAT(ordered[0].why, testing::HasSubstr("biases"));
  EXPECT_EQ(
      in_order({found("negative_bias", "dense_1", 0.2, {1, 5}), found("dead_units", "dense_1", 0.3, {1})},
               network)
          .size(),
      2u);
}

TEST(FindingKinds, EveryKindHasItsWords) {
  const std::vector<FindingKind> kinds = finding_kinds();
  EXPECT_GE(kinds.size(), 20u);
  for (const FindingKind& kind : kinds) {
    const Finding finding = make_finding({.kind = kind.name, .where = "x", .what = "y"});
    EXPECT_EQ(finding.kind, kind.name);
    EXPECT_TRUE(finding.why.ends_with('.') && finding.remedy.ends_with('.')) << kind.name;
    EXPECT_FALSE(kind.help.empty());
  }
}

}  // namespace
}  // namespace halfwave
