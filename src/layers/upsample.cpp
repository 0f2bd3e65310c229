#include <fmt/format.h>
#include <halfwave/error.h>

#include <algorithm>

#include "kernels/rows.h"
#include "layers/grid_rows.h"
#include "layers/kinds.h"

namespace halfwave {
namespace {

/// Each position several times, downwards and to the right: the nearest neighbour.
class Upsample final : public Layer {
 public:
  using Layer::Layer;
  bool needs_grid() const override { return true; }
  Zeros zeros(Zeros input, bool) const override { return input; }

  /// Of the batch, the channels and the grid.
  std::vector<std::int64_t> onnx_integers(std::string_view name) const override {
    if (name != "scales") return {};
    const auto [down, right] = factors();
    if (input().rank == 1) return {1, 1, static_cast<std::int64_t>(right)};
    return {1, 1, static_cast<std::int64_t>(down), static_cast<std::int64_t>(right)};
  }

  bool tells_rows() const override { return true; }
  void forward(const StepContext& context, const LayerMemory& m) const override {
    const std::size_t count = output_rows(context), width = output().width;
    const auto [down, right] = factors();
    make_rows(
        count, context.team(count * m.y_stride), m.y, m.y_stride, m.y_nonzeros,
        [&, down = down, right = right](Range rows) {
          for_examples(rows, output().positions(), [&](std::size_t e, Range part) {
            const float* const x = m.x + e * input().positions() * m.x_stride;
            float* const y = m.y + e * output().positions() * m.y_stride;
            for (std::size_t p = part.begin; p < part.end; ++p)
              std::copy_n(x + (p / width / down * input().width + p % width / right) * m.x_stride, inputs(),
                          y + p * m.y_stride);
          });
        },
        m.row_sink, rows_together(output(), count));
  }
  void backward(const StepContext& context, const LayerMemory& m, GradientSink&) const override {
    if (!m.dx) return;
    const std::size_t count = input_rows(context), width = input().width;
    const auto [down, right] = factors();
    make_rows(count, context.team(output_rows(context) * m.x_stride), m.dx, m.x_stride, nullptr,
              [&, down = down, right = right](Range rows) {
                for_examples(rows, input().positions(), [&](std::size_t e, Range part) {
                  const float* const dy = m.dy + e * output().positions() * m.y_stride;
                  float* const dx = m.dx + e * input().positions() * m.x_stride;
                  for (std::size_t p = part.begin; p < part.end; ++p) {
                    std::fill_n(dx + p * m.x_stride, inputs(), 0.0f);
                    for (std::size_t k = 0; k < down * right; ++k) {
                      const std::size_t row = p / width * down + k / right,
                                        column = p % width * right + k % right;
                      add(dx + p * m.x_stride, dy + (row * output().width + column) * m.y_stride, inputs(),
                          dx + p * m.x_stride);
                    }
                  }
                });
              });
  }

 private:
  /// Downwards and to the right.
  struct Factors {
    std::size_t down, right;
  };
  Factors factors() const { return factors(input()); }
  Factors factors(const Shape& grid) const {
    return grid.rank == 1 ? Factors{1, first_of(0)} : Factors{first_of(0), second_of(0)};
  }

  Shape output_for(const Shape& grid) const override {
    if (grid.rank == 0)
      throw usage_error(fmt::format("upsample takes an image or a signal, not {}: put it before 'flatten'.",
                                    describe(grid)));
    if (grid.rank == 1 && has_second(0))
      throw usage_error(fmt::format("upsample takes {}: give it one number, not two.", describe(grid)));
    const auto [down, right] = factors(grid);
    return {grid.rank, grid.height * down, grid.width * right, grid.channels};
  }
};

}  // namespace

LayerInfo upsample_layer() {
  constexpr double kMost = 1 << 10;
  return {
      .name = "upsample",
      .help = "each position several times, so that the grid grows by a factor: the nearest neighbour",
      .onnx =
          "Resize(x, none, floats(scales), mode=nearest, nearest_mode=floor, "
          "coordinate_transformation_mode=asymmetric)",
      .fields = {{.name = "factor", .value = 2, .low = 1, .high = kMost, .help = "of the size", .pair = true},
                 {.name = "factor_width",
                  .value = 0,
                  .low = 0,
                  .high = kMost,
                  .help = "along the width",
                  .second = true}},
      .make = make_layer<Upsample>};
}

}  // namespace halfwave
