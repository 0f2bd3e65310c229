#pragma once
#include <algorithm>
#include <cstddef>

#include "core/team.h"

namespace halfwave {

/// Calls visit(example, positions) for the rows of a matrix [examples · positions, channels], example by
/// example.
template <class Visit>
void for_examples(Range rows, std::size_t positions, Visit&& visit) {
  for (std::size_t row = rows.begin; row < rows.end;) {
    const std::size_t example = row / positions, end = std::min(rows.end, (example + 1) * positions);
    visit(example, Range{row - example * positions, end - example * positions});
    row = end;
  }
}

}  // namespace halfwave
