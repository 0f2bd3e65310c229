#pragma once
#include <span>
#include <vector>

namespace halfwave {

/// Arithmetic mean; 0 of no numbers.
double mean_of(std::span<const double> numbers);
/// Sample variance, by n - 1; 0 of fewer than two numbers.
double variance_of(std::span<const double> numbers);

/// The regularised incomplete beta function I_x(a, b), for a, b > 0 and x in [0, 1], by the continued
/// fraction DLMF 8.17.22 (Lentz's method). Relative error about 1e-14 times the size of a + b.
double incomplete_beta(double a, double b, double x);

/// P(|T| >= |t|) for Student's t with so many degrees of freedom (> 0, need not be whole); small tails are as
/// exact as large ones.
double student_t_two_sided(double t, double degrees);
/// P(T <= t).
double student_t_cdf(double t, double degrees);
/// The t with P(T <= t) = p, for p in (0, 1).
double student_t_quantile(double p, double degrees);

/// Whether two samples have the same mean, where their variances may differ (Welch 1947).
struct WelchTest {
  double difference = 0;  ///< mean of a - mean of b
  double error = 0;       ///< standard error of the difference
  double t = 0;
  double degrees = 0;  ///< by Welch and Satterthwaite; 0: a sample has fewer than two numbers
  double p = 1;        ///< two-sided

  /// Half the width of the interval around `difference` that holds the true one with this probability;
  /// infinite where nothing can be told.
  double half_width(double level = 0.95) const;
};
/// Where a sample has fewer than two numbers nothing can be told: p = 1. Two samples without any variance
/// differ for certain or not at all: p is 0 or 1.
WelchTest welch_test(std::span<const double> a, std::span<const double> b);

/// p-values of several tests as they are after Holm's correction (1979): to reject those below alpha keeps
/// the chance of any wrong rejection below alpha. In the order given.
std::vector<double> holm(std::span<const double> p);

}  // namespace halfwave
