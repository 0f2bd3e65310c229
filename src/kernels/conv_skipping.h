#pragma once
#include <cstddef>
#include <cstdint>

#include "core/aligned.h"
#include "core/team.h"
#include "kernels/nonzero_lists.h"
#include "kernels/taps.h"

namespace halfwave {

// The products of a convolution at the cost of their non-zero numbers. Matrices are [examples · positions,
// channels], weights Panels{taps · in, out}; what is listed are the channels of each position, so a
// position's list serves all taps. Taps stand outermost: 64 columns of one tap's weights, for 128 channels at
// a time, stay in the L1 cache while all positions use them.
//
//   y  = x * W        skipping_conv_product(lists of x, table from outputs to inputs, W)
//   dx = dy * Wᵀ      skipping_conv_product(lists of dy, table from inputs to outputs, W with in and out
//   exchanged) dx ∘ mask         masked_conv_dots(lists of x, the same table, W), then scatter_block dW
//   skipping_conv_gradient(lists of the positions of each channel of x, or of dy)
//
// As in kernels/skipping_products.h a zero takes part in nothing, and the first two give the same bits as
// conv_product, but for the sign of a zero.

/// Rows `rows` (numbers of the whole batch) of c = start + Σ_t Σ_k a[source(t, row), k] · panel[t][k],
/// columns 0 … columns-1, at most 64. panel has table.taps · a.columns() rows of `width` floats, width =
/// columns rounded up to 16. start holds `width` floats or is null. c points at row 0.
void skipping_conv_product(const NonzeroLists& a, const TapTable& table, Range rows, const float* panel,
                           std::size_t width, std::size_t columns, const float* start, float* c,
                           std::size_t c_stride);

/// For every listed (m, k) of the groups in one block: sums += Σ_t dy[source(t, m), 0 … columns-1] ·
/// panel[t'][k], t' = taps-1-t: the table has the last tap first, the weights are as they are. The lists are
/// of the result's rows; panel has table.taps · mask.columns() rows of `width` floats. sums: as masked_dots
/// (kernels/skipping_products.h); here they are only added to. What the rows of dy have beyond `columns`, up
/// to `width`, must be finite.
void masked_conv_dots(const NonzeroLists& mask, const TapTable& table, std::size_t block, Range groups,
                      const float* dy, std::size_t dy_stride, const float* panel, std::size_t width,
                      float* sums);

/// For each channel of a matrix the positions where it is not zero, in blocks of 128 rows. A position is
/// called by its row in a padded grid (layers/conv_geometry.h), counted from the block's base.
struct PositionLists {
  static constexpr std::size_t kRows = 128;

  std::size_t rows = 0, channels = 0;
  std::uint32_t* bases = nullptr;   ///< [blocks]
  std::uint32_t* starts = nullptr;  ///< [blocks, channels + 1]: in the block's entries
  Nonzero* entries = nullptr;       ///< [blocks, capacity()]

  /// memory: floats(rows, channels) floats.
  PositionLists(float* memory, std::size_t all_rows, std::size_t all_channels);
  static std::size_t floats(std::size_t rows, std::size_t channels);
  static std::size_t blocks_of(std::size_t rows) { return (rows + kRows - 1) / kRows; }
  std::size_t blocks() const { return blocks_of(rows); }
  /// Entries that a block has room for: a vector more than there may be.
  std::size_t capacity() const { return channels * kRows + kLineFloats; }
};

/// Lists one block of rows of a matrix. names[r]: the grid row that row r of the block is called by,
/// ascending.
void list_positions(const float* matrix, std::size_t stride, const std::uint32_t* names, std::size_t block,
                    const PositionLists& lists);

/// sums[t · channels + k, 0 … width-1] += Σ value · grid[row of the entry + offset[t], :] over channel k's
/// entries in `blocks`. grid: rows of `width` floats; offset[t] may be negative.
void skipping_conv_gradient(const PositionLists& lists, Range blocks, const float* grid, std::size_t width,
                            std::size_t taps, const std::int32_t* offset, float* sums);

}  // namespace halfwave
