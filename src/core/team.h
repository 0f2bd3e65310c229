#pragma once
#include <algorithm>
#include <cstddef>
#include <type_traits>

namespace halfwave {

/// Processors this process may use.
int available_threads();

namespace detail {
using TaskBody = void (*)(void* context, int task);
void run_tasks(int threads, int tasks, TaskBody body, void* context);
}  // namespace detail

/// Calls body(task) once for each task 0 … tasks-1, on up to `threads` threads of the one pool, and waits for
/// all of them. Tasks are claimed in order as threads become free and must not wait for each other. The body
/// must not throw. With one thread it is a plain loop; tasks inside tasks run on their caller's thread. At
/// most 65535 tasks.
template <class Body>
void run_tasks(int threads, int tasks, Body&& body) {
  if (threads <= 1 || tasks <= 1) {
    for (int task = 0; task < tasks; ++task) body(task);
    return;
  }
  using Plain = std::remove_reference_t<Body>;
  detail::run_tasks(
      threads, tasks, [](void* context, int task) { (*static_cast<Plain*>(context))(task); },
      const_cast<void*>(static_cast<const void*>(&body)));
}

/// Calls body(part, threads) for each part 0 … threads-1 in the same way, at least once.
template <class Body>
void run_team(int threads, Body&& body) {
  const int parts = std::max(1, threads);
  run_tasks(parts, parts, [&](int part) { body(part, parts); });
}

struct Range {
  std::size_t begin = 0, end = 0;
  std::size_t size() const { return end - begin; }
  bool empty() const { return begin >= end; }
};

/// The part of 0 … n-1 that `thread` of `threads` works on; cuts fall on multiples of `grain`.
inline Range share(std::size_t n, int thread, int threads, std::size_t grain = 1) {
  const std::size_t blocks = (n + grain - 1) / grain, t = static_cast<std::size_t>(thread),
                    all = static_cast<std::size_t>(threads);
  return {std::min(n, blocks * t / all * grain), std::min(n, blocks * (t + 1) / all * grain)};
}

}  // namespace halfwave
