#pragma once
#include <cstddef>
#include <cstdint>

#include "core/team.h"

namespace halfwave {

// Passes over a matrix [rows, columns], row-major with `stride` floats a row, that work on its columns. A
// column's sum runs over the rows in order, so the result does not depend on how `columns` is shared among
// threads.

/// sums[j] = Σ x[:, j]
void column_sums(const float* x, std::size_t stride, std::size_t rows, Range columns, float* sums);
/// Over a range of rows: sums[j] += Σ (x[:, j] - shift[j]), squares[j] += Σ (x[:, j] - shift[j])². With a
/// shift not far from the column's mean, neither loses precision.
void add_moments(const float* x, const float* shift, std::size_t stride, Range rows, Range columns,
                 float* sums, float* squares);
/// Over a range of rows: sums[j] += Σ dy[:, j], products[j] += Σ dy[:, j] · (x[:, j] - centre[j]).
void add_slopes(const float* x, const float* centre, const float* dy, std::size_t stride, Range rows,
                Range columns, float* sums, float* products);
/// counts[j] += number of rows in which x[:, j] is not zero (NaN counts as not zero)
void count_nonzeros(const float* x, std::size_t stride, std::size_t rows, Range columns,
                    std::uint32_t* counts);

/// out[:, j] = (x[:, j] - centre[j]) · a[j] + c[j], for columns 0 … columns-1; in place allowed.
void column_scale(const float* x, const float* centre, const float* a, const float* c, std::size_t stride,
                  Range rows, std::size_t columns, float* out);
/// out[:, j] = (x[:, j] - centre[j]) · a[j] + y[:, j] · b[j] + c[j]; in place allowed.
void column_combine(const float* x, const float* centre, const float* a, const float* y, const float* b,
                    const float* c, std::size_t stride, Range rows, std::size_t columns, float* out);

/// out[:, j] = x[:, j] · factor[j] + shift[j], for columns 0 … columns-1; either may be null: 1 and 0. In
/// place allowed.
void column_affine(const float* x, const float* factor, const float* shift, std::size_t stride, Range rows,
                   std::size_t columns, float* out);

/// out[j] = (x[j] - mean[j]) · scale[j]: one example, standardised, from bytes or floats.
void standardise(const std::uint8_t* x, const float* mean, const float* scale, std::size_t n, float* out);
void standardise(const float* x, const float* mean, const float* scale, std::size_t n, float* out);

/// sum[i] = a[i] + b[i]; in place allowed.
void add(const float* a, const float* b, std::size_t n, float* sum);
/// product[i] = a[i] · b[i]; in place allowed.
void multiply(const float* a, const float* b, std::size_t n, float* product);
/// dy[i] += factor · sign(h[i]), sign(0) = 0: the gradient of factor · Σ|h|.
void add_sign(const float* h, float factor, std::size_t n, float* dy);

/// Σ x[i]², in a fixed order.
double sum_of_squares(const float* x, std::size_t n);
/// Index of the first number that is NaN or infinite, or n.
std::size_t first_not_finite(const float* x, std::size_t n);

}  // namespace halfwave
