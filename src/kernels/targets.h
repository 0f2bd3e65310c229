#pragma once

// Which instruction sets the kernels are compiled for; include before any of Highway's headers. AVX-512,
// AVX2, SSE4 and the scalar baseline; SSSE3 and the Ice Lake variant of AVX-512 would double the build's time
// for machines that one of these serves as well. SVE is left to NEON: its vectors have no size that arrays of
// them could have.
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#endif
