#pragma once
#include <cstddef>
#include <cstdint>

namespace halfwave {

/// Where a convolution's result takes its operand from, tap by tap (a tap is one place of the kernel), for
/// one example: result position p takes position source[tap · results + p] of the operand, or nothing where
/// that is negative (padding). Every stride, padding and dilation, one or two directions, and the way back
/// (from dy to dx) are tables; the kernels know no geometry.
struct TapTable {
  std::size_t taps = 0;
  std::size_t results = 0;   ///< positions of the result
  std::size_t operands = 0;  ///< positions of the operand
  const std::int32_t* source = nullptr;

  /// Where `in_row` taps at a time, one after the other, take neighbouring positions: result column x takes
  /// the operand's columns x - before … x - before + in_row - 1 of one row, as far as they exist. 1: they do
  /// not.
  std::size_t in_row = 1, before = 0;
  std::size_t result_columns = 1, operand_columns = 1;  ///< positions of a row of the grid

  const std::int32_t* tap(std::size_t t) const { return source + t * results; }
};

}  // namespace halfwave
