#pragma once
#include "operators/windows.h"

namespace halfwave {

/// A convolution of N-d images, channels first: x [batch, groups·in_channels, places of windows.in] with
/// weights [groups·out_channels, in_channels, taps] gives y [batch, groups·out_channels, windows.out].
struct Convolution {
  std::size_t batch = 0, groups = 1;
  std::size_t in_channels = 0, out_channels = 0;  ///< of a group
  std::vector<Window> windows;

  std::size_t in_places() const;
  std::size_t out_places() const;
  std::size_t taps() const;
  double operations() const;  ///< multiply-adds of all
};

/// y = convolution of x, plus the bias of each channel (empty: none). T: float, double.
template <class T>
void convolve(const Convolution& c, std::span<const T> x, std::span<const T> weights, std::span<const T> bias,
              std::span<T> y, int threads);

/// The transposed map: from x in the shape of a convolution's output to y in the shape of its input, with the
/// same weights. y is zero before.
template <class T>
void convolve_transposed(const Convolution& c, std::span<const T> x, std::span<const T> weights,
                         std::span<const T> bias, std::span<T> y, int threads);

}  // namespace halfwave
