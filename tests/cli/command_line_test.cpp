// Lost if this fails: every option that is declared has its flag, its check and its help; a wrong command
// line is answered with what is wrong and what was meant.
#include "command_line.h"

#include <gmock/gmock.h>
#include <halfwave/error.h>
#include <halfwave/train.h>

#include "command.h"

namespace halfwave::cli {
namespace {

using ::testing::HasSubstr;

/// A command line with one option of each type.
struct Sample {
  std::string data, text = "a", choice = "adam";
  bool on = true, off = false;
  double number = 0.5;
  std::int64_t count = 3;
  std::uint64_t seed = 0;
  std::vector<std::int64_t> list{1, 2};
  CommandLine line{"sample", "A sample."};

  Sample() {
    line.argument("DATA", data, "the data");
    line.group("Things");
    line.option(OptionInfo{"text", "some text"}, text);
    line.option(OptionInfo{.name = "optimiser", .help = "a choice", .choices = {"adam", "sgd"}}, choice);
    line.option(OptionInfo{"on", "a switch"}, on);
    line.option(OptionInfo{"off", "a switch"}, off);
    line.option(OptionInfo{"learning-rate", "a number", 0, 1}, number);
    line.option(OptionInfo{"count", "a count", 1, 10}, count);
    line.option(OptionInfo{"seed", "a seed"}, seed);
    line.option(OptionInfo{"hidden", "a list", 1, 100}, list);
  }
  bool parse(const std::vector<std::string>& words) { return line.parse(words); }
  std::string error(std::vector<std::string> words) {
    words.insert(words.begin(), "d");
    try {
      parse(words);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      return error.what();
    }
    ADD_FAILURE() << "accepted: " << ::testing::PrintToString(words);
    return "";
  }
};

TEST(CommandLine, EveryTypeIsRead) {
  Sample s;
  EXPECT_TRUE(s.parse({"--text", "b c", "--optimiser=sgd", "--no-on", "--off", "x.csv", "--learning-rate",
                       "1e-3", "--count", "10", "--seed", "18446744073709551615", "--hidden", "7,8,9"}));
  EXPECT_EQ(s.data, "x.csv");
  EXPECT_EQ(s.text, "b c");
  EXPECT_EQ(s.choice, "sgd");
  EXPECT_FALSE(s.on);
  EXPECT_TRUE(s.off);
  EXPECT_EQ(s.number, 1e-3);
  EXPECT_EQ(s.count, 10);
  EXPECT_EQ(s.seed, 18446744073709551615u);
  EXPECT_EQ(s.list, (std::vector<std::int64_t>{7, 8, 9}));
  EXPECT_TRUE(s.line.given("seed"));
}

TEST(CommandLine, WhatIsNotGivenStaysAsItWas) {
  Sample s;
  EXPECT_TRUE(s.parse({"d"}));
  EXPECT_EQ(s.text, "a");
  EXPECT_TRUE(s.on);
  EXPECT_FALSE(s.off);
  EXPECT_EQ(s.number, 0.5);
  EXPECT_EQ(s.list, (std::vector<std::int64_t>{1, 2}));
  EXPECT_FALSE(s.line.given("text"));
}

TEST(CommandLine, EmptyListsNegativeValuesAndRepetition) {
  for (const char* none : {"", "none"}) {
    Sample s;
    s.parse({"d", "--hidden", none, "--text", "-1", "--count", "2", "--count", "4", "--off", "--no-off"});
    EXPECT_FALSE(s.off);
    EXPECT_TRUE(s.list.empty());
    EXPECT_EQ(s.text, "-1");
    EXPECT_EQ(s.count, 4) << "the last one counts";
  }
}

TEST(CommandLine, AliasesAreTheSameOption) {
  Sample s;
  s.parse({"d", "--optimizer", "sgd", "--lr", "0.25"});
  EXPECT_EQ(s.choice, "sgd");
  EXPECT_EQ(s.number, 0.25);
  EXPECT_TRUE(s.line.given("optimiser"));
}

TEST(CommandLine, HelpIsNoError) {
  Sample s;
  EXPECT_FALSE(s.parse({"--help"}));
  EXPECT_FALSE(s.parse({"-h", "--unknown"}));
}

TEST(CommandLine, UnknownFlagsNameTheNearOnes) {
  EXPECT_THAT(Sample().error({"--cuont", "3"}), HasSubstr("Did you mean '--count'"));
  EXPECT_THAT(Sample().error({"--learning_rate=3"}), HasSubstr("'--learning-rate'"));
  EXPECT_THAT(Sample().error({"--no-onn"}), HasSubstr("'--no-on'"));
  EXPECT_THAT(Sample().error({"-z"}), HasSubstr("'-z'"));
}

TEST(CommandLine, WrongValuesSayWhatIsAllowed) {
  EXPECT_THAT(Sample().error({"--optimiser", "adma"}), HasSubstr("Did you mean 'adam'"));
  EXPECT_THAT(Sample().error({"--count", "11"}), HasSubstr("at most 10"));
  EXPECT_THAT(Sample().error({"--count", "0"}), HasSubstr("from 1 to 10"));
  EXPECT_THAT(Sample().error({"--hidden", "5,101"}), HasSubstr("at most 100"));
  for (const char* wrong : {"", "x", "1.5", "3 ", "0x3", "1e1", "99999999999999999999"})
    EXPECT_THAT(Sample().error({"--count", wrong}), HasSubstr("--count")) << wrong;
  for (const char* wrong : {"nan", "inf", "-0.1", "1.1", "0.5x", ""})
    EXPECT_THAT(Sample().error({"--learning-rate", wrong}), HasSubstr("--learning-rate")) << wrong;
  for (const char* wrong : {"1,", ",1", "1,,2", "a", "0"})
    EXPECT_THAT(Sample().error({"--hidden", wrong}), HasSubstr("--hidden")) << wrong;
  EXPECT_THAT(Sample().error({"--seed", "-1"}), HasSubstr("--seed"));
  EXPECT_THAT(Sample().error({"--off=3.5x"}), HasSubstr("--off"));
}

TEST(CommandLine, WhatFollowsTheNameOfAChoiceIsKept) {
  Sample s;
  EXPECT_TRUE(s.parse({"d", "--optimiser", "sgd 0.1"}));
  EXPECT_EQ(s.choice, "sgd 0.1");
  EXPECT_THAT(Sample().error({"--optimiser", "adma 0.1"}), HasSubstr("Did you mean 'adam'"));
  EXPECT_THAT(Sample().error({"--optimiser", " sgd"}), HasSubstr("' sgd'"));
}

TEST(CommandLine, MissingAndSurplusWords) {
  EXPECT_THAT(Sample().error({"--count"}), HasSubstr("--count needs a value"));
  EXPECT_THAT(Sample().error({"--text", "--count", "3"}), HasSubstr("--text needs a value"));
  EXPECT_THAT(Sample().error({"more"}), HasSubstr("'more' is one word too many"));
  Sample s;
  EXPECT_THROW(s.parse({"--count", "3"}), Error) << "DATA is missing";
}

TEST(CommandLine, TextOfAnOptionIsReadBack) {
  const OptionInfo info{"x", ""};
  double number = 0.1, number_back = 0;
  set_from_text(info, text_of(number), number_back);
  EXPECT_EQ(number, number_back);
  for (const std::vector<std::int64_t>& list : {std::vector<std::int64_t>{}, {1}, {512, 256, 1}}) {
    std::vector<std::int64_t> back{7};
    set_from_text(info, text_of(list), back);
    EXPECT_EQ(list, back);
  }
  for (const bool value : {false, true}) {
    bool back = !value;
    set_from_text(info, text_of(value), back);
    EXPECT_EQ(value, back);
  }
}

TEST(Train, EveryTrainOptionHasAFlagInHelpAndReference) {
  const std::unique_ptr<Command> command = make_train_command();
  const std::string help = command->line.help(100), reference = command->line.markdown();
  int options = 0;
  const TrainOptions defaults;
  TrainOptions::visit(defaults, [&](const OptionInfo& info, const auto&) {
    ++options;
    EXPECT_TRUE(help.find("--" + info.name) != std::string::npos ||
                help.find("--[no-]" + info.name) != std::string::npos)
        << info.name;
    EXPECT_THAT(reference, HasSubstr(info.name));
  });
  EXPECT_GT(options, 20);
  for (const char* heading :
       {"\nData\n", "\nNetwork\n", "\nTraining\n", "\nOptimiser\n", "\nSchedule\n", "\nRun\n", "\nOutput\n"})
    EXPECT_THAT(help, HasSubstr(heading));
}

}  // namespace
}  // namespace halfwave::cli
