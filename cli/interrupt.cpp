#include "interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>

namespace halfwave::cli {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM};
constexpr int kSignalExit = 128;  // what shells add to the signal's number

std::atomic<bool> stop_requested{false};
static_assert(std::atomic<bool>::is_always_lock_free, "used in a signal handler");
struct sigaction old_actions[std::size(kSignals)];

void on_signal(int number) {
  if (stop_requested.exchange(true)) ::_exit(kSignalExit + number);
}

}  // namespace

InterruptWatch::InterruptWatch() {
  stop_requested = false;
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (std::size_t i = 0; i < std::size(kSignals); ++i) {
    ::sigaction(kSignals[i], nullptr, &old_actions[i]);
    if (old_actions[i].sa_handler != SIG_IGN) ::sigaction(kSignals[i], &action, nullptr);
  }
}

InterruptWatch::~InterruptWatch() {
  for (std::size_t i = 0; i < std::size(kSignals); ++i) ::sigaction(kSignals[i], &old_actions[i], nullptr);
}

bool InterruptWatch::requested() { return stop_requested; }

}  // namespace halfwave::cli
