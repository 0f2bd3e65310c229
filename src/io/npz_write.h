#pragma once
#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace halfwave {

/// Header of a NumPy file, format 1.0, of an array in C order; the numbers follow it. type: as NumPy writes
/// it, e.g. "<f4" for little-endian 32-bit floats.
std::string npy_header(std::string_view type, std::span<const std::size_t> shape);

/// The type of a number for npy_header.
template <class Number>
constexpr std::string_view npy_type() {
  static_assert(sizeof(Number) == 4 || sizeof(Number) == 8);
  if constexpr (std::numeric_limits<Number>::is_integer) return sizeof(Number) == 4 ? "<i4" : "<i8";
  return sizeof(Number) == 4 ? "<f4" : "<f8";
}

/// An array of an archive; the bytes are not copied.
struct NpzMember {
  std::string name;  ///< without ".npy"
  std::string header;
  std::span<const std::uint8_t> bytes;
};

template <class Number>
NpzMember npz_member(std::string name, std::span<const Number> numbers, std::span<const std::size_t> shape) {
  return {std::move(name),
          npy_header(npy_type<Number>(), shape),
          {reinterpret_cast<const std::uint8_t*>(numbers.data()), numbers.size_bytes()}};
}

/// Sizes and places from this one on are written in the 64-bit fields of the zip format.
inline constexpr std::uint64_t kZip64From = std::numeric_limits<std::uint32_t>::max();

/// Writes a `.npy` file, whole or not at all. Throws Error (input) where that fails.
void write_npy(const std::filesystem::path& path, std::span<const float> numbers,
               std::span<const std::size_t> shape);
/// Writes an `.npz` archive, its members not compressed, whole or not at all. Throws Error (input) where that
/// fails.
void write_npz(const std::filesystem::path& path, std::span<const NpzMember> members,
               std::uint64_t zip64_from = kZip64From);

}  // namespace halfwave
