#pragma once
#include <cmath>
#include <cstdint>
#include <type_traits>

// Arithmetic of whole numbers that wraps around, whatever their width and sign, where C++ leaves it
// undefined.

namespace halfwave {

/// f(a, b), where f is a sum, difference or product.
template <class T, class F>
constexpr T wrapping(T a, T b, F f) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(f(static_cast<std::uint64_t>(a), static_cast<std::uint64_t>(b)));
  else
    return f(a, b);
}

template <class T>
constexpr T negated(T x) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(std::uint64_t{0} - static_cast<std::uint64_t>(x));
  else
    return -x;
}

/// |x|; the lowest whole number, which has none, stays as it is.
template <class T>
T magnitude(T x) {
  if constexpr (std::is_floating_point_v<T>)
    return std::fabs(x);
  else
    return x < T{0} ? negated(x) : x;
}

template <class T>
bool is_nan(T x) {
  if constexpr (std::is_floating_point_v<T>)
    return std::isnan(x);
  else
    return false;
}

}  // namespace halfwave
