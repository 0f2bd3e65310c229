#include "core/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

namespace halfwave {
namespace {

/// The continued fraction of I_x(a, b), which converges fast for x < (a + 1) / (a + b + 2).
double beta_fraction(double a, double b, double x) {
  constexpr int kMostTerms = 10000;
  constexpr double kTiny = 1e-300, kExact = 1e-15;
  const auto away_from_zero = [](double value) { return std::fabs(value) < kTiny ? kTiny : value; };
  double c = 1.0, d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0)), result = d;
  const auto multiply = [&](double numerator) {
    d = 1.0 / away_from_zero(1.0 + numerator * d);
    c = away_from_zero(1.0 + numerator / c);
    result *= c * d;
  };
  for (int term = 1; term <= kMostTerms; ++term) {
    const double m = term;
    multiply(m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m)));
    multiply(-(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0)));
    if (std::fabs(c * d - 1.0) < kExact) break;
  }
  return result;
}

}  // namespace

double mean_of(std::span<const double> numbers) {
  if (numbers.empty()) return 0.0;
  double sum = 0.0;  // counted from the first, so that the mean of equal numbers is that number
  for (const double x : numbers) sum += x - numbers.front();
  return numbers.front() + sum / static_cast<double>(numbers.size());
}

double variance_of(std::span<const double> numbers) {
  if (numbers.size() < 2) return 0.0;
  const double mean = mean_of(numbers);
  double squares = 0.0;
  for (const double x : numbers) squares += (x - mean) * (x - mean);
  return squares / static_cast<double>(numbers.size() - 1);
}

double incomplete_beta(double a, double b, double x) {
  if (x <= 0.0) return 0.0;
  if (x >= 1.0) return 1.0;
  const double factor =
      std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x));
  return x < (a + 1.0) / (a + b + 2.0) ? factor * beta_fraction(a, b, x) / a
                                       : 1.0 - factor * beta_fraction(b, a, 1.0 - x) / b;
}

double student_t_two_sided(double t, double degrees) {
  if (std::isinf(t)) return 0.0;
  // Near t = 0 the argument degrees / (degrees + t²) would round t away: the other tail keeps it.
  const double square = t * t;
  return square < degrees ? 1.0 - incomplete_beta(0.5, 0.5 * degrees, square / (degrees + square))
                          : incomplete_beta(0.5 * degrees, 0.5, degrees / (degrees + square));
}

double student_t_cdf(double t, double degrees) {
  const double tail = 0.5 * student_t_two_sided(t, degrees);
  return t < 0.0 ? tail : 1.0 - tail;
}

double student_t_quantile(double p, double degrees) {
  const double tail = 2.0 * std::min(p, 1.0 - p);  // of both sides
  double low = 0.0, high = 1.0;
  while (student_t_two_sided(high, degrees) > tail) low = std::exchange(high, 2.0 * high);
  for (;;) {
    const double middle = 0.5 * (low + high);
    if (middle <= low || middle >= high) return p < 0.5 ? -low : low;
    (student_t_two_sided(middle, degrees) > tail ? low : high) = middle;
  }
}

double WelchTest::half_width(double level) const {
  if (degrees == 0.0) return std::numeric_limits<double>::infinity();
  return error == 0.0 ? 0.0 : error * student_t_quantile(0.5 + 0.5 * level, degrees);
}

WelchTest welch_test(std::span<const double> a, std::span<const double> b) {
  WelchTest test{.difference = mean_of(a) - mean_of(b)};
  if (a.size() < 2 || b.size() < 2) return test;
  const auto n = static_cast<double>(a.size()), m = static_cast<double>(b.size());
  const double of_a = variance_of(a) / n, of_b = variance_of(b) / m, error = of_a + of_b;
  test.error = std::sqrt(error);
  if (error == 0.0) {
    test.degrees = n + m - 2.0;
    if (test.difference == 0.0) return test;
    test.t = std::copysign(std::numeric_limits<double>::infinity(), test.difference);
    test.p = 0.0;
    return test;
  }
  test.t = test.difference / test.error;
  test.degrees = error * error / (of_a * of_a / (n - 1.0) + of_b * of_b / (m - 1.0));
  test.p = student_t_two_sided(test.t, test.degrees);
  return test;
}

std::vector<double> holm(std::span<const double> p) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return p[i]; });
  std::vector<double> corrected(p.size());
  double least = 0.0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    least = std::max(least, std::min(1.0, static_cast<double>(p.size() - rank) * p[order[rank]]));
    corrected[order[rank]] = least;
  }
  return corrected;
}

}  // namespace halfwave
