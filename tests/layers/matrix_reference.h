#pragma once
// What references of layers work on: matrices in double, and what a layer is given.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "core/random.h"
#include "layers/layer.h"

namespace halfwave {

/// [rows, columns] without padding; rows are examples, or positions of examples.
struct Matrix {
  std::size_t rows = 0, columns = 0;
  std::vector<double> numbers;
  Matrix() = default;
  Matrix(std::size_t r, std::size_t c) : rows(r), columns(c), numbers(r * c) {}
  double& operator()(std::size_t i, std::size_t j) { return numbers[i * columns + j]; }
  double operator()(std::size_t i, std::size_t j) const { return numbers[i * columns + j]; }
};

/// A layer's tensors, each as people see it.
using Tensors = std::vector<std::vector<double>>;

struct ReferenceInput {
  const Layer& layer;
  const Matrix& x;
  Tensors& tensors;  ///< the running statistics change in training
  const StepContext& context;
  std::uint64_t number;                    ///< of the layer in its network
  std::vector<const Matrix*> joined = {};  ///< of a layer that joins: all inputs; x is the first

  /// The random number of element (i, j): that of its place in the padded matrix.
  std::uint32_t draw(std::size_t i, std::size_t j) const {
    const std::uint64_t at = (number << 40) + i * row_stride(x.columns) + j;
    return Random(context.seed, stream_id(Stream::dropout, context.step)).block(at / 4)[at % 4];
  }
};

}  // namespace halfwave
