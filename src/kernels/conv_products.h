#pragma once
#include <cstddef>

#include "core/team.h"
#include "kernels/taps.h"

namespace halfwave {

// The products of a convolution, all dense, without a copy of the input for each tap. Matrices are [examples
// · positions, channels], row-major ("channels last"); weights are Panels{taps · in, out} (kernels/panels.h),
// taps outermost. An output number is one chain of fused multiply-adds in a fixed order: the taps, and of
// each tap the channels.

/// Up to so many input channels a product whose taps are neighbours puts the channels of a kernel row
/// together first.
inline constexpr std::size_t kFewChannels = 8;

/// Rows `rows` (numbers of the whole batch) of c = start + Σ_t a[source(t, row), 0 … k-1] · panel[t], columns
/// 0 … columns-1, at most 64. panel has table.taps · k rows of `width` floats, width = columns rounded up to
/// 16; start holds `width` floats, or is null: zero. c points at row 0.
/// Forward: a = x, weights and the table from outputs to inputs. dx: a = dy, the weights with in and out
/// exchanged, and the table from inputs to outputs.
void conv_product(const float* a, std::size_t a_stride, std::size_t k, const TapTable& table, Range rows,
                  const float* panel, std::size_t width, std::size_t columns, const float* start, float* c,
                  std::size_t c_stride);

/// dw[t · k + i, 0 … width-1] += Σ x[source(t, row), i] · dy[row, 0 … width-1] over the rows of `examples`,
/// for channels i < k. table: from outputs to inputs. dy rows must be readable up to `width`, a multiple of
/// 16, at most 64; dw is [taps · k, width].
void conv_weight_gradient(const float* x, std::size_t x_stride, std::size_t k, const TapTable& table,
                          Range examples, const float* dy, std::size_t dy_stride, std::size_t width,
                          float* dw);

/// The weights for the way back: Panels{taps · in, out} to Panels{taps · out, in}, the last tap first; panels
/// first … last-1 of the result. Padding becomes zero.
void exchange_channels(const float* weights, std::size_t taps, std::size_t in, std::size_t out, Range panels,
                       float* exchanged);

}  // namespace halfwave
