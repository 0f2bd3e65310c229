#pragma once
#include <cstddef>

#include "core/team.h"

namespace halfwave {

// Layer normalisation (Ba, Kiros & Hinton, 2016): each row of x [rows, columns] to mean 0 and variance 1,
// then y = scale · x̂ + bias by column. Rows have `stride` floats; `rows` is a range of them.

/// What the backward pass needs of a row: x̂ = (x - mean) · inverse.
struct RowMoments {
  float mean, inverse;
};

/// moments[row] is written for each row of the range.
void layer_norm(const float* x, const float* scale, const float* bias, float epsilon, std::size_t stride,
                Range rows, std::size_t columns, float* y, RowMoments* moments);

/// dx; and added to sums: Σ dy by column, and `stride` floats further Σ dy · x̂. dx may be null or dy.
void layer_norm_backward(const float* x, const RowMoments* moments, const float* scale, const float* dy,
                         std::size_t stride, Range rows, std::size_t columns, float* dx, float* sums);

}  // namespace halfwave
