#pragma once
#include <optional>
#include <span>
#include <vector>

#include "operators/operator.h"

// What every family of operators needs to read its inputs, axes and shapes. Where something does not fit
// these throw Error (input); the graph adds the node's name.

namespace halfwave {

using Infos = std::span<const ValueInfo>;

inline bool given(Infos inputs, std::size_t i) {
  return i < inputs.size() && inputs[i].type != ElementType::none;
}
/// What is known of input i, which must not be left out.
const ValueInfo& argument(Infos inputs, std::size_t i);
/// The same, of a floating-point type.
const ValueInfo& floating_argument(Infos inputs, std::size_t i);
/// Two inputs that are there must be of one type.
void check_same_type(Infos inputs, std::size_t i, std::size_t j);
/// The whole numbers of input i; nothing where its value is not known.
std::optional<std::vector<std::int64_t>> known_integers(Infos inputs, std::size_t i);
/// What is known of the inputs while they are all there.
std::vector<ValueInfo> infos_of(const OperatorCall& call);

/// Whole numbers that are an attribute in a node's older opsets and an input in the newer ones.
struct Setting {
  bool given = false;
  std::optional<std::vector<std::int64_t>> numbers;  ///< not known where the input's value is not
};
Setting setting(const OperatorNode& node, std::string_view attribute, Infos inputs, std::size_t i,
                std::int64_t input_since);

/// An axis counted from the front, or from the end where it is negative; 0 … rank-1.
std::size_t axis_of(std::int64_t axis, std::size_t rank);
/// Several axes, none of them twice.
std::vector<std::size_t> axes_of(std::span<const std::int64_t> axes, std::size_t rank);

/// Product of the dimensions first … last-1.
std::int64_t product(const Dims& dims, std::size_t first, std::size_t last);
/// Elements from one index of each axis to the next, in row-major order.
Dims strides_of(const Dims& dims);
/// The shape that both are broadcast to, as NumPy does it.
Dims broadcast_dims(const Dims& a, const Dims& b);

/// a·b, a+b of shapes' numbers, which may be anything.
std::int64_t checked_product(std::int64_t a, std::int64_t b);
std::int64_t checked_sum(std::int64_t a, std::int64_t b);

/// One output of that type and shape.
std::vector<ValueInfo> one_output(ElementType type, std::optional<Dims> dims);

}  // namespace halfwave
