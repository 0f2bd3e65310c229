#include "recognise/spread.h"

namespace halfwave {

bool spreads_to(const Dims& from, const Dims& to) {
  if (from.size() > to.size()) return false;
  for (std::size_t i = 0; i < from.size(); ++i)
    if (const std::int64_t size = from[from.size() - 1 - i]; size != 1 && size != to[to.size() - 1 - i])
      return false;
  return true;
}

std::vector<float> spread(const Tensor& numbers, const Dims& to) {
  const Tensor as_float = numbers.cast(ElementType::float32);
  const std::span<const float> from = as_float.elements<float>();
  if (numbers.dims() == to) return {from.begin(), from.end()};
  std::vector<float> made{from.begin(), from.end()};
  // From the last axis on: made is [outer, inner of `to`].
  std::size_t inner = 1;
  for (std::size_t i = 0; i < to.size(); ++i) {
    const auto size = static_cast<std::size_t>(to[to.size() - 1 - i]);
    const std::size_t has =
        i < numbers.rank() ? static_cast<std::size_t>(numbers.dims()[numbers.rank() - 1 - i]) : 1;
    if (has != size) {
      std::vector<float> wider;
      wider.reserve(made.size() * size);
      for (std::size_t begin = 0; begin < made.size(); begin += inner)
        for (std::size_t k = 0; k < size; ++k)
          wider.insert(wider.end(), made.begin() + static_cast<std::ptrdiff_t>(begin),
                       made.begin() + static_cast<std::ptrdiff_t>(begin + inner));
      made = std::move(wider);
    }
    inner *= size;
  }
  return made;
}

}  // namespace halfwave
