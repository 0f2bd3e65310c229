#pragma once
#include <cstddef>
#include <cstdint>

#include "core/aligned.h"
#include "core/team.h"

namespace halfwave {

/// One non-zero number of a row: its column, counted from the begin of its block, and its value.
struct Nonzero {
  std::uint32_t column;
  float value;
};

/// The non-zero numbers of a matrix [rows, columns], for products that go over them and not over the matrix.
/// In tiles of 32 rows by 128 columns (a group of rows, a block of columns); within a tile row after row,
/// columns ascending. 128 rows of a panel of 64 columns are 32 KiB: a block's part of the other operand stays
/// in the L1 cache while every row of the matrix uses it, and the lists themselves are read in one stream.
/// This is a view: the memory is the caller's. -0 is a zero and not listed; NaN is listed.
class NonzeroLists {
 public:
  static constexpr std::size_t kRows = 32, kColumns = 128;

  NonzeroLists() = default;
  /// memory: floats(rows, columns) floats, aligned to a cache line.
  NonzeroLists(float* memory, std::size_t rows, std::size_t columns)
      : rows_(rows), columns_(columns), memory_(memory) {}

  static std::size_t floats(std::size_t rows, std::size_t columns) {
    const NonzeroLists lists(nullptr, rows, columns);
    return lists.tiles() * kStarts + 2 * lists.capacity();
  }

  std::size_t rows() const { return rows_; }
  std::size_t columns() const { return columns_; }
  /// Groups that so many rows are.
  static std::size_t groups_of(std::size_t rows) { return (rows + kRows - 1) / kRows; }
  /// Groups of a range of rows that begins with one.
  static Range groups_of(Range rows) { return {rows.begin / kRows, groups_of(rows.end)}; }
  std::size_t groups() const { return groups_of(rows_); }
  std::size_t blocks() const { return (columns_ + kColumns - 1) / kColumns; }
  /// Rows of one group, as numbers of the matrix.
  Range rows_of(std::size_t group) const { return part(group, kRows, rows_); }
  Range columns_of(std::size_t block) const { return part(block, kColumns, columns_); }

  /// Entry starts(group, block)[r] is the first of row r of the tile, counted from entries(group, block); one
  /// more than rows.
  std::uint32_t* starts(std::size_t group, std::size_t block) const {
    return reinterpret_cast<std::uint32_t*>(memory_) + tile(group, block) * kStarts;
  }
  Nonzero* entries(std::size_t group, std::size_t block) const {
    return reinterpret_cast<Nonzero*>(memory_ + tiles() * kStarts) + offset(group, block);
  }

  /// Floats of an array with one number for each entry that may be listed.
  std::size_t capacity() const { return tiles() * tile_capacity(); }
  /// Where a tile's numbers begin in such an array.
  std::size_t offset(std::size_t group, std::size_t block) const {
    return tile(group, block) * tile_capacity();
  }

 private:
  static constexpr std::size_t kStarts = round_up(kRows + 1, kLineFloats);

  static Range part(std::size_t i, std::size_t size, std::size_t n) {
    return {i * size, i * size + size < n ? i * size + size : n};
  }
  std::size_t tiles() const { return groups() * blocks(); }
  /// With room for a whole vector at the end.
  std::size_t tile_capacity() const {
    return (rows_ < kRows ? rows_ : kRows) * (columns_ < kColumns ? columns_ : kColumns) + kLineFloats;
  }
  std::size_t tile(std::size_t group, std::size_t block) const { return block * groups() + group; }

  std::size_t rows_ = 0, columns_ = 0;
  float* memory_ = nullptr;
};

/// Lists one group of rows of a matrix with `stride` floats a row. Whole lines of 16 floats are read: every
/// row must be readable up to round_up(columns, 16).
void list_rows(const float* matrix, std::size_t stride, std::size_t group, const NonzeroLists& lists);

/// Lists one group of rows of the transpose of a matrix, which is [lists.columns(), lists.rows()] with
/// `stride` floats a row: the lists of 32 units over a batch. Only block `block` (128 examples). Rows of the
/// matrix must be readable up to round_up(lists.rows(), 16).
void list_columns(const float* matrix, std::size_t stride, std::size_t group, std::size_t block,
                  const NonzeroLists& lists);

}  // namespace halfwave
