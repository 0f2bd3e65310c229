// Lost if this fails: a report of healing that says what was tried, what it gained and what became of the
// model, to people and to programs alike.
#include "heal_report.h"

#include <gmock/gmock.h>

namespace halfwave::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Remedy remedy(const std::string& name, std::vector<double> scores) {
  Remedy made;
  made.name = name;
  made.finding = "dead_units";
  made.what = "what " + name + " does";
  made.network = "dense 3";
  made.mean = (scores[0] + scores[1]) / 2;
  made.deviation = 0.0123;
  made.test_scores = {0.5, 0.75};
  made.scores = std::move(scores);
  return made;
}

Healing healing() {
  Healing made;
  made.score = 0.3125;
  made.test_score = 0.25;
  made.baseline = remedy("none", {0.375, 0.5});
  made.baseline.finding = "";
  made.remedies = {remedy("batch_norm", {0.75, 0.875}), remedy("start_anew", {0.25, 0.375})};
  made.remedies[0].gain = 0.375;
  made.remedies[0].p = 0.0213;
  made.remedies[0].kept = true;
  made.remedies[1].gain = -0.125;
  made.remedies[1].p = 0.00001;
  made.remedies[1].diverged = 1;
  made.healed_score = 0.875;
  made.verdict = "batch_norm is kept.";
  made.train = 3200;
  made.validation = 800;
  made.test = 1000;
  return made;
}

TEST(HealReportTest, TableOfWhatWasTried) {
  const std::string text = heal_text(healing(), 120);
  for (const char* part :
       {"3 seeds of 10 epochs", "3,200 examples", "800 others", "31.2 %", "25.0 %", "43.8 % ± 1.2", "+37.5",
        "0.021", "-12.5", "< 0.0001", "what batch_norm does (kept)", "1 of 2 runs diverged", "62.5 %",
        "batch_norm is kept."})
    EXPECT_THAT(text, HasSubstr(part)) << text;
  EXPECT_THAT(heal_text(healing(), 60), Not(HasSubstr(std::string(61, ' '))));
}

TEST(HealReportTest, WithoutATestPartThereAreNoScoresOfOne) {
  Healing untested = healing();
  untested.test = 0;
  for (Remedy* one : {&untested.baseline, &untested.remedies[0], &untested.remedies[1]})
    one->test_scores.clear();
  EXPECT_THAT(heal_text(untested, 120), Not(HasSubstr("test")));
  const auto json = heal_json(untested, "");
  EXPECT_TRUE(json["given"]["test_score"].is_null());
  EXPECT_TRUE(json["remedies"][0]["test_scores"].empty());
}

TEST(HealReportTest, NothingTried) {
  Healing none;
  none.verdict = "Nothing was tried.";
  EXPECT_EQ(heal_text(none, 80), "Nothing was tried.\n");
  const auto json = heal_json(none, "");
  EXPECT_TRUE(json["baseline"].is_null());
  EXPECT_TRUE(json["remedies"].empty());
  EXPECT_TRUE(json["healed"].is_null());
}

TEST(HealReportTest, InterruptedOnlySaysSo) {
  Healing stopped = healing();
  stopped.interrupted = true;
  stopped.remedies.back().scores.clear();  // in the middle of its runs
  EXPECT_EQ(heal_text(stopped, 80), "Healing was interrupted; the model stays as it is.\n");
  const auto json = heal_json(stopped, "");
  EXPECT_EQ(json["interrupted"], true);
  EXPECT_TRUE(json["remedies"].empty());
}

TEST(HealReportTest, Json) {
  const auto json = heal_json(healing(), "healed.onnx");
  EXPECT_EQ(json["options"]["epochs"], 10);
  EXPECT_EQ(json["options"]["learning_rate"], 0.0);
  EXPECT_EQ(json["given"]["score"], 0.3125);
  EXPECT_TRUE(json["baseline"]["finding"].is_null());
  ASSERT_EQ(json["remedies"].size(), 2u);
  const auto& first = json["remedies"][0];
  EXPECT_EQ(first["name"], "batch_norm");
  EXPECT_EQ(first["finding"], "dead_units");
  EXPECT_EQ(first["scores"], (std::vector<double>{0.75, 0.875}));
  EXPECT_EQ(first["mean"], 0.8125);
  EXPECT_EQ(first["std"], 0.0123);
  EXPECT_EQ(first["gain"], 0.375);
  EXPECT_EQ(first["p"], 0.0213);
  EXPECT_EQ(first["kept"], true);
  EXPECT_EQ(json["remedies"][1]["diverged"], 1);
  EXPECT_EQ(json["model"], "healed.onnx");
  EXPECT_EQ(json["verdict"], "batch_norm is kept.");
  EXPECT_TRUE(json["healed"].is_null()) << "the model itself is not in this one";
}

}  // namespace
}  // namespace halfwave::cli
