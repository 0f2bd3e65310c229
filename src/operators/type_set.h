#pragma once
#include <halfwave/error.h>

#include <initializer_list>
#include <limits>
#include <string>

#include "operators/arguments.h"

namespace halfwave {

/// Some of the element types: those that an operator takes, or that a kernel is compiled for.
struct TypeSet {
  std::uint32_t bits = 0;

  constexpr TypeSet(std::initializer_list<ElementType> types) {
    for (const ElementType type : types) bits |= bit(type);
  }
  constexpr bool has(ElementType type) const { return (bits & bit(type)) != 0; }
  friend constexpr TypeSet operator|(TypeSet a, TypeSet b) {
    a.bits |= b.bits;
    return a;
  }

 private:
  static constexpr std::uint32_t bit(ElementType type) {
    return std::uint32_t{1} << static_cast<unsigned>(type);
  }
};

inline constexpr TypeSet kText{ElementType::text}, kBoolean{ElementType::boolean},
    kHalfPrecision{ElementType::float16, ElementType::bfloat16},
    kFullPrecision{ElementType::float32, ElementType::float64},
    kSigned{ElementType::int8, ElementType::int16, ElementType::int32, ElementType::int64},
    kUnsigned{ElementType::uint8, ElementType::uint16, ElementType::uint32, ElementType::uint64},
    kWide{ElementType::float32, ElementType::float64, ElementType::int64, ElementType::uint64},
    kFloating = kFullPrecision | kHalfPrecision, kIntegers = kSigned | kUnsigned,
    kNumbers = kFloating | kIntegers, kAnyType = kNumbers | kBoolean | kText;

/// Input i, which must be there and of one of the types; else Error (input).
const ValueInfo& argument_among(Infos inputs, std::size_t i, TypeSet types);
/// Input i, if it is there and its shape is known, must be one element; else Error (input).
void check_scalar(Infos inputs, std::size_t i);

/// visit_type for the types of the set; another is an Error (fault).
template <TypeSet kTypes, class F>
void visit_among(ElementType type, F&& f) {
  visit_type(type, [&]<class T>(TypeTag<T> tag) {
    if constexpr (kTypes.has(kTypeOf<T>))
      f(tag);
    else
      throw Error(ErrorKind::fault, "no kernel for elements of " + std::string(type_name(type)));
  });
}

/// The type in which numbers of `type` are computed where there are kernels for `compiled` only: half
/// precision in float, small integers in wide ones, or in double.
ElementType computed_type(ElementType type, TypeSet compiled);

/// Runs `compute` with those of the first `inputs` inputs and of the outputs that are of the first input's
/// type as tensors of its computed_type, so that results are rounded once.
void compute_as(const OperatorCall& call, TypeSet compiled, void (*compute)(const OperatorCall&),
                std::size_t inputs = std::numeric_limits<std::size_t>::max());

}  // namespace halfwave
