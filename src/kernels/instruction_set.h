#pragma once

namespace halfwave {

/// The instruction set that the kernels run with on this processor: "AVX-512", "AVX2", "SSE4", "NEON", ...
const char* instruction_set();

}  // namespace halfwave
