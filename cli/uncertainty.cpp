#include "uncertainty.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace halfwave::cli {
namespace {

constexpr int kMostDecimals = 6;  // smaller figures are written with an exponent

std::string fixed(double number, int decimals, bool with_sign = false) {
  if (decimals > kMostDecimals)
    return with_sign ? fmt::format("{:+.2e}", number) : fmt::format("{:.2e}", number);
  const double step = std::pow(10.0, decimals), rounded = std::round(number * step) / step;
  if (rounded == 0.0) return fmt::format("{:.{}f}", 0.0, decimals);  // no "-0.0"
  return with_sign ? fmt::format("{:+.{}f}", rounded, decimals) : fmt::format("{:.{}f}", rounded, decimals);
}

}  // namespace

int decimals_for(double error) {
  constexpr double kTwoDigitsBelow = 3.545;  // the rule's 354, rounding included
  if (!(error > 0.0) || !std::isfinite(error)) return 0;
  const int exponent = static_cast<int>(std::floor(std::log10(error)));
  const int digits = error / std::pow(10.0, exponent) < kTwoDigitsBelow ? 2 : 1;
  return std::max(0, digits - 1 - exponent);
}

std::string mean_and_deviation(const Spread& spread, double unit, int decimals) {
  if (spread.count == 0) return "-";
  const double mean = spread.mean * unit, deviation = spread.deviation * unit;
  if (spread.count == 1 || !(deviation > 0.0)) return fixed(mean, decimals);
  const int shown = decimals_for(deviation);
  return fmt::format("{} ± {}", fixed(mean, shown), fixed(deviation, shown));
}

std::string time_and_deviation(const Spread& seconds) {
  constexpr double kMilliseconds = 1e3, kShort = 0.0995;
  constexpr int kDecimals = 2;
  if (seconds.count == 0) return "-";
  const bool is_short = seconds.mean < kShort;
  return mean_and_deviation(seconds, is_short ? kMilliseconds : 1.0, kDecimals) + (is_short ? " ms" : " s");
}

bool is_tested(const Difference& difference) {
  return std::isfinite(difference.low) && std::isfinite(difference.high);
}

std::string difference_text(const Difference& difference, double unit, int decimals) {
  const double mean = difference.mean * unit;
  if (!is_tested(difference)) return fixed(mean, decimals, true);
  const double low = difference.low * unit, high = difference.high * unit;
  constexpr double kIntervalToError = 4.0;  // about, for many runs: from one end to the other
  const int shown = high > low ? decimals_for((high - low) / kIntervalToError) : decimals;
  return fmt::format("{} ({} to {})", fixed(mean, shown, true), fixed(low, shown, true),
                     fixed(high, shown, true));
}

std::string p_text(const Difference& difference) {
  constexpr double kSmallest = 0.001, kThreeDecimals = 0.0995;
  if (!is_tested(difference)) return "-";
  if (difference.p < kSmallest) return "< 0.001";
  return difference.p < kThreeDecimals ? fmt::format("{:.3f}", difference.p)
                                       : fmt::format("{:.2f}", difference.p);
}

}  // namespace halfwave::cli
