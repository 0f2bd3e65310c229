#include "operators/arguments.h"

#include <fmt/format.h>

#include <algorithm>

namespace halfwave {

const ValueInfo& argument(Infos inputs, std::size_t i) {
  if (!given(inputs, i)) throw input_error(fmt::format("input {} is missing", i + 1));
  return inputs[i];
}

const ValueInfo& floating_argument(Infos inputs, std::size_t i) {
  const ValueInfo& info = argument(inputs, i);
  if (!is_floating(info.type))
    throw input_error(
        fmt::format("input {} must be of floating-point numbers, not {}", i + 1, type_name(info.type)));
  return info;
}

void check_same_type(Infos inputs, std::size_t i, std::size_t j) {
  if (!given(inputs, i) || !given(inputs, j) || inputs[i].type == inputs[j].type) return;
  throw input_error(fmt::format("inputs {} and {} are of different types, {} and {}", i + 1, j + 1,
                                type_name(inputs[i].type), type_name(inputs[j].type)));
}

std::optional<std::vector<std::int64_t>> known_integers(Infos inputs, std::size_t i) {
  const ValueInfo& info = argument(inputs, i);
  if (!info.value) return std::nullopt;
  return info.value.integers();
}

std::vector<ValueInfo> infos_of(const OperatorCall& call) {
  std::vector<ValueInfo> infos;
  for (const Tensor& input : call.inputs) infos.push_back(info_of(input));
  return infos;
}

Setting setting(const OperatorNode& node, std::string_view attribute, Infos inputs, std::size_t i,
                std::int64_t input_since) {
  if (node.opset < input_since) {
    if (!node.has(attribute)) return {};
    return {true, node.integers(attribute)};
  }
  if (!given(inputs, i)) return {};
  return {true, known_integers(inputs, i)};
}

std::size_t axis_of(std::int64_t axis, std::size_t rank) {
  const auto n = static_cast<std::int64_t>(rank);
  if (axis < -n || axis >= n)
    throw input_error(fmt::format("axis {} is none of a tensor of rank {}", axis, rank));
  return static_cast<std::size_t>(axis < 0 ? axis + n : axis);
}

std::vector<std::size_t> axes_of(std::span<const std::int64_t> axes, std::size_t rank) {
  std::vector<std::size_t> found;
  std::vector<bool> seen(rank, false);
  for (const std::int64_t axis : axes) {
    found.push_back(axis_of(axis, rank));
    if (seen[found.back()]) throw input_error(fmt::format("axis {} is given twice", axis));
    seen[found.back()] = true;
  }
  return found;
}

std::int64_t checked_product(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (__builtin_mul_overflow(a, b, &result)) throw input_error(fmt::format("{} × {} is too large", a, b));
  return result;
}

std::int64_t checked_sum(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (__builtin_add_overflow(a, b, &result)) throw input_error(fmt::format("{} + {} is too large", a, b));
  return result;
}

std::int64_t product(const Dims& dims, std::size_t first, std::size_t last) {
  std::int64_t result = 1;
  for (std::size_t i = first; i < last; ++i) result = checked_product(result, dims[i]);
  return result;
}

Dims strides_of(const Dims& dims) {
  Dims strides(dims.size(), 1);
  for (std::size_t i = dims.size(); i-- > 1;) strides[i - 1] = checked_product(strides[i], dims[i]);
  return strides;
}

Dims broadcast_dims(const Dims& a, const Dims& b) {
  const Dims& longer = a.size() < b.size() ? b : a;
  const Dims& shorter = a.size() < b.size() ? a : b;
  Dims result = longer;
  const std::size_t shift = longer.size() - shorter.size();
  for (std::size_t i = 0; i < shorter.size(); ++i) {
    const std::int64_t x = longer[shift + i], y = shorter[i];
    if (x != y && x != 1 && y != 1)
      throw input_error(
          fmt::format("shapes {} and {} cannot be broadcast together", describe(a), describe(b)));
    result[shift + i] = x == 1 ? y : x;
  }
  return result;
}

std::vector<ValueInfo> one_output(ElementType type, std::optional<Dims> dims) {
  return {{type, std::move(dims), {}}};
}

}  // namespace halfwave
