#include "operators/element_type.h"

#include <cmath>

namespace halfwave {

Float16::operator float() const {
  const std::uint32_t sign = std::uint32_t{bits & 0x8000u} << 16, size = std::uint32_t{bits & 0x7FFFu} << 13;
  if (size >= 0x0F800000u) return std::bit_cast<float>(sign | 0x7F800000u | size);  // infinite, or a NaN
  // The same digits; the exponents of a float begin 112 lower. Exact, for subnormal numbers too.
  return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(std::bit_cast<float>(size) * 0x1p112f));
}

Float16::Float16(float x) {
  const auto whole = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t sign = (whole >> 16) & 0x8000u;
  const float size = std::fabs(x);
  std::uint32_t rest = 0;
  if (std::isnan(x)) {
    rest = 0x7E00u;
  } else if (size >= 65520.0f) {  // halfway beyond the largest
    rest = 0x7C00u;
  } else if (size < 0x1p-14f) {  // subnormal: beside 0.5 a float's last digit is 2^-24, as here
    rest = std::bit_cast<std::uint32_t>(size + 0.5f) - std::bit_cast<std::uint32_t>(0.5f);
  } else {
    const std::uint32_t n = std::bit_cast<std::uint32_t>(size) - (112u << 23);
    rest = (n + 0xFFFu + ((n >> 13) & 1u)) >> 13;
  }
  bits = static_cast<std::uint16_t>(sign | rest);
}

BFloat16::BFloat16(float x) {
  std::uint32_t n = std::bit_cast<std::uint32_t>(x);
  if (std::isnan(x)) {
    bits = static_cast<std::uint16_t>((n >> 16) | 0x40u);
    return;
  }
  n += 0x7FFFu + ((n >> 16) & 1u);
  bits = static_cast<std::uint16_t>(n >> 16);
}

std::string_view type_name(ElementType type) {
  switch (type) {
    case ElementType::float32:
      return "float32";
    case ElementType::uint8:
      return "uint8";
    case ElementType::int8:
      return "int8";
    case ElementType::uint16:
      return "uint16";
    case ElementType::int16:
      return "int16";
    case ElementType::int32:
      return "int32";
    case ElementType::int64:
      return "int64";
    case ElementType::text:
      return "text";
    case ElementType::boolean:
      return "bool";
    case ElementType::float16:
      return "float16";
    case ElementType::float64:
      return "float64";
    case ElementType::uint32:
      return "uint32";
    case ElementType::uint64:
      return "uint64";
    case ElementType::bfloat16:
      return "bfloat16";
    case ElementType::sequence:
      return "sequence";
    case ElementType::none:
      break;
  }
  return "unknown";
}

std::size_t element_size(ElementType type) {
  return visit_type(type, []<class T>(TypeTag<T>) -> std::size_t {
    if constexpr (std::is_void_v<T> || std::is_same_v<T, std::string>)
      return 0;
    else
      return sizeof(T);
  });
}

bool is_floating(ElementType type) {
  return type == ElementType::float32 || type == ElementType::float64 || type == ElementType::float16 ||
         type == ElementType::bfloat16;
}

}  // namespace halfwave
