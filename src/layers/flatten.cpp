#include <algorithm>

#include "layers/kinds.h"

namespace halfwave {
namespace {

/// One row of numbers an example. The rows of a batch are stored that way already, so nothing moves.
class Flatten final : public RowLayer {
 public:
  using RowLayer::RowLayer;
  bool in_place() const override { return true; }
  bool identity() const override { return true; }
  Zeros zeros(Zeros input, bool) const override { return input; }
  void forward_rows(const StepContext&, const LayerMemory& m, Range rows) const override {
    if (m.y != m.x)
      std::copy_n(m.x + rows.begin * m.x_stride, rows.size() * m.x_stride, m.y + rows.begin * m.y_stride);
  }
  void backward(const StepContext& context, const LayerMemory& m, GradientSink&) const override {
    if (m.dx && m.dx != m.dy) std::copy_n(m.dy, context.batch * m.x_stride, m.dx);
  }
};

}  // namespace

LayerInfo flatten_layer() {
  return {.name = "flatten",
          .help = "an image as one row of numbers",
          .onnx = "Flatten(x, axis=1)",
          .fields = {},
          .make = make_layer<Flatten>};
}

}  // namespace halfwave
