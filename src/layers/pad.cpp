#include <fmt/format.h>
#include <halfwave/error.h>

#include <algorithm>
#include <limits>

#include "layers/grid_rows.h"
#include "layers/kinds.h"

namespace halfwave {
namespace {

/// More positions around the grid, all of one value; or, where a number is negative, fewer of its own.
class Pad final : public Layer {
 public:
  using Layer::Layer;
  bool needs_grid() const override { return true; }
  Zeros zeros(Zeros input, bool) const override { return input; }

  /// As ONNX has them: the batch, the channels, the grid; all beginnings, then all ends.
  std::vector<std::int64_t> onnx_integers(std::string_view name) const override {
    if (name != "pads") return {};
    const auto whole = [&](Field f) { return static_cast<std::int64_t>(field(f)); };
    if (input().rank == 1) return {0, 0, whole(kLeft), 0, 0, whole(kRight)};
    return {0, 0, whole(kTop), whole(kLeft), 0, 0, whole(kBottom), whole(kRight)};
  }

  bool tells_rows() const override { return true; }
  void forward(const StepContext& context, const LayerMemory& m) const override {
    const std::size_t count = output_rows(context);
    make_rows(
        count, context.team(count * m.y_stride), m.y, m.y_stride, m.y_nonzeros,
        [&](Range rows) {
          for_pairs(output(), input(), -field(kTop), -field(kLeft), rows,
                    [&](std::size_t to, const auto* from) {
                      if (from)
                        std::copy_n(m.x + *from * m.x_stride, inputs(), m.y + to * m.y_stride);
                      else
                        std::fill_n(m.y + to * m.y_stride, inputs(), static_cast<float>(field(kValue)));
                    });
        },
        m.row_sink, rows_together(output(), count));
  }
  void backward(const StepContext& context, const LayerMemory& m, GradientSink&) const override {
    if (!m.dx) return;
    const std::size_t count = input_rows(context);
    make_rows(count, context.team(count * m.x_stride), m.dx, m.x_stride, nullptr, [&](Range rows) {
      for_pairs(input(), output(), field(kTop), field(kLeft), rows, [&](std::size_t to, const auto* from) {
        if (from)
          std::copy_n(m.dy + *from * m.y_stride, inputs(), m.dx + to * m.x_stride);
        else
          std::fill_n(m.dx + to * m.x_stride, inputs(), 0.0f);
      });
    });
  }

 private:
  enum Field { kTop, kLeft, kBottom, kRight, kValue };

  /// Calls visit(row, from) for rows of the whole batch on one grid: from points to the row of the other grid
  /// that lies so far down and to the right, or is null where there is none.
  template <class Visit>
  static void for_pairs(const Shape& grid, const Shape& other, double down, double right, Range rows,
                        Visit&& visit) {
    for_examples(rows, grid.positions(), [&](std::size_t example, Range positions) {
      for (std::size_t p = positions.begin; p < positions.end; ++p) {
        // What is negative becomes larger than any grid.
        const std::size_t y = p / grid.width + static_cast<std::size_t>(static_cast<std::ptrdiff_t>(down)),
                          x = p % grid.width + static_cast<std::size_t>(static_cast<std::ptrdiff_t>(right));
        const std::size_t from = example * other.positions() + y * other.width + x;
        visit(example * grid.positions() + p, y < other.height && x < other.width ? &from : nullptr);
      }
    });
  }

  Shape output_for(const Shape& grid) const override {
    if (grid.rank == 0)
      throw usage_error(
          fmt::format("pad takes an image or a signal, not {}: put it before 'flatten'.", describe(grid)));
    if (grid.rank == 1 && (field(kTop) != 0.0 || field(kBottom) != 0.0))
      throw usage_error(
          fmt::format("pad takes {}: give it left and right, not top or bottom.", describe(grid)));
    const double height = static_cast<double>(grid.height) + field(kTop) + field(kBottom),
                 width = static_cast<double>(grid.width) + field(kLeft) + field(kRight);
    if (height < 1 || width < 1)
      throw usage_error(fmt::format("pad: nothing is left of {}.", describe(grid)));
    return {grid.rank, static_cast<std::size_t>(height), static_cast<std::size_t>(width), grid.channels};
  }
};

}  // namespace

LayerInfo pad_layer() {
  constexpr double kMost = 1 << 14, kLargest = std::numeric_limits<float>::max();
  const auto side = [](std::string_view name, std::string_view help) {
    return LayerField{.name = name, .value = 0, .low = -kMost, .high = kMost, .help = help, .whole = true};
  };
  return {
      .name = "pad",
      .help = "more positions around an image or a signal, all of one value; negative numbers take some away",
      .onnx = "Pad(x, integers(pads), value)",
      .fields = {side("top", "rows above"),
                 side("left", "columns on the left, or a signal's beginning"),
                 side("bottom", "rows below"),
                 side("right", "columns on the right, or a signal's end"),
                 {"value", 0, -kLargest, kLargest, "of the new positions"}},
      .make = make_layer<Pad>};
}

}  // namespace halfwave
