#include "analysis/machine_speed.h"

#include <halfwave/bench.h>

#include <cstring>

#include "analysis/timing.h"
#include "core/aligned.h"
#include "core/processor.h"
#include "core/team.h"
#include "kernels/instruction_set.h"
#include "kernels/peak.h"

namespace halfwave {
namespace {

/// Bytes read and written a second by `threads` threads that copy `bytes` together; the best of several
/// tries.
double copy_speed(int threads, std::size_t bytes, double seconds) {
  const std::size_t floats = bytes / sizeof(float);
  const AlignedVector<float> from(floats, 1.0f);
  AlignedVector<float> to(floats);
  const auto copy = [&] {
    run_team(threads, [&](int thread, int all) {
      const Range mine = share(floats, thread, all, kLineFloats);
      std::memcpy(to.data() + mine.begin, from.data() + mine.begin, mine.size() * sizeof(float));
    });
  };
  constexpr double kLeast = 1e-4;
  const std::size_t calls = calls_for(kLeast, copy);
  double best = seconds_per_call(calls, copy);
  for (const Stopwatch<> watch; watch.seconds() < seconds;)
    best = std::min(best, seconds_per_call(calls, copy));
  return 2.0 * static_cast<double>(bytes) / best;
}

}  // namespace

int bench_threads(long long option) { return option > 0 ? static_cast<int>(option) : available_threads(); }

double multiply_add_peak(int threads, double seconds) {
  constexpr std::size_t kRounds = 200000;  // about half a millisecond
  double best = 0.0;
  const Stopwatch<> all;
  do {
    double operations = 0.0;
    const Stopwatch<> watch;
    run_team(threads, [&](int thread, int team) {
      const double mine = run_multiply_adds(kRounds);
      if (thread == 0) operations = mine * team;
    });
    best = std::max(best, operations / watch.seconds());
  } while (all.seconds() < seconds);
  return best;
}

MachineSpeed measure_machine(const BenchOptions& options) {
  constexpr std::size_t kInCache = std::size_t{16} << 10, kInMemory = std::size_t{256} << 20,
                        kInMemoryQuick = std::size_t{32} << 20;
  const double seconds = options.quick ? 0.02 : 0.3;  // of each figure
  MachineSpeed speed;
  speed.processor = processor_name();
  speed.instruction_set = instruction_set();
  speed.processors = available_threads();
  speed.threads = bench_threads(options.threads);
  speed.peak_one = multiply_add_peak(1, seconds);
  speed.peak_all = speed.threads > 1 ? multiply_add_peak(speed.threads, seconds) : speed.peak_one;
  speed.copy_in_cache = copy_speed(1, kInCache, seconds);
  speed.copy_in_memory = copy_speed(speed.threads, options.quick ? kInMemoryQuick : kInMemory, seconds);
  return speed;
}

}  // namespace halfwave
