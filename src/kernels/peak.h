#pragma once
#include <cstddef>

namespace halfwave {

/// Runs `rounds` rounds of independent fused multiply-adds in registers, the most this processor can do, and
/// returns how many floating-point operations that were. Timed, it gives the peak that the dense roofline is
/// measured against.
double run_multiply_adds(std::size_t rounds);

}  // namespace halfwave
