#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace halfwave {

/// IEEE 754 half precision, as files store it; arithmetic is done in float.
struct Float16 {
  std::uint16_t bits = 0;
  Float16() = default;
  explicit Float16(float x);  ///< rounded to the nearest, ties to even
  operator float() const;     // NOLINT(google-explicit-constructor): exact
};

/// The upper half of a float.
struct BFloat16 {
  std::uint16_t bits = 0;
  BFloat16() = default;
  explicit BFloat16(float x);  ///< rounded to the nearest, ties to even
  operator float() const {     // NOLINT(google-explicit-constructor): exact
    return std::bit_cast<float>(std::uint32_t{bits} << 16);
  }
};

/// What the elements of a tensor are; the values are those of ONNX's TensorProto.DataType, but for the last.
enum class ElementType : std::uint8_t {
  none = 0,  ///< not known
  float32 = 1,
  uint8 = 2,
  int8 = 3,
  uint16 = 4,
  int16 = 5,
  int32 = 6,
  int64 = 7,
  text = 8,
  boolean = 9,
  float16 = 10,
  float64 = 11,
  uint32 = 12,
  uint64 = 13,
  bfloat16 = 16,
  sequence = 31,  ///< tensors: the value is a sequence of them, as a tensor of rank 1
};

/// "float32"; "unknown" for what is not in the list.
std::string_view type_name(ElementType type);
/// Bytes of an element in memory; 0 for text, sequence and none.
std::size_t element_size(ElementType type);
bool is_floating(ElementType type);

template <class T>
inline constexpr ElementType kTypeOf = ElementType::none;
template <>
inline constexpr ElementType kTypeOf<float> = ElementType::float32;
template <>
inline constexpr ElementType kTypeOf<double> = ElementType::float64;
template <>
inline constexpr ElementType kTypeOf<Float16> = ElementType::float16;
template <>
inline constexpr ElementType kTypeOf<BFloat16> = ElementType::bfloat16;
template <>
inline constexpr ElementType kTypeOf<std::uint8_t> = ElementType::uint8;
template <>
inline constexpr ElementType kTypeOf<std::int8_t> = ElementType::int8;
template <>
inline constexpr ElementType kTypeOf<std::uint16_t> = ElementType::uint16;
template <>
inline constexpr ElementType kTypeOf<std::int16_t> = ElementType::int16;
template <>
inline constexpr ElementType kTypeOf<std::uint32_t> = ElementType::uint32;
template <>
inline constexpr ElementType kTypeOf<std::int32_t> = ElementType::int32;
template <>
inline constexpr ElementType kTypeOf<std::uint64_t> = ElementType::uint64;
template <>
inline constexpr ElementType kTypeOf<std::int64_t> = ElementType::int64;
template <>
inline constexpr ElementType kTypeOf<bool> = ElementType::boolean;
template <>
inline constexpr ElementType kTypeOf<std::string> = ElementType::text;
class Tensor;
template <>
inline constexpr ElementType kTypeOf<Tensor> = ElementType::sequence;

/// A type as an argument of visit_type's function.
template <class T>
struct TypeTag {
  using type = T;
};

/// Calls f(TypeTag<T>{}) with the C++ type of the elements; f(TypeTag<void>{}) for `none`, and for
/// `sequence`, of which only the operators on sequences know.
template <class F>
decltype(auto) visit_type(ElementType type, F&& f) {
  switch (type) {
    case ElementType::float32:
      return f(TypeTag<float>{});
    case ElementType::uint8:
      return f(TypeTag<std::uint8_t>{});
    case ElementType::int8:
      return f(TypeTag<std::int8_t>{});
    case ElementType::uint16:
      return f(TypeTag<std::uint16_t>{});
    case ElementType::int16:
      return f(TypeTag<std::int16_t>{});
    case ElementType::int32:
      return f(TypeTag<std::int32_t>{});
    case ElementType::int64:
      return f(TypeTag<std::int64_t>{});
    case ElementType::text:
      return f(TypeTag<std::string>{});
    case ElementType::boolean:
      return f(TypeTag<bool>{});
    case ElementType::float16:
      return f(TypeTag<Float16>{});
    case ElementType::float64:
      return f(TypeTag<double>{});
    case ElementType::uint32:
      return f(TypeTag<std::uint32_t>{});
    case ElementType::uint64:
      return f(TypeTag<std::uint64_t>{});
    case ElementType::bfloat16:
      return f(TypeTag<BFloat16>{});
    case ElementType::sequence:
    case ElementType::none:
      break;
  }
  return f(TypeTag<void>{});
}

}  // namespace halfwave
