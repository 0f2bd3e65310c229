#include "operators/family_parts.h"
#include "operators/shape_family.h"

namespace halfwave {

std::span<const Operator> shape_operators() {
  static const std::vector<Operator> all =
      joined({reshaping_operators(), arranging_operators(), slicing_operators(), gathering_operators(),
              constant_operators(), sorting_operators()});
  return all;
}

}  // namespace halfwave
