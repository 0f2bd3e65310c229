#pragma once
#include <cstddef>
#include <span>

#include "operators/operator.h"

namespace halfwave {

// Parts of the family normalisation_operators(), a file each.
std::span<const Operator> row_normalisation_operators();   // LayerNormalization, RMSNormalization
std::span<const Operator> axis_normalisation_operators();  // LRN, LpNormalization, MeanVarianceNormalization

struct Moments {
  double mean = 0.0, variance = 0.0;
};

/// Mean and variance of n > 0 numbers; about zero where they are not centred.
template <class T>
Moments moments_of(const T* x, std::size_t n, bool centred) {
  const auto count = static_cast<double>(n);
  Moments m;
  if (centred) {
    for (std::size_t i = 0; i < n; ++i) m.mean += static_cast<double>(x[i]);
    m.mean /= count;
  }
  for (std::size_t i = 0; i < n; ++i) {
    const double away = static_cast<double>(x[i]) - m.mean;
    m.variance += away * away;
  }
  m.variance /= count;
  return m;
}

}  // namespace halfwave
