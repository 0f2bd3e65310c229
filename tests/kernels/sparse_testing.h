#pragma once
// What the tests of zero-skipping kernels share: matrices with the zeros of rectifier networks, and lists in
// memory that notices writes outside.
#include "kernels/kernel_testing.h"
// Highway's targets are chosen in the line above.
#include <span>

#include "kernels/nonzero_lists.h"

namespace halfwave {

/// A matrix [rows, columns], readable to whole lines; behind each row is what must not be listed.
struct SparseMatrix {
  std::size_t rows, columns, stride;
  std::vector<float> numbers;

  SparseMatrix(std::size_t r, std::size_t c, std::size_t gap)
      : rows(r),
        columns(c),
        stride(c + gap),
        numbers((r - 1) * stride + round_up(c, kLineFloats), kSentinel) {
    for (std::size_t i = 0; i < rows; ++i) std::fill_n(numbers.data() + i * stride, columns, 0.0f);
  }
  float& operator()(std::size_t i, std::size_t j) { return numbers[i * stride + j]; }
  float operator()(std::size_t i, std::size_t j) const { return numbers[i * stride + j]; }
  const float* data() const { return numbers.data(); }
};

/// One number in `density` of them is not zero, denormal numbers among them; half of the zeros are -0. Now
/// and then a row is empty, a column is dead or always on.
inline SparseMatrix sparse_matrix(Draw& draw, std::size_t rows, std::size_t columns, double density) {
  SparseMatrix matrix(rows, columns, draw.size(0, 9));
  std::vector<double> row_density(rows, density), column_density(columns, -1);
  for (double& d : row_density)
    if (draw.uniform(0, 1) < 0.1) d = 0;
  for (double& d : column_density)
    if (const double u = draw.uniform(0, 1); u < 0.1) d = u < 0.05 ? 0 : 1;
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j) {
      const double d = row_density[i] == 0 || column_density[j] < 0 ? row_density[i] : column_density[j];
      const float number = draw.normal();
      if (draw.uniform(0, 1) < d)
        matrix(i, j) = draw.size(0, 15) == 0 ? number * 0x1p-130f : number;
      else
        matrix(i, j) = number < 0 ? -0.0f : 0.0f;
    }
  return matrix;
}

/// Shapes around the sizes of tiles and vectors, and any others; with every density from 0 to 1.
inline std::vector<SparseMatrix> sparse_matrices(Draw& draw) {
  constexpr double kDensities[] = {0.5, 0, 1, 0.1, 0.02, 0.9, 0.3};
  std::vector<SparseMatrix> list;
  const auto add = [&](std::size_t rows, std::size_t columns) {
    list.push_back(sparse_matrix(draw, rows, columns, kDensities[list.size() % std::size(kDensities)]));
  };
  for (const auto& [rows, columns] : {std::array<std::size_t, 2>{1, 1},
                                      {2, 17},
                                      {3, 40},
                                      {32, 128},
                                      {1, 300},
                                      {4, 290},
                                      {8, 131},
                                      {300, 1},
                                      {33, 129},
                                      {31, 127},
                                      {64, 256},
                                      {128, 300},
                                      {15, 257},
                                      {70, 16}})
    add(rows, columns);
  for (int i = 0; i < 10; ++i) add(draw.size(1, 300), draw.size(1, 300));
  return list;
}

inline SparseMatrix transposed(const SparseMatrix& matrix, std::size_t gap) {
  SparseMatrix result(matrix.columns, matrix.rows, gap);
  for (std::size_t i = 0; i < matrix.rows; ++i)
    for (std::size_t j = 0; j < matrix.columns; ++j) result(j, i) = matrix(i, j);
  return result;
}

/// Lists with memory of exactly their size.
class OwnedLists {
 public:
  OwnedLists(std::size_t rows, std::size_t columns)
      : memory_(NonzeroLists::floats(rows, columns) + 2 * kLineFloats, kSentinel),
        lists_(memory_.data() + kLineFloats, rows, columns) {}

  static OwnedLists of_rows(const SparseMatrix& matrix) {
    OwnedLists lists(matrix.rows, matrix.columns);
    for (std::size_t g = 0; g < lists->groups(); ++g) list_rows(matrix.data(), matrix.stride, g, *lists);
    return lists;
  }
  /// Of the matrix's transpose.
  static OwnedLists of_columns(const SparseMatrix& matrix) {
    OwnedLists lists(matrix.columns, matrix.rows);
    for (std::size_t g = 0; g < lists->groups(); ++g)
      for (std::size_t b = 0; b < lists->blocks(); ++b)
        list_columns(matrix.data(), matrix.stride, g, b, *lists);
    return lists;
  }

  const NonzeroLists& operator*() const { return lists_; }
  const NonzeroLists* operator->() const { return &lists_; }
  /// Every float but those of one group's tiles in the blocks is as it was made.
  bool untouched_outside(std::size_t group, Range blocks) const {
    const std::size_t tiles = lists_.groups() * lists_.blocks(), entries = lists_.capacity() / tiles;
    const float* const first = reinterpret_cast<const float*>(lists_.entries(0, 0));
    const std::size_t starts = static_cast<std::size_t>(first - (memory_.data() + kLineFloats)) / tiles;
    std::vector<bool> mine(memory_.size());
    const auto take = [&](const void* from, std::size_t floats) {
      const auto at = static_cast<const float*>(from) - memory_.data();
      std::fill_n(mine.begin() + at, floats, true);
    };
    for (std::size_t block = blocks.begin; block < blocks.end; ++block) {
      take(lists_.starts(group, block), starts);
      take(lists_.entries(group, block), 2 * entries);
    }
    for (std::size_t i = 0; i < memory_.size(); ++i)
      if (!mine[i] && memory_[i] != kSentinel) return false;
    return true;
  }
  bool intact() const {
    for (std::size_t i = 0; i < kLineFloats; ++i)
      if (memory_[i] != kSentinel || memory_[memory_.size() - 1 - i] != kSentinel) return false;
    return true;
  }

 private:
  AlignedVector<float> memory_;  // moving it keeps the address
  NonzeroLists lists_;
};

/// The entries of one row of a tile.
inline std::span<const Nonzero> row_entries(const NonzeroLists& lists, std::size_t group, std::size_t block,
                                            std::size_t row) {
  const std::uint32_t* starts = lists.starts(group, block);
  return {lists.entries(group, block) + starts[row], starts[row + 1] - starts[row]};
}

}  // namespace halfwave
