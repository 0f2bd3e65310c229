// Lost if ThreadSanitizer is silent about this program: it would be silent about any race in Halfwave,
// because it sees threads of the pool as if they ran one after another. Built and run in the tsan preset
// only, where a report passes.
#include <chrono>
#include <thread>

#include "core/team.h"

int main() {
  int shared = 0;
  for (int i = 0; i < 20; ++i)
    halfwave::run_team(4, [&shared](int, int) {
      std::this_thread::sleep_for(
          std::chrono::milliseconds(1));  // so that one thread does not claim every part
      ++shared;
    });
  return shared < 0;
}
