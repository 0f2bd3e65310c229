#include "recognise/view.h"

#include <algorithm>
#include <numeric>

namespace halfwave {

Dims View::dims() const {
  Dims dims;
  for (const Axis& axis : axes) dims.push_back(static_cast<std::int64_t>(size_of(axis)));
  return dims;
}

namespace {

Axis concatenated(const std::vector<Axis>& axes) {
  Axis all;
  for (const Axis& axis : axes) all.insert(all.end(), axis.begin(), axis.end());
  return normal(std::move(all));
}

}  // namespace

Axis View::all() const { return concatenated(axes); }

Axis normal(Axis axis) {
  Axis merged;
  for (const Factor& factor : axis) {
    if (factor.size == 1) continue;
    if (!merged.empty() && merged.back().stride == factor.size * factor.stride)
      merged.back() = {merged.back().size * factor.size, factor.stride};
    else
      merged.push_back(factor);
  }
  return merged;
}

std::size_t size_of(const Axis& axis) {
  return std::accumulate(axis.begin(), axis.end(), std::size_t{1},
                         [](std::size_t n, const Factor& factor) { return n * factor.size; });
}

std::vector<Axis> row_major(const Dims& dims) {
  std::vector<Axis> axes(dims.size());
  std::size_t stride = 1;
  for (std::size_t i = dims.size(); i-- > 0;) {
    const auto size = static_cast<std::size_t>(dims[i]);
    axes[i] = normal({{size, stride}});
    stride *= size;
  }
  return axes;
}

std::vector<Axis> channels_first(const Shape& shape) {
  std::vector<Axis> axes{normal({{shape.channels, 1}})};
  if (shape.rank == 2) axes.push_back(normal({{shape.height, shape.width * shape.channels}}));
  if (shape.rank >= 1) axes.push_back(normal({{shape.width, shape.channels}}));
  return axes;
}

Axis by_channel(const Shape& shape) { return concatenated(channels_first(shape)); }
Axis in_order(std::size_t numbers) { return normal({{numbers, 1}}); }

std::optional<std::vector<Axis>> reshaped(const std::vector<Axis>& axes, const Dims& dims) {
  Axis left = concatenated(axes);  // what the new axes are to be made of
  std::ranges::reverse(left);      // the outermost last
  std::vector<Axis> made;
  for (const std::int64_t dim : dims) {
    Axis axis;
    for (auto need = static_cast<std::size_t>(dim); need > 1;) {
      if (left.empty()) return std::nullopt;
      Factor& next = left.back();
      if (need % next.size == 0) {
        axis.push_back(next);
        need /= next.size;
        left.pop_back();
      } else if (next.size % need == 0) {
        next.size /= need;  // the inner part stays
        axis.push_back({need, next.size * next.stride});
        need = 1;
      } else {
        return std::nullopt;
      }
    }
    made.push_back(normal(std::move(axis)));
  }
  return left.empty() ? std::optional(made) : std::nullopt;
}

std::vector<std::uint32_t> numbers_of(const std::vector<Axis>& axes) {
  std::vector<std::uint32_t> numbers{0};
  for (const Axis& axis : axes)
    for (const Factor& factor : axis) {
      std::vector<std::uint32_t> finer;
      finer.reserve(numbers.size() * factor.size);
      for (const std::uint32_t number : numbers)
        for (std::size_t i = 0; i < factor.size; ++i)
          finer.push_back(number + static_cast<std::uint32_t>(i * factor.stride));
      numbers = std::move(finer);
    }
  return numbers;
}

}  // namespace halfwave
