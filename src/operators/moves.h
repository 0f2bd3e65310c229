#pragma once
#include <array>
#include <cstddef>
#include <cstring>
#include <vector>

#include "operators/arguments.h"

// Operators that move elements without looking at them: one loop for all types of the same size.

namespace halfwave {

/// An element as so many bytes.
template <std::size_t size>
struct Bytes {
  std::array<std::byte, size> bytes;
};

/// Calls f(TypeTag<T>{}) with a type that elements can be copied as: their bytes, or std::string.
template <class F>
void visit_storage(ElementType type, F&& f) {
  if (type == ElementType::text) return f(TypeTag<std::string>{});
  switch (element_size(type)) {
    case 1:
      return f(TypeTag<Bytes<1>>{});
    case 2:
      return f(TypeTag<Bytes<2>>{});
    case 4:
      return f(TypeTag<Bytes<4>>{});
    case 8:
      return f(TypeTag<Bytes<8>>{});
    default:
      throw input_error("elements of an unknown type cannot be moved");
  }
}
template <class T>
const T* storage(const Tensor& tensor) {
  return static_cast<const T*>(tensor.data());
}
template <class T>
T* storage(Tensor& tensor) {
  return static_cast<T*>(tensor.data());
}

/// For each axis of an output, for each index along it, how many elements of the input it adds to the place
/// of the element that is taken: out[i, j, …] = in[offsets[0][i] + offsets[1][j] + …]. One that is negative
/// makes all elements with that index the fill.
using Offsets = std::vector<std::vector<std::int64_t>>;
inline constexpr std::int64_t kFill = -1;

/// The offsets first, first + step, … of an axis of `count`.
std::vector<std::int64_t> evenly(std::int64_t count, std::int64_t step, std::int64_t first = 0);

/// Fills out by offsets that all lie in `in`; fill: one element of the same type, or empty for zero.
void take_elements(const Tensor& in, const Offsets& offsets, Tensor& out, const Tensor& fill = {});

/// Copies the parts, one behind the other along an axis, to `out`, which has their shape in all other axes.
void join_elements(std::span<const Tensor> parts, std::size_t axis, Tensor& out);
/// Copies parts of these lengths along an axis from `in`, but for those that are left out (empty).
void split_elements(const Tensor& in, std::size_t axis, std::span<const std::int64_t> lengths,
                    std::span<Tensor> parts);
/// Fills out with `in`, whose axes of 1 and missing first axes are repeated.
void stretch_elements(const Tensor& in, Tensor& out);

}  // namespace halfwave
