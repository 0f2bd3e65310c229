#pragma once
#include <algorithm>
#include <cstddef>

#include "core/aligned.h"
#include "core/team.h"

namespace halfwave {

/// Sums over the rows of a matrix [rows, columns], for each column, made by several threads: those of each
/// block of rows by itself, then the blocks in order and in double. The blocks follow from the matrix's size
/// alone, so any number of threads gives the same bits.
class ColumnSums {
 public:
  /// For `sums` sums a column; memory: floats() floats. block_rows: where the blocks are to be of a given
  /// size.
  ColumnSums(float* memory, std::size_t rows, std::size_t columns, std::size_t sums,
             std::size_t block_rows = 0)
      : memory_(memory),
        rows_(rows),
        row_(round_up(columns, kLineFloats)),
        sums_(sums),
        block_rows_(block_rows > 0 ? block_rows : usual_block_rows()) {}

  std::size_t floats() const { return blocks() * sums_ * row_; }

  /// Calls add(rows, sums) for each block of rows, in any order: it adds to the row() zeros from sums[0] for
  /// the first sum, from sums[row()] for the second, and so on.
  template <class Add>
  void run(int threads, Add&& add) const {
    run_team(threads, [&](int thread, int all) {
      const Range mine = share(blocks(), thread, all);
      for (std::size_t block = mine.begin; block < mine.end; ++block) run_block(block, add);
    });
  }
  /// The same for one block, for somebody else who calls it for all of them.
  template <class Add>
  void run_block(std::size_t block, Add&& add) const {
    float* const sums = memory_ + block * sums_ * row_;
    std::fill_n(sums, sums_ * row_, 0.0f);
    add(rows_of(block), sums);
  }

  std::size_t blocks() const { return (rows_ + block_rows_ - 1) / block_rows_; }
  Range rows_of(std::size_t block) const {
    return {block * block_rows_, std::min(rows_, (block + 1) * block_rows_)};
  }
  /// Sum i of column j of one block.
  double of_block(std::size_t block, std::size_t i, std::size_t j) const {
    return static_cast<double>(memory_[(block * sums_ + i) * row_ + j]);
  }

  /// Columns, rounded up to 16: floats from one sum of a column to the next.
  std::size_t row() const { return row_; }
  /// Sum i of column j, after run().
  double total(std::size_t i, std::size_t j) const {
    double total = 0.0;
    for (std::size_t block = 0; block < blocks(); ++block) total += of_block(block, i, j);
    return total;
  }

 private:
  /// A block is as large as a core's cache likes, and short enough for sums of floats.
  std::size_t usual_block_rows() const {
    constexpr std::size_t kNumbers = std::size_t{1} << 15;
    return std::clamp<std::size_t>(kNumbers / row_, 8, 512);
  }
  float* memory_;
  std::size_t rows_, row_, sums_, block_rows_;
};

}  // namespace halfwave
