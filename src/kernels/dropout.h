#pragma once
#include <cstddef>
#include <cstdint>

#include "core/random.h"

namespace halfwave {

/// What becomes of a number in dropout: kept, x · scale + shift; dropped, `dropped`.
struct DropoutRule {
  float rate;  ///< probability of being dropped
  float scale, shift, dropped;
};

/// Numbers decided by one word of the mask.
inline constexpr std::size_t kMaskBits = 32;

/// y = rule(x) for n numbers. Bit i of mask says that number i is kept. The decisions are those of
/// `random` from position `first` / 4 on, so any partition of the work draws the same. In place allowed.
void dropout_forward(const DropoutRule& rule, const Random& random, std::uint64_t first, const float* x,
                     std::size_t n, float* y, std::uint32_t* mask);

/// dx = kept ? dy · scale : 0. In place allowed.
void dropout_backward(const DropoutRule& rule, const std::uint32_t* mask, const float* dy, std::size_t n,
                      float* dx);

}  // namespace halfwave
