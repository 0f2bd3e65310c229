// Lost if this fails: remedies that mend what inspect finds, verdicts that can be believed, and the promise
// that no network comes out worse than it went in.
#include <gmock/gmock.h>
#include <halfwave/heal.h>

#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "analysis/network_edit.h"
#include "analysis/planted_faults.h"
#include "analysis/remedies.h"
#include "graph/read_line.h"
#include "io/split.h"
#include "layers/operators.h"
#include "train/train_testing.h"

namespace halfwave {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Inspection with(std::vector<Finding> findings) {
  Inspection inspection;
  inspection.findings = std::move(findings);
  return inspection;
}
Finding finding(const std::string& kind, const std::string& where, std::vector<std::size_t> units = {},
                double weight = 0.9) {
  Finding made;
  made.kind = kind;
  made.where = where;
  made.units = std::move(units);
  made.weight = weight;
  return made;
}

HealOptions quick() {
  HealOptions options;
  options.epochs = 4;
  options.batch = 16;
  options.learning_rate = 0.01;
  options.threads = 1;
  return options;
}

Model trained(const std::string& net, const Dataset& data = clouds()) {
  TrainOptions options = small_options();
  options.net = net;
  return train(data, options).model;
}

std::vector<std::string> names(const Healing& healing) {
  std::vector<std::string> all;
  for (const Remedy& remedy : healing.remedies) all.push_back(remedy.name);
  return all;
}

const RemedyKind& remedy_kind(std::string_view name) {
  return *std::ranges::find(remedy_kinds(), name, &RemedyKind::name);
}

/// What a remedy makes of a model, before any training.
Variant applied(std::string_view name, const Model& model, const std::vector<Finding>& findings,
                const Dataset& data = clouds()) {
  TrainOptions options = small_options();
  RemedyCase its{model.parts(), data, options, {}, 5};
  for (const Finding& one : findings) its.findings.push_back(&one);
  return remedy_kind(name).apply(its).value();
}

std::vector<float> predictions(const Model& model, const Dataset& data = clouds()) {
  return model.predict(data.test, 1);
}
void expect_near(const std::vector<float>& a, const std::vector<float>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-4) << "number " << i;
}

TEST(RemedyTest, EveryKindThatOneAnswersIsAKindOfFinding) {
  std::set<std::string> kinds;
  for (const FindingKind& kind : finding_kinds()) kinds.emplace(kind.name);
  std::set<std::string> remedy_names;
  for (const RemedyInfo& remedy : remedies()) {
    EXPECT_TRUE(remedy_names.insert(remedy.name).second) << remedy.name << " is there twice";
    EXPECT_FALSE(remedy.help.empty());
    for (const std::string& kind : remedy.answers) EXPECT_THAT(kinds, Contains(kind)) << remedy.name;
  }
}

TEST(RemedyTest, TheDocumentationHasThemAsDeclared) {
  std::ifstream file(HALFWAVE_SOURCE_DIR "/docs/inspect.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_TRUE(text.find(remedy_table_markdown()) != std::string::npos) << "docs/inspect.md needs:\n"
                                                                       << remedy_table_markdown();
}

TEST(RemedyTest, RenewedDeadUnitsChangeNothingAtFirst) {
  for (const char* net : {"dense 16, relu, dense", "dense 16, relu, dense 8, relu, dense",
                          "dense 12, relu, residual(dense 16, relu, dense 12), dense"}) {
    SCOPED_TRACE(net);
    Model model = trained(net);
    const std::string layer = std::string(net).starts_with("dense 12") ? "dense_2" : "dense_1";
    kill_units(layer, 4, 3)(model.parts().network);
    const std::vector<float> before = predictions(model);
    const Variant variant = applied("renew_units", model, {finding("dead_units", layer, {0, 3, 6, 9})});
    expect_near(predictions(Model(variant.start)), before);
    EXPECT_EQ(variant.what, "4 units of " + layer + " begin anew");

    const Network &was = model.parts().network, &now = variant.start->network;
    const std::vector<float> bias = now.get(tensor_named(now, layer + ".bias")),
                             old_bias = was.get(tensor_named(was, layer + ".bias"));
    for (std::size_t unit = 0; unit < 16; ++unit) {
      if (unit % 3 == 0 && unit <= 9)
        EXPECT_FLOAT_EQ(bias[unit], 0.01f);
      else
        EXPECT_EQ(bias[unit], old_bias[unit]) << "unit " << unit << " was none of them";
    }
  }
}

TEST(RemedyTest, RenewedDuplicatesLeaveTheirTwinTheirWork) {
  Model model = trained("dense 16, relu, dense");
  Network& network = model.parts().network;
  const NetworkTensor &weight = tensor_named(network, "dense_1.weight"),
                      &bias = tensor_named(network, "dense_1.bias");
  std::vector<float> w = network.get(weight), b = network.get(bias);
  for (const std::size_t copy : {5u, 7u}) {  // unit 5 = 2 · unit 2, unit 7 = 0.5 · unit 2
    const float times = copy == 5u ? 2.0f : 0.5f;
    for (std::size_t i = 0; i < 6; ++i) w[i * 16 + copy] = times * w[i * 16 + 2];
    b[copy] = times * b[2];
  }
  network.set(weight, w);
  network.set(bias, b);
  const std::vector<float> before = predictions(model);
  const Variant variant = applied("renew_units", model, {finding("duplicate_units", "dense_1", {5, 7})});
  expect_near(predictions(Model(variant.start)), before);
  const std::vector<float> now = variant.start->network.get(weight);
  EXPECT_NE(now[5], w[5]);
}

TEST(RemedyTest, AChannelOfAConvolutionIsAUnit) {
  Dataset data = load_dataset("mnist1d");
  TrainOptions options = planted_options("conv 8 5, batch_norm, relu, flatten, dense 16, relu, dense", 1);
  const Model model = train(data, options).model;
  Network& network = model.parts().network;
  const NetworkTensor& bias = tensor_named(network, "batch_norm_1.bias");
  std::vector<float> b = network.get(bias);
  b[3] = -100.0f;
  network.set(bias, b);
  const std::vector<float> before = predictions(model, data);
  const Variant variant = applied("renew_units", model, {finding("dead_units", "conv_1", {3})}, data);
  EXPECT_EQ(variant.start->network.get(bias)[3], 0.0f) << "its batch norm keeps it dead";
  expect_near(predictions(Model(variant.start), data), before);
}

TEST(RemedyTest, ChangesTheNetworkLineAndKeepsTheOtherNumbers) {
  struct Case {
    const char *remedy, *net, *kind, *where, *line;
  };
  for (const Case& c : {
           Case{"remove_layer", "dense 8, relu, dense, softmax, softmax", "double_softmax", "softmax_2",
                "dense 8, relu, dense 3, softmax"},
           Case{"remove_layer", "dense 8, sigmoid, relu, dense", "sigmoid_before_relu", "relu_1",
                "dense 8, relu, dense 3"},
           Case{"remove_layer", "dense 8, relu, dense, relu", "output_range", "relu_2",
                "dense 8, relu, dense 3"},
           Case{"insert_activation", "dense 8, dense", "linear_pair", "dense_2", "dense 8, relu, dense 3"},
           Case{"switch_activation", "dense 8, relu, residual(dense 8, tanh, dense 8), relu, dense",
                "saturated_units", "dense_2",
                "dense 8, relu, residual(dense 8, relu, dense 8), relu, dense 3"},
           Case{"switch_activation", "dense 8, relu, dense 8, relu, dense", "vanishing_gradient", "dense_1",
                "dense 8, leaky_relu, dense 8, leaky_relu, dense 3"},
           Case{"batch_norm", "dense 8, batch_norm, relu, residual(dense 8, relu), dense, softmax",
                "always_on_units", "dense_2",
                "dense 8, batch_norm, relu, residual(dense 8, batch_norm, relu), dense 3, softmax"},
       }) {
    SCOPED_TRACE(c.net);
    const Model model = trained(c.net);
    const std::vector<std::size_t> units =
        std::string(c.kind).ends_with("units") ? std::vector<std::size_t>{1} : std::vector<std::size_t>{};
    const Variant variant = applied(c.remedy, model, {finding(c.kind, c.where, units)});
    EXPECT_EQ(variant.start->network.line(), c.line);
    const Network &was = model.parts().network, &now = variant.start->network;
    const std::string last = std::string(c.net).find("residual(dense 8, tanh") != std::string::npos
                                 ? "dense_4"
                             : std::string(c.net).find(", dense 8,") != std::string::npos ||
                                     std::string(c.net).find("residual") != std::string::npos
                                 ? "dense_3"
                                 : "dense_2";
    EXPECT_EQ(now.get(tensor_named(now, last + ".weight")), was.get(tensor_named(was, last + ".weight")));
  }
}

TEST(RemedyTest, WeightsForASigmoidAreDrawnAnewForARelu) {
  const Model model = trained("dense 8, sigmoid, dense 8, relu, dense");
  const Variant variant = applied("switch_activation", model, {finding("saturated_units", "dense_1", {0})});
  const Network &was = model.parts().network, &now = variant.start->network;
  EXPECT_NE(now.get(now.tensors()[0]), was.get(was.tensors()[0]));
  EXPECT_EQ(now.get(now.tensors()[2]), was.get(was.tensors()[2]));
}

TEST(RemedyTest, InputsAreStandardisedOnlyWhereTheyAreRaw) {
  const Dataset data = clouds();
  TrainOptions options = small_options();
  for (const bool standardised : {true, false}) {
    options.standardise = standardised;
    const Model model = train(data, options).model;
    const Finding found = finding("saturated_units", "dense_1", {0});
    const TrainOptions rate = small_options();
    const RemedyCase its{model.parts(), data, rate, {&found}, 0};
    EXPECT_EQ(remedy_kind("standardise_inputs").apply(its).has_value(), !standardised);
  }
}

TEST(HealTest, TriesWhatFitsTheHeaviestFindingFirst) {
  const Dataset data = clouds();
  const Model model = trained("dense 16, relu, dense");
  const Healing healing = heal(
      model, data,
      with({finding("always_on_units", "dense_1", {1}, 0.8), finding("learning_rate_too_high", "", {}, 0.5),
            finding("linear_pair", "dense_2", {}, 0.05)}),
      quick());
  EXPECT_THAT(names(healing), ElementsAre("renew_units", "batch_norm", "start_anew", "lower_rate"))
      << "no remedy for a remark, none that no finding asks for";
  EXPECT_EQ(healing.remedies[2].finding, "learning_rate_too_high");
  EXPECT_EQ(healing.train + healing.validation, data.train.count);
  for (const Remedy& remedy : healing.remedies) {
    SCOPED_TRACE(remedy.name);
    EXPECT_THAT(remedy.scores, SizeIs(3));
    EXPECT_THAT(remedy.test_scores, SizeIs(3));
    EXPECT_NEAR(remedy.gain, remedy.mean - healing.baseline.mean, 1e-12);
    EXPECT_TRUE(remedy.p >= 0.0 && remedy.p <= 1.0);
    EXPECT_FALSE(remedy.what.empty());
  }
}

TEST(HealTest, WithoutFindingsOfWeightNothingIsTried) {
  const Healing healing =
      heal(trained("dense 16, relu, dense"), clouds(),
           with({finding("dead_units", "dense_1", {1}, 0.05), finding("unused_nodes", "x")}), quick());
  EXPECT_THAT(healing.remedies, IsEmpty());
  EXPECT_FALSE(healing.model);
  EXPECT_THAT(healing.verdict, HasSubstr("nothing was tried"));
}

TEST(HealTest, IsTheSameEachTime) {
  const Model model = trained("dense 16, relu, dense");
  const Inspection inspection = with({finding("dead_units", "dense_1", {1, 2})});
  const Healing first = heal(model, clouds(), inspection, quick()),
                second = heal(model, clouds(), inspection, quick());
  EXPECT_EQ(first.baseline.scores, second.baseline.scores);
  for (std::size_t i = 0; i < first.remedies.size(); ++i)
    EXPECT_EQ(first.remedies[i].scores, second.remedies[i].scores);
}

TEST(HealTest, TheModelThatIsGivenIsLeftAlone) {
  const Model model = trained("dense 16, relu, dense");
  const std::vector<float> before = predictions(model);
  heal(model, clouds(), with({finding("dead_units", "dense_1", {1, 2}), finding("not_learned", "")}),
       quick());
  EXPECT_EQ(predictions(model), before);
}

// A trained network, and findings that are not true of it: whatever is tried must not make it worse.
TEST(HealTest, NothingIsKeptThatIsWorseThanWhatWasGiven) {
  const Dataset data = clouds();
  TrainOptions options = small_options();
  options.epochs = 30;
  const Model model = train(data, options).model;
  HealOptions bad = quick();
  bad.learning_rate = 0.5;  // training alone does harm: some remedy may well be better than that
  for (const char* kind : {"dead_units", "he_missing", "learning_rate_too_high", "saturated_units"}) {
    const Healing healing = heal(model, data, with({finding(kind, "dense_1", {0, 1, 2})}), bad);
    EXPECT_THAT(healing.remedies, ::testing::Not(IsEmpty()));
    if (healing.model) {
      EXPECT_GE(healing.healed_score, healing.score) << kind;
      EXPECT_NEAR(evaluate(*healing.model, data.test, 1).accuracy, healing.healed_test_score, 1e-12);
    }
  }
}

TEST(HealTest, StopsWhenAskedAndKeepsNothing) {
  struct Impatient final : HealObserver {
    void step(const HealProgress& progress) override { last = progress; }
    bool stop_requested() override { return last.run >= 4; }
    HealProgress last;
  } observer;
  const Healing healing = heal(trained("dense 16, relu, dense"), clouds(),
                               with({finding("dead_units", "dense_1", {1})}), quick(), &observer);
  EXPECT_TRUE(healing.interrupted);
  EXPECT_FALSE(healing.model);
  EXPECT_EQ(observer.last.run, 4);
  EXPECT_GT(observer.last.runs, 4);
  EXPECT_FALSE(observer.last.remedy.empty());
}

TEST(RemedyTest, UnitsOfAnActivationAreThoseOfTheLayerBeforeIt) {
  const Model model = trained("dense 16, sigmoid, relu, dense");
  const Finding of_sigmoid = finding("dead_units", "sigmoid_1", {1}),
                of_relu = finding("dead_units", "relu_1", {1}),
                of_none = finding("dead_units", "conv_7", {1});
  EXPECT_EQ(applied("renew_units", model, {of_sigmoid}).what, "1 unit of dense_1 begins anew");
  const TrainOptions options = small_options();
  const Dataset data = clouds();
  for (const Finding* one : {&of_relu, &of_none}) {
    const RemedyCase its{model.parts(), data, options, {one}, 0};
    EXPECT_FALSE(remedy_kind("renew_units").apply(its)) << one->where << ": another activation is in between";
  }
}

TEST(HealTest, NeedsLabels) {
  Dataset data = clouds();
  data.train.labels.clear();
  EXPECT_THAT(
      error_of(ErrorKind::input, [&] { heal(trained("dense 4, relu, dense"), data, with({}), quick()); }),
      HasSubstr("'clouds' has no labels"));
}

TEST(HealTest, NamesALayerThatCannotBeTrained) {
  auto region = std::make_shared<OperatorRegion>();
  region->output = Shape::row(3);
  region->reason = "node 'odd' (NonZero, opset 13): its shape depends on the numbers.";
  NetworkLine line = read_network_line("dense 3");
  line.items.push_back({make_operators(region), {}});
  const Model plain = trained("dense 3");
  const Model model(with_network(plain.parts(), Network(std::move(line), Shape::row(6))));
  EXPECT_THAT(error_of(ErrorKind::usage, [&] { heal(model, clouds(), with({}), quick()); }),
              ::testing::AllOf(HasSubstr(model.parts().network.layer_name(1)), HasSubstr("node 'odd'")));
}

TEST(HealTest, ChecksItsOptions) {
  const Model model = trained("dense 4, relu, dense");
  for (const auto& [name, spoil] : std::map<std::string, std::function<void(HealOptions&)>>{
           {"--epochs", [](HealOptions& o) { o.epochs = 0; }},
           {"--seeds", [](HealOptions& o) { o.seeds = 1; }},
           {"--validation", [](HealOptions& o) { o.validation = 1.0; }}}) {
    HealOptions options = quick();
    spoil(options);
    EXPECT_THAT(error_of(ErrorKind::usage, [&] { heal(model, clouds(), with({}), options); }),
                HasSubstr(name));
  }
}

// What can be measured in seconds of the twelve planted faults, by the findings of inspect itself: the healed
// network against its healthy twin, trained as long on the same examples.
TEST(HealTest, MendsPlantedFaults) {
  constexpr double kPoints = 0.02;
  const std::set<std::string> some{
      "all of the last hidden layer dead", "duplicate units",     "always-on units",
      "ReLU on a regression output",       "sigmoid before ReLU", "learning rate too high"};
  std::size_t mended = 0;
  for (const Planted& planted : planted_faults()) {
    if (!some.contains(planted.name)) continue;
    SCOPED_TRACE(planted.name);
    const Dataset data = planted_data(planted);
    const Model faulty = faulty_model(planted, data), twin = healthy_model(planted, data);
    HealOptions options;
    options.epochs = 20;
    options.batch = planted.faulty.batch;
    options.learning_rate = planted.faulty.learning_rate;
    options.threads = 1;
    const Healing healing = heal(faulty, data, inspect(faulty, data.train, {.threads = 1}), options);
    ASSERT_TRUE(healing.model) << healing.verdict;
    EXPECT_GT(healing.healed_score, healing.score);

    Dataset part = data;
    part.test = {};
    split_off_test(part, options.validation, options.seed);
    TrainOptions further;
    further.epochs = options.epochs;
    further.batch = options.batch;
    further.learning_rate = planted.healthy.learning_rate;
    further.threads = 1;
    const double healthy = planted_score(train(part, further, nullptr, &twin).model, data);
    mended += healing.healed_test_score >= healthy - kPoints ? 1 : 0;
  }
  EXPECT_GE(mended, 4u) << "of " << some.size();
}

}  // namespace
}  // namespace halfwave
