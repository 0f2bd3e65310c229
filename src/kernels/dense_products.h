#pragma once
#include <array>
#include <cstddef>

#include "core/team.h"
#include "kernels/panels.h"

namespace halfwave {

// The three products of a dense layer, y = x·W + b, dW = xᵀ·dy and dx = dy·Wᵀ, all float32, all dense. Each
// is written as C = A·B with A broadcast one number at a time and B read in panels of vectors, so the inner
// loop is the same. An output number is one chain of fused multiply-adds over the whole of K in a fixed
// order: neither the number of threads nor how the work is shared changes a bit. x is [batch, in] row-major,
// with x_stride floats a row.

/// What a row of a product begins with: nothing, or row [width], times scale[m] in row m where that is given.
struct ProductStart {
  const float* row = nullptr;
  const float* scale = nullptr;
};

/// y[:, panels] = x·W + bias. bias holds round_up(out, 16) floats, or is null. y rows have y_stride >=
/// round_up(out, 16) floats. Computes the batch rows `rows` of the panels `panels`.
void dense_forward(const float* x, std::size_t x_stride, const float* weights, const float* bias,
                   Panels shape, float* y, std::size_t y_stride, Range rows, Range panels);

/// Arrays in the layout of a gradient that will be read with it soon, such as an optimiser's. The product
/// fetches their lines one by one between its multiply-adds, which leave the loads idle; fetched at once they
/// would stall it.
struct Companions {
  std::array<const float*, 3> arrays{};
  std::size_t count = 0;
};

/// dW rows `inputs` of panel `panel`, as the weights have them: dw is [inputs.size(),
/// shape.width(panel)], and the start's scale and the companions begin with the same row. dy_panels is dy
/// packed with pack_panels: Panels{batch, out}.
void dense_weight_gradient(const float* x, std::size_t x_stride, const float* dy_panels, std::size_t batch,
                           Panels shape, std::size_t panel, Range inputs, ProductStart start, float* dw,
                           const Companions& companions = {});

/// dx columns `inputs` for every batch row. dy_transposed holds dyᵀ in panels over the batch: Panels{out,
/// batch} (transpose_to_panels). dx rows have dx_stride >= round_up(in, 16) floats. Cuts of `inputs` fall on
/// multiples of 16.
void dense_input_gradient(const float* dy_transposed, const float* weights, std::size_t batch, Panels shape,
                          float* dx, std::size_t dx_stride, Range inputs);

/// matrix [batch, out] with `stride` floats a row, transposed into Panels{out, batch}; panels first … last-1
/// of the batch.
void transpose_to_panels(const float* matrix, std::size_t stride, std::size_t batch, std::size_t out,
                         Range panels, float* transposed);

}  // namespace halfwave
