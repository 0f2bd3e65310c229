#pragma once

namespace halfwave {

/// Floating-point operations a second of `threads` threads doing nothing but multiply-adds: the best of
/// several tries within about `seconds`, for other programs can only lower it.
double multiply_add_peak(int threads, double seconds);

/// The threads that an option means: 0 is all processors.
int bench_threads(long long option);

}  // namespace halfwave
