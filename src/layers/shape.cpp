#include "layers/shape.h"

#include <fmt/format.h>

namespace halfwave {

std::string describe(const Shape& shape) {
  const auto plural = [](std::size_t n, const char* what) {
    return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
  };
  switch (shape.rank) {
    case 1:
      return fmt::format("a signal of {} with {}", plural(shape.width, "position"),
                         plural(shape.channels, "channel"));
    case 2:
      return fmt::format("an image of {}x{} with {}", shape.height, shape.width,
                         plural(shape.channels, "channel"));
    default:
      return fmt::format("a row of {}", plural(shape.channels, "number"));
  }
}

}  // namespace halfwave
