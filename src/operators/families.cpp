#include "operators/family_parts.h"

namespace halfwave {

std::vector<Operator> joined(std::initializer_list<std::span<const Operator>> lists) {
  std::vector<Operator> all;
  for (const std::span<const Operator> list : lists) all.insert(all.end(), list.begin(), list.end());
  return all;
}

std::span<const Operator> elementwise_operators() {
  static const std::vector<Operator> all =
      joined({arithmetic_operators(), function_operators(), comparison_operators(), conversion_operators()});
  return all;
}

std::span<const Operator> activation_operators() {
  static const std::vector<Operator> all = joined({pointwise_operators(), softmax_operators()});
  return all;
}

std::span<const Operator> reduction_operators() {
  static const std::vector<Operator> all = joined({reduce_operators(), along_axis_operators()});
  return all;
}

}  // namespace halfwave
