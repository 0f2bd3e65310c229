#pragma once
#include <halfwave/compare.h>

#include <string>

namespace halfwave::cli {

// Figures with their errors, in as many digits as the error leaves them.

/// Decimals that a figure with this error is given with, by the rule of the Particle Data Group (Review of
/// Particle Physics, section 5.3): two digits of the error where it begins with 100 to 354, else one. Never
/// less than 0.
int decimals_for(double error);

/// "71.2 ± 0.8"; of a single run, or where all are equal, the mean alone; "-" of none. Everything is
/// multiplied by `unit`, e.g. 100 for percent; the mean alone has `decimals`.
std::string mean_and_deviation(const Spread& spread, double unit, int decimals);

/// A time in the unit that suits its mean: "12.3 ± 0.4 ms", "1.20 ± 0.11 s".
std::string time_and_deviation(const Spread& seconds);

/// "-1.3 (-2.4 to -0.2)": the mean and the 95 % interval, or the mean alone where there is none. A quarter of
/// the interval, about the standard error, decides the digits.
std::string difference_text(const Difference& difference, double unit, int decimals);

/// "0.26", "0.012", "< 0.001"; "-" where the difference has no interval.
std::string p_text(const Difference& difference);

/// Whether there were runs enough for interval and p.
bool is_tested(const Difference& difference);

}  // namespace halfwave::cli
