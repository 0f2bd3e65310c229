#pragma once
#include <vector>

#include "core/team.h"
#include "operators/arguments.h"

namespace halfwave {

/// The windows of a convolution or pooling along one spatial axis: window o covers the places
/// o·stride - before + t·dilation of the input, t = 0 … kernel-1. All numbers are at most kLargestTensor, so
/// that they can be multiplied.
struct Window {
  std::int64_t in = 0, out = 0, kernel = 1, stride = 1, dilation = 1, before = 0, after = 0;

  std::int64_t extent() const { return (kernel - 1) * dilation + 1; }
  /// Where tap t of window 0 lies; negative in the padding.
  std::int64_t place(std::int64_t tap) const { return tap * dilation - before; }
  /// The windows whose tap t lies within the input.
  Range reach(std::int64_t tap) const;
};

/// What a node says of its windows, without their numbers of places: kernel_shape (`kernel` where there is no
/// such attribute), strides, dilations, pads. Throws Error (input) for numbers that are none.
std::vector<Window> windows_of(const OperatorNode& node, const Dims& spatial, const Dims& kernel);
/// Sets before, after and out by the node's pads or its auto_pad. ceil: a last window may begin within the
/// input and end outside.
void place_windows(const OperatorNode& node, std::vector<Window>& windows, bool ceil = false);
/// auto_pad: NOTSET, VALID, SAME_UPPER or SAME_LOWER.
std::string auto_pad_of(const OperatorNode& node);

/// The axes of an image, or whatever follows batch and channels.
Dims spatial_dims(const Dims& dims);

/// Calls f(out, in, count) for each row of windows whose tap (one number an axis) lies within the input: the
/// windows out … out+count-1 of the flattened output have it at in, in + stride of the last axis, …
template <class F>
void for_rows(std::span<const Window> windows, std::span<const std::int64_t> tap, F&& f) {
  struct Level {
    Range reach;
    std::int64_t at, in, out;
  };
  const std::size_t axes = windows.size();
  std::vector<Level> levels(axes);
  std::int64_t in_stride = 1, out_stride = 1, in = 0, out = 0;
  for (std::size_t i = axes; i-- > 0;) {
    const Window& w = windows[i];
    const Range reach = w.reach(tap[i]);
    if (reach.empty()) return;
    const auto first = static_cast<std::int64_t>(reach.begin);
    in += (first * w.stride + w.place(tap[i])) * in_stride;
    out += first * out_stride;
    levels[i] = {reach, first, w.stride * in_stride, out_stride};
    in_stride *= w.in;
    out_stride *= w.out;
  }
  const std::size_t count = levels[axes - 1].reach.size();
  while (true) {
    f(static_cast<std::size_t>(out), static_cast<std::size_t>(in), count);
    std::size_t i = axes - 1;
    for (; i-- > 0;) {
      Level& level = levels[i];
      in += level.in;
      out += level.out;
      if (++level.at < static_cast<std::int64_t>(level.reach.end)) break;
      const auto length = static_cast<std::int64_t>(level.reach.size());
      in -= length * level.in;
      out -= length * level.out;
      level.at -= length;
    }
    if (i == static_cast<std::size_t>(-1)) return;
  }
}

/// Calls f(t, tap) for all taps of the kernel in row-major order; t counts them.
template <class F>
void for_taps(std::span<const Window> windows, F&& f) {
  std::vector<std::int64_t> tap(windows.size(), 0);
  for (std::size_t t = 0;; ++t) {
    f(t, std::span<const std::int64_t>(tap));
    std::size_t i = windows.size();
    for (; i-- > 0;) {
      if (++tap[i] < windows[i].kernel) break;
      tap[i] = 0;
    }
    if (i == static_cast<std::size_t>(-1)) return;
  }
}

/// Calls body(range) for parts of 0 … n-1, in tasks where `work` (operations of all) pays for them.
template <class Body>
void share_work(int threads, std::size_t n, double work, Body&& body) {
  constexpr double kLeastWork = 1e5;  // of a task: some ten microseconds
  const double worthwhile = std::min(work / kLeastWork, 8.0 * threads);
  const int tasks = threads > 1 && worthwhile > 1
                        ? static_cast<int>(std::min<double>(worthwhile, static_cast<double>(n)))
                        : 1;
  run_tasks(threads, tasks, [&](int task) { body(share(n, task, tasks)); });
}

}  // namespace halfwave
