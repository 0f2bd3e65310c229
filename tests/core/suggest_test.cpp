// Lost if these fail: a mistyped name no longer shows the right one, or is answered with names nobody could
// have meant.
#include "core/suggest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

#include "core/random.h"

namespace halfwave {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::vector<std::string> kNames{"relu",    "leaky_relu", "prelu",    "relu6",    "elu",  "selu",
                                      "sigmoid", "softplus",   "softsign", "hardtanh", "tanh", "log_sigmoid"};

/// One random slip of the finger: a letter dropped, added or replaced.
std::string mistype(std::string name, Random& random) {
  const auto letter = static_cast<char>('a' + random.below(26));
  const std::size_t at = random.below(name.size());
  switch (random.below(3)) {
    case 0:
      return name.erase(at, 1);
    case 1:
      return name.insert(at, 1, letter);
    default:
      name[at] = letter;
      return name;
  }
}

TEST(NearNames, TheNameItselfComesFirst) {
  for (const std::string& name : kNames) EXPECT_EQ(near_names(name, kNames).front(), name);
}

TEST(NearNames, OneSlipInALongNameStillFindsIt) {
  Random random(1, 0);
  for (const std::string& name : kNames) {
    if (name.size() < 7) continue;  // shorter ones have several neighbours at the same distance
    for (int trial = 0; trial < 200; ++trial) {
      const std::string wrong = mistype(name, random);
      const std::vector<std::string> found = near_names(wrong, kNames);
      ASSERT_THAT(found, testing::Not(IsEmpty())) << wrong;
      ASSERT_EQ(found.front(), name) << wrong;
    }
  }
}

TEST(NearNames, OneSlipInALoneShortNameFindsItToo) {
  Random random(2, 0);
  const std::vector<std::string> lone{"tanh"};
  for (int trial = 0; trial < 200; ++trial) {
    const std::string wrong = mistype("tanh", random);
    ASSERT_EQ(near_names(wrong, lone), lone) << wrong;
  }
}

TEST(NearNames, GivesAtMostThreeDistinctCandidatesAndOnlyCandidates) {
  Random random(3, 0);
  for (int trial = 0; trial < 500; ++trial) {
    std::string wrong;
    for (std::uint64_t n = random.below(12); n > 0; --n) wrong += static_cast<char>('a' + random.below(26));
    std::vector<std::string> found = near_names(wrong, kNames);
    ASSERT_LE(found.size(), 3u) << wrong;
    for (const std::string& name : found) ASSERT_THAT(kNames, testing::Contains(name));
    std::sort(found.begin(), found.end());
    ASSERT_EQ(std::adjacent_find(found.begin(), found.end()), found.end()) << wrong;
  }
}

TEST(NearNames, CaseAndHyphenDoNotCount) {
  for (const std::string& name : kNames) {
    std::string shouted = name;
    for (char& c : shouted)
      c = c == '_' ? '-' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    EXPECT_EQ(near_names(shouted, kNames).front(), name) << shouted;
  }
}

TEST(NearNames, TheBeginningOfANameFindsIt) {
  for (const std::string start : {"soft", "SOFT"})
    EXPECT_THAT(near_names(start, kNames), ElementsAre("softplus", "softsign"));
  EXPECT_EQ(near_names("hard", kNames).front(), "hardtanh");
}

TEST(NearNames, NearerNamesComeBeforeFartherOnesAndTiesKeepTheirOrder) {
  const std::vector<std::string> names{"abcdXY", "abcdeX", "abcdef", "abcdeY"};
  EXPECT_THAT(near_names("abcdef", names), ElementsAre("abcdef", "abcdeX", "abcdeY"));
}

TEST(NearNames, NothingIsNearToNonsenseOrInAnEmptyList) {
  EXPECT_THAT(near_names("convolution", kNames), IsEmpty());
  EXPECT_THAT(near_names("", kNames), IsEmpty());
  EXPECT_THAT(near_names("relu", {}), IsEmpty());
}

TEST(NearNames, BytesOutsideAsciiAreHarmless) {
  EXPECT_THAT(near_names("r\xc3\xa9lu", kNames), testing::Contains("relu"));
  EXPECT_THAT(near_names(std::string(64, '\xff'), kNames), IsEmpty());
}

TEST(DidYouMean, IsASentenceThatContinuesAnother) {
  const std::vector<std::string> one{"alpha"}, two{"alpha", "alphb"}, three{"alpha", "alphb", "alphc"};
  EXPECT_EQ(did_you_mean("alpah", one), " Did you mean 'alpha'?");
  EXPECT_EQ(did_you_mean("alph", two), " Did you mean 'alpha' or 'alphb'?");
  EXPECT_EQ(did_you_mean("alph", three), " Did you mean 'alpha', 'alphb' or 'alphc'?");
  EXPECT_EQ(did_you_mean("convolution", three), "");
}

}  // namespace
}  // namespace halfwave
