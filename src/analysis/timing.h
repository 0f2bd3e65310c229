#pragma once
#include <ctime>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

namespace halfwave {

/// Seconds that have passed.
struct WallClock {
  static double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  }
};

/// Seconds that this thread has run: the time in which the system gave its processor to others does not
/// count. Takes some hundred nanoseconds to read.
struct ThreadClock {
  static double now() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  }
};

template <class Clock = WallClock>
class Stopwatch {
 public:
  double seconds() const { return Clock::now() - start_; }

 private:
  double start_ = Clock::now();
};

/// The middle number; of an even count the upper of the two. numbers must not be empty.
inline double median(std::vector<double> numbers) {
  const auto middle = numbers.begin() + static_cast<std::ptrdiff_t>(numbers.size() / 2);
  std::nth_element(numbers.begin(), middle, numbers.end());
  return *middle;
}

/// Seconds of one call of body, over `calls` calls.
template <class Clock = WallClock, class Body>
double seconds_per_call(std::size_t calls, Body&& body) {
  const Stopwatch<Clock> watch;
  for (std::size_t i = 0; i < calls; ++i) body();
  return watch.seconds() / static_cast<double>(calls);
}

/// How many calls of body fill that many seconds. Warms its memory and the processor up on the way.
template <class Body>
std::size_t calls_for(double seconds, Body&& body) {
  for (std::size_t calls = 1;; calls *= 2) {
    const double each = seconds_per_call(calls, body);
    if (each * static_cast<double>(2 * calls) >= seconds)
      return std::max<std::size_t>(1, static_cast<std::size_t>(seconds / each));
  }
}

/// Two ways to do the same, timed in turn.
struct PairedTimes {
  double first, second;  ///< seconds; medians
  double ratio;          ///< of first to second; median of the ratios of neighbours in time
};

/// What slows a machine for a while slows two neighbours alike: the median of their ratios stands where
/// medians of times would not. Goes on for about `seconds`, at least five rounds.
template <class Clock, class First, class Second>
PairedTimes time_in_turn(double seconds, First&& first, Second&& second) {
  constexpr double kLeast = 5e-5;  // a turn: a thousand times what the clock resolves
  constexpr std::size_t kRounds = 5;
  const std::size_t first_calls = calls_for(kLeast, first), second_calls = calls_for(kLeast, second);
  std::vector<double> firsts, seconds_of, ratios;
  for (const Stopwatch<> watch; ratios.size() < kRounds || watch.seconds() < seconds;) {
    firsts.push_back(seconds_per_call<Clock>(first_calls, first));
    seconds_of.push_back(seconds_per_call<Clock>(second_calls, second));
    ratios.push_back(firsts.back() / seconds_of.back());
  }
  return {median(firsts), median(seconds_of), median(ratios)};
}

}  // namespace halfwave
