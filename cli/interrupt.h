#pragma once

namespace halfwave::cli {

/// The exit code of an interrupted command, as shells have it: 128 + SIGINT.
inline constexpr int kInterruptedExit = 130;

/// While it lives, the first SIGINT or SIGTERM only sets requested(); a second one ends the program at once.
/// A signal that the program was started to ignore (nohup) stays ignored.
class InterruptWatch {
 public:
  InterruptWatch();
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;

  static bool requested();
};

}  // namespace halfwave::cli
