#include "layers/layer.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>

namespace halfwave {

std::size_t TensorSpec::count() const {
  return std::accumulate(shape.begin(), shape.end(), std::size_t{1}, std::multiplies<>());
}

std::size_t TensorSpec::storage() const {
  return panels ? Panels{shape[0], shape[1]}.size() : round_up(count(), kLineFloats);
}

std::string Layer::line() const {
  std::string text(info_.name);
  std::size_t positional = 0;  // fields written so far without their name: only while none was left out
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    if (fields_[i] == info_.fields[i].value) continue;
    if (positional == i) {
      text += fmt::format(" {}", fields_[i]);
      ++positional;
    } else {
      text += fmt::format(" {}={}", info_.fields[i].name, fields_[i]);
    }
  }
  return text;
}

double StepContext::skips_below(Product product, std::size_t width) const {
  switch (skipping) {
    case Skipping::always:
      return 2.0;
    case Skipping::never:
      return 0.0;
    case Skipping::automatic:
      break;
  }
  return crossovers().density(product, batch, width);
}

void RowLayer::forward(const StepContext& context, const LayerMemory& m) const {
  make_rows(context.batch, context.team(context.batch * m.x_stride * kWork), m.y, m.y_stride, m.y_nonzeros,
            [&](Range rows) { forward_rows(context, m, rows); });
}

}  // namespace halfwave
