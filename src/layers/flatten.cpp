#include <algorithm>

#include "layers/kinds.h"

namespace halfwave {
namespace {

/// One row of numbers an example, position by position. Where the rows of the positions have no padding
/// between them, they are that row already.
class Flatten final : public Layer {
 public:
  using Layer::Layer;
  bool in_place() const override { return identity(); }
  bool identity() const override { return input().positions() == 1 || inputs() % kLineFloats == 0; }
  Zeros zeros(Zeros input, bool) const override { return input; }

  void forward(const StepContext& context, const LayerMemory& m) const override {
    make_rows(context.batch, threads(context), m.y, m.y_stride, m.y_nonzeros, [&](Range examples) {
      if (m.y == m.x) return;
      for_positions(examples, m,
                    [&](std::size_t grid, std::size_t row) { std::copy_n(m.x + grid, inputs(), m.y + row); });
    });
  }
  void backward(const StepContext& context, const LayerMemory& m, GradientSink&) const override {
    if (!m.dx || m.dx == m.dy) return;
    make_rows(context.batch, threads(context), m.dx, m.x_stride, nullptr, [&](Range examples) {
      for_positions(examples, m, [&](std::size_t grid, std::size_t row) {
        std::copy_n(m.dy + row, inputs(), m.dx + grid);
      });
    });
  }

 private:
  int threads(const StepContext& context) const { return context.team(context.batch * outputs()); }
  /// Calls move(a, b) for each position: its numbers begin at float a of x and dx, b of y and dy.
  template <class Move>
  void for_positions(Range examples, const LayerMemory& m, Move&& move) const {
    const std::size_t positions = input().positions();
    for (std::size_t e = examples.begin; e < examples.end; ++e)
      for (std::size_t p = 0; p < positions; ++p)
        move((e * positions + p) * m.x_stride, e * m.y_stride + p * inputs());
  }
  Shape output_for(const Shape& input) const override { return Shape::row(input.numbers()); }
};

}  // namespace

LayerInfo flatten_layer() {
  return {.name = "flatten",
          .help = "an image or a signal as one row of numbers, position by position",
          .onnx = "row(x)",
          .fields = {},
          .make = make_layer<Flatten>};
}

}  // namespace halfwave
