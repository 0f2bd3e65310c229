#pragma once
#include <cstddef>

#include "core/team.h"
#include "kernels/dense_products.h"
#include "kernels/nonzero_lists.h"

namespace halfwave {

// The products of a dense layer at the cost of their non-zero numbers. h [batch, in] is the layer's input, W
// [in, out] its weights, dy [batch, out] the gradient by its output; W and dy are in panels of 64 columns
// (kernels/panels.h) unless it says otherwise. Most work on one panel of `width` columns (a multiple of 16),
// so that panels can be shared among threads.
//
//   y  = h·W + b        skipping_product(lists of h, panel of W)
//                       skipping_few(lists of h, W row-major): one example, or very few
//   dW = hᵀ·dy          skipping_product(lists of hᵀ, panel of dy)
//   dW = (dyᵀ·h)ᵀ       skipping_product(lists of dyᵀ, panel of h): where dy has more zeros than h
//   dh = (dy·Wᵀ)∘mask   masked_product(lists of h, W): masked_dots by panel, then scatter_block
//
// A zero takes part in nothing: 0·NaN and 0·∞, which dense arithmetic makes NaN, are 0 here. Otherwise an
// output of skipping_product is the same chain of fused multiply-adds as in kernels/dense_products.h with its
// zeros left out: the same bits, but for the sign of a zero. masked_dots adds in another order.

/// c[m, 0 … width-1] = start + Σ_k a[m, k] · panel[k, :] for the rows of `groups`. panel has lists.columns()
/// rows of `width` floats. c and start.scale begin with the first row of `groups`; rows of c are `c_stride`
/// floats apart. As many floats of the companions as c has are fetched on the way, row by row.
void skipping_product(const NonzeroLists& a, Range groups, const float* panel, std::size_t width,
                      ProductStart start, float* c, std::size_t c_stride, const Companions& companions = {});

/// Rows of dW to make together. All of them use a block of dy while it is in the L1 cache; a larger batch has
/// several, so the rows must be more, or the product waits for the L2 cache.
inline constexpr std::size_t kMostGradientRows = 256;
constexpr std::size_t gradient_rows(std::size_t batch) {
  return batch <= NonzeroLists::kColumns ? 64 : kMostGradientRows;
}

/// y[m, columns] = start[columns] + Σ_k a[m, k] · W[k, columns], for a few examples. W is row-major with
/// `w_stride` floats a row: no part of it is used twice, so what counts is to read each row that is needed,
/// and no other, in one piece. The order of the sums is that of skipping_product. Cuts of `columns` fall on
/// multiples of 16.
void skipping_few(const NonzeroLists& a, Range columns, const float* weights, std::size_t w_stride,
                  const float* start, float* y, std::size_t y_stride);

/// Where 128 rows of a panel begin that belong to a block of the lists; null behind the last panel.
const float* block_of(const float* weights, Panels shape, std::size_t panel, std::size_t block);

/// For every listed (m, k) of the groups in one block: sums += dy[m, :] · panel[k, :], or = where `first`.
/// dy and panel are panels of `width` columns, of the rows (batch) and of the columns (units) of the lists.
/// sums has lists.capacity() floats, in the order of the entries. next: a block that will be used soon,
/// 128 rows of `width` floats, is fetched on the way; may be null.
void masked_dots(const NonzeroLists& mask, std::size_t block, Range groups, const float* dy,
                 const float* panel, std::size_t width, bool first, float* sums, const float* next = nullptr);

/// The columns of one block of the result [rows, columns]: the sums where they are listed, else 0. Writes
/// whole lines of 16 floats.
void scatter_block(const NonzeroLists& mask, std::size_t block, Range groups, const float* sums, float* dx,
                   std::size_t dx_stride);

/// dx = (dy·Wᵀ)∘mask for the rows of `groups` and the columns of `blocks`: both of the above for all panels.
/// W and dy_panels have `shape` and Panels{batch, out}.
void masked_product(const NonzeroLists& mask, Range blocks, Range groups, const float* dy_panels,
                    const float* weights, Panels shape, float* sums, float* dx, std::size_t dx_stride);

}  // namespace halfwave
