// Lost if this fails: verdicts that call noise an improvement, or an improvement noise. The numbers are those
// of SciPy 1.17 (special.betainc, stats.t, stats.ttest_ind with equal_var=False), the rest are properties.
#include "core/statistics.h"

#include <gmock/gmock.h>

#include <cmath>

#include "core/random.h"

namespace halfwave {
namespace {

void expect_near(double found, double expected, double relative = 1e-11) {
  EXPECT_NEAR(found, expected, relative * std::fabs(expected)) << "expected " << expected;
}

TEST(StatisticsTest, IncompleteBetaIsSciPys) {
  struct Case {
    double a, b, x, value;
  };
  for (const Case& c :
       {Case{0.5, 0.5, 0.25, 0.33333333333333337}, Case{1, 1, 0.3, 0.3}, Case{2, 3, 0.5, 0.6875},
        Case{10, 0.5, 0.9, 0.15164090963470994}, Case{0.5, 50, 0.001, 0.24763098003462314},
        Case{50, 60, 0.4, 0.12470685834310022}, Case{500, 0.5, 0.999, 0.31731044730971725},
        Case{5000, 4000, 0.56, 0.8018651249503451}, Case{0.1, 0.2, 0.7, 0.7163269829958612},
        Case{1.5, 0.5, 1e-12, 4.244131815785148e-19}}) {
    SCOPED_TRACE(::testing::Message() << "I_" << c.x << "(" << c.a << ", " << c.b << ")");
    expect_near(incomplete_beta(c.a, c.b, c.x), c.value);
    expect_near(incomplete_beta(c.b, c.a, 1.0 - c.x), 1.0 - c.value, 1e-10);
  }
  EXPECT_EQ(incomplete_beta(2, 3, 0), 0.0);
  EXPECT_EQ(incomplete_beta(2, 3, 1), 1.0);
}

TEST(StatisticsTest, StudentsTIsSciPys) {
  struct Case {
    double t, degrees, cdf, two_sided;
  };
  for (const Case& c : {Case{0.5, 1, 0.6475836176504333, 0.7048327646991335},
                        Case{1, 2, 0.7886751345948129, 0.4226497308103742},
                        Case{-1, 2, 0.2113248654051871, 0.4226497308103742},
                        Case{2.5, 3.7, 0.9640889885440866, 0.07182202291182678},
                        Case{-4.3, 2.0, 0.025028577058545796, 0.05005715411709159},
                        Case{1e-9, 5, 0.5000000003796067, 0.9999999992407866},
                        Case{12.7, 4, 0.9998892954642246, 0.00022140907155096572},
                        Case{60, 2.2, 0.9999298102727496, 0.00014037945450067068},
                        Case{-30, 40, 2.4254538302951023e-29, 4.8509076605902047e-29},
                        Case{1.96, 1e6, 0.9750019662073651, 0.04999606758526985},
                        Case{2.776445105, 4, 0.9749999999949402, 0.05000000001011946}, Case{0, 7, 0.5, 1.0},
                        Case{1e8, 3, 1.0, 2.2053155816871666e-24}}) {
    SCOPED_TRACE(::testing::Message() << "t = " << c.t << ", " << c.degrees << " degrees of freedom");
    const double exact = c.degrees < 1e5 ? 1e-11 : 1e-8;  // lgamma(5e5) has 15 digits, its differences fewer
    expect_near(student_t_cdf(c.t, c.degrees), c.cdf, exact);
    expect_near(student_t_two_sided(c.t, c.degrees), c.two_sided, exact);
    expect_near(student_t_two_sided(-c.t, c.degrees), c.two_sided, exact);
  }
  EXPECT_EQ(student_t_two_sided(std::numeric_limits<double>::infinity(), 3), 0.0);
}

TEST(StatisticsTest, QuantilesAreSciPys) {  // stats.t.ppf
  struct Case {
    double p, degrees, t;
  };
  for (const Case& c : {Case{0.975, 1, 12.706204736174694}, Case{0.975, 2.2, 3.948720749712723},
                        Case{0.975, 4, 2.7764451051977934}, Case{0.975, 7.63, 2.3256144907932037},
                        Case{0.995, 30.5, 2.746967063704737}, Case{0.6, 3, 0.2766706623326898},
                        Case{0.025, 5.5, -2.501858617589239}, Case{0.9999, 8, 6.441999821020496}}) {
    SCOPED_TRACE(::testing::Message() << c.p << " of " << c.degrees << " degrees of freedom");
    expect_near(student_t_quantile(c.p, c.degrees), c.t);
    expect_near(student_t_quantile(1.0 - c.p, c.degrees), -c.t);
    expect_near(student_t_cdf(student_t_quantile(c.p, c.degrees), c.degrees), c.p);
  }
  EXPECT_NEAR(student_t_quantile(0.975, 1e5), 1.9599877075346095, 1e-8);
  EXPECT_EQ(student_t_quantile(0.5, 3), 0.0);
}

// Such an interval holds the true difference in 95 of 100 cases.
TEST(StatisticsTest, IntervalsHoldTheDifferenceAsOftenAsTheySay) {
  constexpr int kCases = 2000;
  Random random(2, stream_id(Stream::data, 77));
  int held = 0;
  for (int i = 0; i < kCases; ++i) {
    std::vector<double> a(5), b(7);
    for (double& x : a) x = random.normal() + 0.7;
    for (double& x : b) x = 2.0 * random.normal();
    const WelchTest test = welch_test(a, b);
    held += std::fabs(test.difference - 0.7) <= test.half_width() ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(held) / kCases, 0.95, 0.015);
}

TEST(StatisticsTest, IntervalsOfNothingAndOfNoVariance) {
  EXPECT_EQ(welch_test(std::vector<double>{1}, std::vector<double>{1, 2}).half_width(),
            std::numeric_limits<double>::infinity());
  EXPECT_EQ(welch_test(std::vector<double>{1, 1}, std::vector<double>{1, 1}).half_width(), 0.0);
  EXPECT_EQ(welch_test(std::vector<double>{3, 3}, std::vector<double>{1, 1}).half_width(), 0.0);
}

TEST(StatisticsTest, WelchsTestIsSciPys) {
  const std::vector<double> a{27.5, 21,   19,   23.6, 17, 17.9, 16.9, 20.1,
                              21.9, 22.6, 23.1, 19.6, 19, 21.7, 21.4},
      b{27.1, 22, 20.8, 23.4, 23.4, 23.5, 25.8, 22, 24.8, 20.2, 21.9, 22.1, 22.9, 30.5, 25.9};
  const WelchTest large = welch_test(a, b);
  expect_near(large.t, -2.923180155065964);
  expect_near(large.degrees, 27.951299488441137);
  expect_near(large.p, 0.006793704406343349);
  expect_near(large.difference, mean_of(a) - mean_of(b));

  const WelchTest unequal = welch_test(std::vector<double>{1, 2, 3, 4, 5}, std::vector<double>{2, 3, 9, 4});
  expect_near(unequal.t, -0.8783100656536799);
  expect_near(unequal.degrees, 4.233870967741936);
  expect_near(unequal.p, 0.42680027769901047);

  const WelchTest one_without_variance =
      welch_test(std::vector<double>{0.1, 0.1, 0.1}, std::vector<double>{0.9, 0.91, 0.93});
  expect_near(one_without_variance.t, -92.22333141425136);
  expect_near(one_without_variance.degrees, 2.0);
  expect_near(one_without_variance.p, 0.00011755518836850315);
}

TEST(StatisticsTest, WelchsTestWithoutVarianceIsCertainAndWithoutNumbersSilent) {
  const std::vector<double> tenth{0.1, 0.1, 0.1}, seventh{0.7, 0.7, 0.7}, one{0.3};
  EXPECT_EQ(variance_of(tenth), 0.0) << "the mean of equal numbers must be that number";
  EXPECT_EQ(welch_test(tenth, tenth).p, 1.0);
  EXPECT_EQ(welch_test(tenth, seventh).p, 0.0);
  EXPECT_LT(welch_test(tenth, seventh).difference, 0.0);
  EXPECT_EQ(welch_test(tenth, one).p, 1.0);
  EXPECT_EQ(welch_test(one, {}).p, 1.0);
  EXPECT_EQ(mean_of({}), 0.0);
}

// Where there is no difference, the test must find one in a share alpha of all cases.
TEST(StatisticsTest, WelchsTestErrsAsOftenAsItSays) {
  constexpr int kCases = 4000;
  Random random(1, stream_id(Stream::data, 77));
  int found = 0;
  for (int i = 0; i < kCases; ++i) {
    std::vector<double> a(6), b(9);
    for (double& x : a) x = random.normal();
    for (double& x : b) x = 3.0 * random.normal();
    found += welch_test(a, b).p < 0.05 ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(found) / kCases, 0.05, 0.015);
}

TEST(StatisticsTest, HolmsCorrection) {
  // Holm's steps by hand: 0.01 · 4, 0.02 · 3, max(0.06, 0.03 · 2), 0.2 · 1.
  EXPECT_THAT(holm(std::vector<double>{0.03, 0.01, 0.2, 0.02}),
              ::testing::ElementsAre(::testing::DoubleEq(0.06), ::testing::DoubleEq(0.04),
                                     ::testing::DoubleEq(0.2), ::testing::DoubleEq(0.06)));
  EXPECT_THAT(holm(std::vector<double>{0.7, 0.9}), ::testing::ElementsAre(1.0, 1.0));
  EXPECT_THAT(holm(std::vector<double>{0.04}), ::testing::ElementsAre(0.04));
  EXPECT_TRUE(holm({}).empty());
}

}  // namespace
}  // namespace halfwave
