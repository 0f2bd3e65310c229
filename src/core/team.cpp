#include "core/team.h"

#ifdef __linux__
#include <sched.h>
#endif

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <system_error>
#include <thread>

namespace halfwave {

int available_threads() {
#ifdef __linux__
  cpu_set_t mine;
  if (sched_getaffinity(0, sizeof mine, &mine) == 0) return std::max(1, CPU_COUNT(&mine));
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

namespace detail {
namespace {

void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// How long a thread looks for work before it sleeps, or for the end of the work before it offers its
/// processor to others: some fifty microseconds, longer than the pause between two passes of a training step.
constexpr int kSpins = 5000;

/// The one pool of threads. The tasks of a job are claimed one by one, by the caller as well: a worker that
/// the system does not let run in time costs nothing, because the caller then does that task too. On a
/// machine that is busy with other programs this is several times faster than a team in which each thread has
/// its share (docs/decisions.md).
class Pool {
 public:
  void run(int threads, int tasks, TaskBody body, void* context) {
    // Tasks inside tasks, another caller's, or more than the state has room for.
    if (tasks > kMostTasks || busy_.exchange(true, std::memory_order_acquire)) {
      for (int task = 0; task < tasks; ++task) body(context, task);
      return;
    }
    hire(threads - 1);
    body_ = body;
    context_ = context;
    left_.store(tasks, std::memory_order_relaxed);
    ++generation_;
    state_.store({generation_, static_cast<std::uint16_t>(tasks), 0}, std::memory_order_release);
    signal_.store(generation_, std::memory_order_release);
    signal_.notify_all();
    while (run_one_task()) {
    }
    for (int spins = 0; left_.load(std::memory_order_acquire) > 0; ++spins)
      spins < kSpins ? relax() : std::this_thread::yield();
    busy_.store(false, std::memory_order_release);
  }

 private:
  /// Which task of which job is the next to be claimed; one word, so that a late worker cannot claim from a
  /// later job what it saw in an earlier one.
  static constexpr int kMostTasks = std::numeric_limits<std::uint16_t>::max();
  struct alignas(8) State {
    std::uint32_t generation = 0;
    std::uint16_t tasks = 0, next = 0;
  };

  /// Makes sure of that many workers, or as many as the system allows: the caller does what they do not.
  void hire(int wanted) {
    try {
      for (; workers_ < wanted; ++workers_) std::thread([this, number = workers_] { work(number); }).detach();
    } catch (const std::system_error&) {
      wanted = workers_;
    }
    wanted_.store(wanted, std::memory_order_relaxed);
  }

  /// Claims and runs a task of the current job; false where none is left.
  bool run_one_task() {
    State state = state_.load(std::memory_order_acquire);
    do {
      if (state.next == state.tasks) return false;
    } while (!state_.compare_exchange_weak(
        state, {state.generation, state.tasks, static_cast<std::uint16_t>(state.next + 1)},
        std::memory_order_acq_rel, std::memory_order_acquire));
    body_(context_, state.next);
    left_.fetch_sub(1, std::memory_order_release);
    return true;
  }

  void work(int number) {
    for (;;) {
      const std::uint32_t seen = signal_.load(std::memory_order_acquire);
      int spins = 0;
      while (spins < kSpins) {
        if (number < wanted_.load(std::memory_order_relaxed) && run_one_task())
          spins = 0;
        else
          ++spins, relax();
      }
      signal_.wait(seen, std::memory_order_acquire);
    }
  }

  std::atomic<bool> busy_{false};
  std::atomic<State> state_{};
  std::atomic<int> left_{0};
  std::atomic<int> wanted_{0};  ///< workers that the current job may use
  std::atomic<std::uint32_t> signal_{0};
  TaskBody body_ = nullptr;
  void* context_ = nullptr;
  std::uint32_t generation_ = 0;
  int workers_ = 0;
};

/// Never destroyed: workers may be asleep in it when the program ends, and a child after fork() has none,
/// which is fine because its caller then does all the tasks.
Pool& pool() {
  static Pool* const the_pool = new Pool;
  return *the_pool;
}

}  // namespace

void run_tasks(int threads, int tasks, TaskBody body, void* context) {
  pool().run(threads, tasks, body, context);
}

}  // namespace detail
}  // namespace halfwave
