#pragma once
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "product_variants.h"

// What the results of all variants are compared with, so that none is fast because it is wrong.

namespace halfwave {

/// The result that a variant left, plain and row-major; of the input gradient only what the mask keeps.
inline std::vector<float> plain_result(const Variant& variant, const Case& c, const Operands& o,
                                       const float* output) {
  const bool weights = c.product == Product::weight_gradient;
  const std::size_t rows = weights ? o.shape.in : o.shape.batch;
  const std::size_t columns = c.product == Product::input_gradient ? o.shape.in : o.shape.out;
  std::vector<float> plain(rows * columns);
  if (variant.layout == Layout::panels) {
    unpack_panels(output, o.weights, plain.data());
    return plain;
  }
  const std::size_t stride = round_up(variant.layout == Layout::transposed ? rows : columns, kLineFloats);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j) {
      const float value =
          variant.layout == Layout::transposed ? output[j * stride + i] : output[i * stride + j];
      const bool kept = c.product != Product::input_gradient || o.h[0][i * o.in_stride + j] != 0.0f;
      plain[i * columns + j] = kept ? value : 0.0f;
    }
  return plain;
}

/// The largest difference of two results, relative to the largest number. NaN counts as infinite.
inline double difference(const std::vector<float>& a, const std::vector<float>& b) {
  double largest = 0, scale = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    largest = std::max(largest, std::isnan(d) ? std::numeric_limits<double>::infinity() : d);
    scale = std::max(scale, std::abs(static_cast<double>(b[i])));
  }
  return largest / std::max(scale, 1e-30);
}

/// The product of batch 0 in double precision, written as its definition.
inline std::vector<float> reference(const Case& c, const Operands& o) {
  const auto [batch, in, out] = o.shape;
  const bool forward = c.product == Product::forward, weights = c.product == Product::weight_gradient;
  const std::size_t rows = weights ? in : batch, columns = forward || weights ? out : in;
  std::vector<double> sums(columns);
  std::vector<float> result;
  for (std::size_t i = 0; i < rows; ++i) {
    std::ranges::fill(sums, 0.0);
    const std::size_t terms = forward ? in : weights ? batch : out;
    for (std::size_t k = 0; k < terms; ++k) {
      const float a = forward   ? o.h[0][i * o.in_stride + k]
                      : weights ? o.h[0][k * o.in_stride + i]
                                : o.dy[0][i * o.out_stride + k];
      const float* const row = forward   ? o.w.data() + k * o.out_stride
                               : weights ? o.dy[0].data() + k * o.out_stride
                                         : o.w_transposed.data() + k * o.in_stride;
      for (std::size_t j = 0; j < columns; ++j)
        sums[j] += static_cast<double>(a) * static_cast<double>(row[j]);
    }
    for (std::size_t j = 0; j < columns; ++j) {
      const bool kept = forward || weights || o.h[0][i * o.in_stride + j] != 0.0f;
      result.push_back(kept ? static_cast<float>(sums[j]) : 0.0f);
    }
  }
  return result;
}

}  // namespace halfwave
