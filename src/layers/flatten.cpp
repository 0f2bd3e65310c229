#include <fmt/format.h>
#include <halfwave/error.h>

#include <algorithm>

#include "layers/grid_rows.h"
#include "layers/kinds.h"
#include "layers/transpose.h"

namespace halfwave {
namespace {

/// An example in two forms: as a grid, with a row of channels for each position, and as one row of numbers,
/// position by position or, as in ONNX, channel by channel.
struct Forms {
  const Shape& grid;
  std::size_t stride;  ///< floats from one position of the grid to the next
  bool channels_first;

  void to_row(const float* from, float* row) const {
    if (channels_first)
      return transpose(from, stride, grid.positions(), grid.channels, row, grid.positions());
    for (std::size_t p = 0; p < grid.positions(); ++p)
      std::copy_n(from + p * stride, grid.channels, row + p * grid.channels);
  }
  /// These positions of it alone.
  void to_grid(const float* row, Range positions, float* to) const {
    if (channels_first)
      return transpose(row + positions.begin, grid.positions(), grid.channels, positions.size(),
                       to + positions.begin * stride, stride);
    for (std::size_t p = positions.begin; p < positions.end; ++p)
      std::copy_n(row + p * grid.channels, grid.channels, to + p * stride);
  }
};

/// Where the rows of the positions have no padding between them, they are the one row already.
class Flatten final : public Layer {
 public:
  using Layer::Layer;
  bool in_place() const override { return identity(); }
  bool identity() const override {
    return input().positions() == 1 || (!channels_first() && inputs() % kLineFloats == 0);
  }
  Zeros zeros(Zeros input, bool) const override { return input; }

  void forward(const StepContext& context, const LayerMemory& m) const override {
    make_rows(context.batch, threads(context), m.y, m.y_stride, m.y_nonzeros, [&](Range examples) {
      if (m.y == m.x) return;
      for (std::size_t e = examples.begin; e < examples.end; ++e)
        forms(m).to_row(m.x + e * input().positions() * m.x_stride, m.y + e * m.y_stride);
    });
  }
  void backward(const StepContext& context, const LayerMemory& m, GradientSink&) const override {
    if (!m.dx || m.dx == m.dy) return;
    make_rows(context.batch, threads(context), m.dx, m.x_stride, nullptr, [&](Range examples) {
      for (std::size_t e = examples.begin; e < examples.end; ++e)
        forms(m).to_grid(m.dy + e * m.y_stride, {0, input().positions()},
                         m.dx + e * input().positions() * m.x_stride);
    });
  }

 private:
  bool channels_first() const { return field(0) != 0.0; }
  Forms forms(const LayerMemory& m) const { return {input(), m.x_stride, channels_first()}; }
  int threads(const StepContext& context) const { return context.team(context.batch * outputs()); }
  Shape output_for(const Shape& input) const override { return Shape::row(input.numbers()); }
};

class Unflatten final : public Layer {
 public:
  using Layer::Layer;
  Zeros zeros(Zeros input, bool) const override { return input; }

  bool tells_rows() const override { return true; }
  void forward(const StepContext& context, const LayerMemory& m) const override {
    const std::size_t count = output_rows(context), positions = output().positions();
    make_rows(
        count, threads(context), m.y, m.y_stride, m.y_nonzeros,
        [&](Range rows) {
          for_examples(rows, positions, [&](std::size_t e, Range part) {
            forms(m).to_grid(m.x + e * m.x_stride, part, m.y + e * positions * m.y_stride);
          });
        },
        m.row_sink, rows_together(output(), count));
  }
  void backward(const StepContext& context, const LayerMemory& m, GradientSink&) const override {
    if (!m.dx) return;
    make_rows(context.batch, threads(context), m.dx, m.x_stride, nullptr, [&](Range examples) {
      for (std::size_t e = examples.begin; e < examples.end; ++e)
        forms(m).to_row(m.dy + e * output().positions() * m.y_stride, m.dx + e * m.x_stride);
    });
  }

 private:
  enum Field { kChannels, kHeight, kWidth, kChannelsFirst };

  Forms forms(const LayerMemory& m) const { return {output(), m.y_stride, field(kChannelsFirst) != 0.0}; }
  int threads(const StepContext& context) const { return context.team(context.batch * inputs()); }

  Shape output_for(const Shape& input) const override {
    if (input.rank != 0)
      throw usage_error(fmt::format("unflatten takes a row of numbers, not {}.", describe(input)));
    Shape shape{2, first_of(kHeight), first_of(kWidth), first_of(kChannels)};
    if (shape.width == 0)
      shape = {1, 1, shape.height > 0 ? shape.height : input.channels / shape.channels, shape.channels};
    if (shape.numbers() != input.channels)
      throw usage_error(fmt::format("unflatten: {} cannot be {}.", describe(input), describe(shape)));
    return shape;
  }
};

LayerField order_field() {
  return {.name = "channels_first",
          .value = 0,
          .low = 0,
          .high = 1,
          .help = "1: channel by channel, 0: position by position",
          .whole = true};
}

}  // namespace

LayerInfo flatten_layer() {
  return {.name = "flatten",
          .help = "an image or a signal as one row of numbers, position by position",
          .onnx = "row(x, channels_first=channels_first)",
          .fields = {order_field()},
          .make = make_layer<Flatten>};
}

LayerInfo unflatten_layer() {
  constexpr double kMost = 1 << 20;
  return {
      .name = "unflatten",
      .help = "one row of numbers as an image or a signal, position by position",
      .onnx = "grid(x, channels_first=channels_first)",
      .fields = {{.name = "channels", .value = 1, .low = 1, .high = kMost, .help = "of it", .whole = true},
                 {.name = "height",
                  .value = 0,
                  .low = 0,
                  .high = kMost,
                  .help = "of an image, or a signal's length; 0: as many positions as there are numbers for",
                  .whole = true},
                 {.name = "width",
                  .value = 0,
                  .low = 0,
                  .high = kMost,
                  .help = "of an image; 0: a signal",
                  .whole = true},
                 order_field()},
      .make = make_layer<Unflatten>};
}

}  // namespace halfwave
