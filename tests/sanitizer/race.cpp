// Lost if ThreadSanitizer is silent about this program: it would be silent about any race in Halfwave,
// because it sees threads of the pool as if they ran one after another. Built and run in the tsan preset
// only, where a report passes.
#include "core/team.h"

int main() {
  int shared = 0;
  for (int i = 0; i < 100; ++i) halfwave::run_team(4, [&shared](int, int) { ++shared; });
  return shared < 0;
}
