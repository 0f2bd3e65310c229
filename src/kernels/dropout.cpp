#include "kernels/dropout.h"

#include <algorithm>
#include <cmath>

namespace halfwave {

void dropout_forward(const DropoutRule& rule, const Random& random, std::uint64_t first, const float* x,
                     std::size_t n, float* y, std::uint32_t* mask) {
  const auto threshold =
      static_cast<std::uint32_t>(std::min(std::ldexp(static_cast<double>(rule.rate), 32), 0x1p32 - 1));
  for (std::size_t i = 0; i < n; i += kMaskBits) {
    const auto count = static_cast<std::uint32_t>(std::min(kMaskBits, n - i));
    std::uint32_t bits = 0;
    for (std::uint32_t b = 0; b < count; b += 4) {
      const auto draw = random.block((first + i + b) / 4);
      for (std::uint32_t k = 0; k < 4; ++k)
        bits |= static_cast<std::uint32_t>(draw[k] >= threshold) << (b + k);
    }
    mask[i / kMaskBits] = bits;
    for (std::uint32_t b = 0; b < count; ++b)
      y[i + b] = (bits >> b & 1u) != 0 ? x[i + b] * rule.scale + rule.shift : rule.dropped;
  }
}

void dropout_backward(const DropoutRule& rule, const std::uint32_t* mask, const float* dy, std::size_t n,
                      float* dx) {
  for (std::size_t i = 0; i < n; i += kMaskBits) {
    const std::uint32_t bits = mask[i / kMaskBits];
    for (std::size_t b = 0; b < std::min(kMaskBits, n - i); ++b)
      dx[i + b] = (bits >> b & 1u) != 0 ? dy[i + b] * rule.scale : 0.0f;
  }
}

}  // namespace halfwave
