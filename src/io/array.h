#pragma once
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "io/byte_source.h"

namespace halfwave {

/// How a file stores one element.
struct ElementType {
  enum class Kind { boolean, unsigned_integer, integer, floating, utf32, bytes };
  Kind kind = Kind::unsigned_integer;
  std::size_t size = 1;  ///< bytes
  bool big_endian = false;

  bool text() const { return kind == Kind::utf32 || kind == Kind::bytes; }
};

/// What an array is read for: inputs stay bytes or become float; labels keep every integer exactly, and text.
enum class ArrayUse { inputs, labels };

/// An array as a file has it, row after row (the last axis is contiguous).
struct Array {
  std::string name;  ///< for messages: the file, and the member of the archive
  std::vector<std::size_t> shape;
  bool integer = false;  ///< the file stores integers
  std::variant<std::vector<std::uint8_t>, std::vector<float>, std::vector<double>, std::vector<std::string>>
      values;

  std::size_t count() const { return shape.empty() ? 1 : shape[0]; }
  /// Elements of one example: the product of all axes but the first.
  std::size_t row_size() const;
};

/// Reads the elements of an array of this shape, and the end of the source. In Fortran order the first axis
/// is contiguous. Throws Error (input) where the source is shorter or longer than the shape, and where a
/// number is not finite.
Array read_elements(ByteSource& source, std::vector<std::size_t> shape, ElementType type, bool fortran_order,
                    ArrayUse use);

/// Elements of an array with these dimensions. Throws Error (input) where no memory could hold them.
std::size_t element_count(const std::string& name, const std::vector<std::size_t>& shape);

/// "{60000, 28, 28}"
std::string shape_text(const std::vector<std::size_t>& shape);

/// Moves the axes of every example from {height, width, channels} to {channels, height, width}.
void channels_first(Array& array);
/// The way back.
void channels_last(Array& array);

}  // namespace halfwave
