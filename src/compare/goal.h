#pragma once
#include <halfwave/compare.h>

namespace halfwave {

/// Throws Error (usage) where data of this kind have no such figure.
void check_goal(const Goal& goal, Task task, bool has_test);

}  // namespace halfwave
