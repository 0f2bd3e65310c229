#pragma once
#include <algorithm>
#include <cstddef>
#include <type_traits>

namespace halfwave {

/// Processors this process may use.
int available_threads();

namespace detail {
using TeamBody = void (*)(void* context, int thread, int threads);
void run_team(int threads, TeamBody body, void* context);
}  // namespace detail

/// Calls body(part, threads) for each part 0 … threads-1, on up to `threads` threads of the one pool, and waits for all of
/// them; several parts may run one after the other on the same thread, so parts must not wait for each other. The body
/// must not throw. With one thread it is a plain call; a team inside a team runs on its caller's thread.
template <class Body>
void run_team(int threads, Body&& body) {
  if (threads <= 1) {
    body(0, 1);
    return;
  }
  using Plain = std::remove_reference_t<Body>;
  detail::run_team(
      threads, [](void* context, int thread, int n) { (*static_cast<Plain*>(context))(thread, n); },
      const_cast<void*>(static_cast<const void*>(&body)));
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
