#pragma once
#include <cmath>
#include <cstddef>

namespace halfwave {

/// A sum of products of floats in double, and the bound on the error of any order of float operations that
/// make it. `steps`: operations an entry of the sum goes through besides those of the sum itself.
struct Exact {
  double sum = 0, size = 0;
  std::size_t terms = 0, steps = 1;
  void add(double a, double b) {
    sum += a * b;
    size += std::fabs(a * b);
    ++terms;
  }
  double bound() const { return static_cast<double>(terms + steps) * 0x1p-24 * size * 1.01 + 1e-30; }
};

}  // namespace halfwave
