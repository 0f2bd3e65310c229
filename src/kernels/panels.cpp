#include "kernels/panels.h"

#include <algorithm>

namespace halfwave {

void pack_panels(const float* matrix, std::size_t stride, Panels shape, std::size_t first, std::size_t last,
                 float* panels) {
  for (std::size_t p = first; p < last; ++p) {
    const std::size_t used = shape.used(p), width = shape.width(p);
    const float* from = matrix + p * Panels::kWidth;
    float* to = panels + shape.offset(p);
    for (std::size_t row = 0; row < shape.rows; ++row, from += stride, to += width) {
      std::copy_n(from, used, to);
      std::fill(to + used, to + width, 0.0f);
    }
  }
}

void unpack_panels(const float* panels, Panels shape, float* matrix) {
  for (std::size_t p = 0; p < shape.count(); ++p) {
    const float* from = panels + shape.offset(p);
    for (std::size_t row = 0; row < shape.rows; ++row)
      std::copy_n(from + row * shape.width(p), shape.used(p),
                  matrix + row * shape.columns + p * Panels::kWidth);
  }
}

}  // namespace halfwave
