#pragma once

// Which instruction sets the kernels are compiled for; include before any of Highway's headers. AVX-512,
// AVX2, SSE4 and the scalar baseline; SSSE3 and the Ice Lake variant of AVX-512 would double the build's time
// for machines that one of these serves as well.
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL)
#endif
