#pragma once
#include <cstddef>
#include <cstdint>

#include "halfwave/activation.h"

// The kernels behind the activations, by form. All are plain functions for the best instruction set of this
// machine: resolve once, keep the pointers. They neither allocate nor throw, and several threads may call
// them on slices.
//
// x is the input, y the output, dx and dy the gradients. `saved` is y where the declaration says that the
// output suffices (backward_from_output), else x. In place is allowed: y == x, dx == dy, dx == saved; no
// other overlap. A NaN in x becomes a NaN in y. Results below the smallest normal number are rounded to
// denormal numbers, not flushed.

namespace halfwave {

/// Form::pointwise. Numbers in a row; `parameters` in the order of the declaration.
struct ActivationFunctions {
  void (*forward)(const float* x, float* y, std::size_t n, const float* parameters);
  void (*backward)(const float* saved, const float* dy, float* dx, std::size_t n, const float* parameters);
};

/// Rows of floats: row i begins at data + i * stride.
struct ConstRows {
  const float* data;
  std::size_t stride;
};
struct Rows {
  float* data;
  std::size_t stride;
  operator ConstRows() const { return {data, stride}; }
};

/// Form::per_unit. `unit` holds the learned number of each column; its gradient is added to `dunit`.
struct PerUnitFunctions {
  void (*forward)(ConstRows x, Rows y, std::size_t rows, std::size_t columns, const float* unit);
  void (*backward)(ConstRows saved, ConstRows dy, Rows dx, std::size_t rows, std::size_t columns,
                   const float* unit, float* dunit);
};

/// Where in the random numbers (core/random.h) an array's first element is: element i of the array uses
/// number first + i of stream `stream`, so any cut into slices draws the same numbers.
struct RandomPosition {
  std::uint64_t seed, stream, first;
};

/// Form::random: in training. For inference, ActivationFunctions of the same declaration use the mean.
struct RandomFunctions {
  void (*forward)(const float* x, float* y, std::size_t n, const float* parameters, RandomPosition position);
  void (*backward)(const float* saved, const float* dy, float* dx, std::size_t n, const float* parameters,
                   RandomPosition position);
};

/// Form::doubled (y and dy have 2 * columns; not in place) and Form::row. `saved` is y.
struct RowFunctions {
  void (*forward)(ConstRows x, Rows y, std::size_t rows, std::size_t columns);
  void (*backward)(ConstRows saved, ConstRows dy, Rows dx, std::size_t rows, std::size_t columns);
};

/// Resolved for the best instruction set of this machine; Error (fault) if the form is another.
ActivationFunctions activation_functions(const ActivationInfo& info);  ///< pointwise, and random in inference
PerUnitFunctions per_unit_functions(const ActivationInfo& info);
RandomFunctions random_functions(const ActivationInfo& info);
RowFunctions row_functions(const ActivationInfo& info);  ///< doubled and row

/// Whether the slope is zero wherever the output is zero, as relu's is, and not hard_swish's at 0: then a
/// gradient by outputs that are zero need not be known. False for Form::row.
bool flat_where_zero(const ActivationInfo& info, const float* parameters);

}  // namespace halfwave
