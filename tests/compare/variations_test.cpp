// Lost if these fail: comparisons of something else than what was asked for, or a mistyped name that is found
// after an hour of training.
#include <gmock/gmock.h>
#include <halfwave/compare.h>

#include "train/train_testing.h"

namespace halfwave {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(Variation, IsAnOptionAndItsValues) {
  const auto values = [](const char* text) { return parse_variation(text).values; };
  EXPECT_EQ(parse_variation("activation=relu,tanh").option, "activation");
  EXPECT_THAT(values("activation=relu, leaky_relu 0.2 ,tanh"), ElementsAre("relu", "leaky_relu 0.2", "tanh"));
  EXPECT_THAT(values("hidden=64,128"), ElementsAre("64", "128"));
  EXPECT_THAT(values("hidden=64,64|256|none"), ElementsAre("64,64", "256", "none"));
  EXPECT_THAT(values("net=dense 64, relu, dense | dense 32, relu, dense"),
              ElementsAre("dense 64, relu, dense", "dense 32, relu, dense"));
  // What stands in brackets belongs together.
  EXPECT_THAT(values("net=dense 8, concat(dense 4 | dense 4), dense|residual(dense 6, relu), dense"),
              ElementsAre("dense 8, concat(dense 4 | dense 4), dense", "residual(dense 6, relu), dense"));
  EXPECT_EQ(parse_variation("learning_rate=0.1,0.01").option, "learning-rate");
  EXPECT_THAT(values("standardise=on,off"), ElementsAre("on", "off"));
}

TEST(Variation, OneValueWithCommasEndsInABar) {
  EXPECT_EQ(parse_variation("hidden=64,32|").values, (std::vector<std::string>{"64,32"}));
}

TEST(Variation, SaysWhatIsWrong) {
  const auto error = [](const char* text) {
    return error_of(ErrorKind::usage, [&] { parse_variation(text); });
  };
  EXPECT_THAT(error("activation"), HasSubstr("activation=relu,tanh"));
  EXPECT_THAT(error("activatoin=relu"), HasSubstr("Did you mean 'activation'"));
  EXPECT_THAT(error("activation=relu,tnah"), HasSubstr("tanh"));
  EXPECT_THAT(error("init=he_normal,xavier_norml"), HasSubstr("xavier_normal"));
  EXPECT_THAT(error("batch=32,0"), HasSubstr("--batch"));
  EXPECT_THAT(error("batch=32,x"), HasSubstr("--batch"));
  EXPECT_THAT(error("activation="), HasSubstr("empty"));
  EXPECT_THAT(error("activation=relu,,tanh"), HasSubstr("empty"));
  EXPECT_THAT(error("activation=relu,tanh,relu"), HasSubstr("twice"));
  EXPECT_THAT(error("clip=1,1.0"), HasSubstr("twice"));
  EXPECT_THAT(error("hidden=64,64"), HasSubstr("need bars between them"));
  EXPECT_THAT(error("batch=32,32"), Not(HasSubstr("bars")));
  for (const char* option : {"seed", "threads", "checkpoint", "every", "resume", "log-dir"})
    EXPECT_THAT(error((std::string(option) + "=1,2").c_str()), HasSubstr("cannot be compared"));
}

TEST(Variants, AreAllCombinationsTheLastRunningFastest) {
  TrainOptions base;
  base.batch = 17;
  const std::vector<Variation> over{parse_variation("activation=relu,tanh"),
                                    parse_variation("init=he_normal,xavier_normal"),
                                    parse_variation("clip=0,1")};
  const std::vector<Variant> variants = variants_over(base, over);
  ASSERT_EQ(variants.size(), 8u);
  EXPECT_EQ(variants[0].name, "relu, he_normal, clip 0");
  EXPECT_EQ(variants[1].name, "relu, he_normal, clip 1");
  EXPECT_EQ(variants[2].name, "relu, xavier_normal, clip 0");
  EXPECT_EQ(variants[7].name, "tanh, xavier_normal, clip 1");
  EXPECT_EQ(variants[7].options.activation, "tanh");
  EXPECT_EQ(variants[7].options.init, "xavier_normal");
  EXPECT_EQ(variants[7].options.clip, 1.0);
  EXPECT_EQ(variants[7].options.batch, 17);
}

TEST(Variants, AreCalledAsTheirValues) {
  const auto names = [](const char* text) {
    std::vector<std::string> found;
    const Variation variation = parse_variation(text);
    for (const Variant& variant : variants_over({}, std::span(&variation, 1))) found.push_back(variant.name);
    return found;
  };
  EXPECT_THAT(names("hidden=64,64|256"), ElementsAre("64,64", "256"));
  EXPECT_THAT(names("standardise=on,off"), ElementsAre("on", "off"));
  const std::vector<Variant> one = variants_over({}, {});
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one.front().name, "all");
}

TEST(Variants, OneOptionOnlyOnce) {
  const std::vector<Variation> over{parse_variation("activation=relu,tanh"),
                                    parse_variation("activation=gelu,silu")};
  EXPECT_THAT(error_of(ErrorKind::usage, [&] { variants_over({}, over); }), HasSubstr("twice"));
  const std::vector<Variation> unchecked{{"activation", {"relu", "no_such"}}};
  error_of(ErrorKind::usage, [&] { variants_over({}, unchecked); });
}

TEST(GoalTest, ErrorsFallToTheBoundAndAccuraciesRise) {
  EpochReport epoch;
  epoch.loss = 0.4;
  epoch.train_accuracy = 0.7;
  epoch.test_accuracy = 0.8;
  epoch.test_loss = 0.5;
  epoch.test_rmse = 2.0;
  const auto reached = [&](const char* text) { return parse_goal(text).reached(epoch); };
  EXPECT_TRUE(reached("train_error=0.3"));  // 1 - 0.7 is a hair more than 0.3
  EXPECT_FALSE(reached("train_error=0.29"));
  EXPECT_TRUE(reached("train_accuracy=0.7"));
  EXPECT_FALSE(reached("train_accuracy=0.71"));
  EXPECT_TRUE(reached("loss=0.4"));
  EXPECT_FALSE(reached("loss=0.39"));
  EXPECT_TRUE(reached("test_error=0.2"));
  EXPECT_FALSE(reached("test_error=0.19"));
  EXPECT_TRUE(reached("test_accuracy=0.8"));
  EXPECT_FALSE(reached("test_accuracy=0.81"));
  EXPECT_TRUE(reached("test_loss=0.5"));
  EXPECT_FALSE(reached("test_loss=0.49"));
  EXPECT_TRUE(reached("test_rmse=2"));
  EXPECT_FALSE(reached("test_rmse=1.9"));
}

TEST(GoalTest, SaysWhatIsWrong) {
  const auto error = [](const char* text) { return error_of(ErrorKind::usage, [&] { parse_goal(text); }); };
  EXPECT_THAT(error("train_error"), HasSubstr("train_error=0.25"));
  EXPECT_THAT(error("train_eror=0.2"), HasSubstr("Did you mean 'train_error'"));
  EXPECT_THAT(error("train_error=little"), HasSubstr("'little'"));
  EXPECT_THAT(error("train_error="), HasSubstr("--until"));
  EXPECT_THAT(error("train_error=0.2x"), HasSubstr("'0.2x'"));
  EXPECT_THAT(error("train_error=nan"), HasSubstr("'nan'"));
}

}  // namespace
}  // namespace halfwave
