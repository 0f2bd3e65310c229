#pragma once
// What tests of layers that skip zeros share.
#include "layers/layer_testing.h"

namespace halfwave {

/// Skips automatically below a density of a half, whatever is built in, so that groups of rows differ.
class BelowAHalf {
 public:
  BelowAHalf() {
    Crossovers table{.batches = {1}, .outputs = {1}, .densities = {}, .processor = ""};
    for (auto& densities : table.densities) densities = {{0.5}};
    set_crossovers(table);
  }
  ~BelowAHalf() { set_crossovers(before_); }
  BelowAHalf(const BelowAHalf&) = delete;
  BelowAHalf& operator=(const BelowAHalf&) = delete;

 private:
  Crossovers before_ = crossovers();
};

inline constexpr std::array kSkippings{Skipping::always, Skipping::never, Skipping::automatic};

/// A random matrix with zeros of both signs. Of every other run of `together` rows the density is the
/// opposite, 1 - density, unless all are zero or none.
inline Matrix sparse_matrix(Random& random, std::size_t rows, std::size_t columns, double density,
                            std::size_t together = NonzeroLists::kRows) {
  Matrix m = random_matrix(random, rows, columns);
  for (std::size_t i = 0; i < rows; ++i) {
    const bool opposite = density != 0 && density != 1 && i / together % 2 == 1;
    for (std::size_t j = 0; j < columns; ++j)
      if (random.uniform_double() >= (opposite ? 1 - density : density)) m(i, j) = j % 2 == 0 ? 0.0 : -0.0;
  }
  return m;
}

}  // namespace halfwave
