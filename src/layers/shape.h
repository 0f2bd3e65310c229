#pragma once
#include <cstddef>
#include <string>

namespace halfwave {

/// What one example is between two layers: numbers (channels) at each position of a grid. In memory it is
/// positions() rows of a matrix, one a position, row after row of the grid; a row holds its channels
/// ("channels last"). Without a grid (rank 0) an example is one row, and its channels are its units.
struct Shape {
  int rank = 0;                       ///< of the grid. 0: none, 1: a signal, 2: an image
  std::size_t height = 1, width = 1;  ///< of the grid; a signal's height is 1
  std::size_t channels = 0;

  std::size_t positions() const { return height * width; }
  std::size_t numbers() const { return positions() * channels; }
  bool operator==(const Shape&) const = default;

  static Shape row(std::size_t units) { return {0, 1, 1, units}; }
};

/// For messages: "a row of 10 numbers", "a signal of 40 positions with 1 channel", "an image of 32x32 with 3
/// channels".
std::string describe(const Shape& shape);

}  // namespace halfwave
