#include <fmt/format.h>
#include <halfwave/error.h>

#include "core/team.h"
#include "kernels/pooling.h"
#include "layers/kinds.h"

namespace halfwave {
namespace {

/// A row of the output is made from each window of the input, channel by channel. The windows are given by
/// the fields kernel, stride and padding; a kind without fields has one window, the whole grid, and gives a
/// row.
class Pool : public Layer {
 public:
  using Layer::Layer;
  bool needs_grid() const override { return true; }

  std::vector<std::int64_t> onnx_integers(std::string_view name) const override {
    const auto integers = [&](auto... numbers) {
      return std::vector<std::int64_t>{static_cast<std::int64_t>(numbers)...};
    };
    const auto [y, x] = windows();
    const bool image = input().rank == 2;
    if (name == "stride") return image ? integers(y.stride, x.stride) : integers(x.stride);
    if (name != "padding") return {};
    return image ? integers(y.padding, x.padding, y.padding, x.padding) : integers(x.padding, x.padding);
  }

 protected:
  PoolWindows windows() const { return windows_over(input()); }

  /// Calls make(rows) for the rows of y.
  template <class Make>
  void make_output(const StepContext& context, const LayerMemory& m, Make&& make) const {
    const std::size_t rows = output_rows(context);
    make_rows(rows, context.team(rows * windows().taps() * m.y_stride), m.y, m.y_stride, m.y_nonzeros, make);
  }
  /// Calls make(rows) for the rows of dx.
  template <class Make>
  void make_gradient(const StepContext& context, const LayerMemory& m, Make&& make) const {
    const std::size_t rows = input_rows(context);
    if (m.dx) make_rows(rows, context.team(rows * m.x_stride), m.dx, m.x_stride, nullptr, make);
  }

 private:
  enum Field { kKernel = 0, kStride = 2, kPadding = 4 };

  bool global() const { return fields().empty(); }

  PoolWindows windows_over(const Shape& grid) const {
    if (global()) return {{grid.height, grid.height, 1, 0}, {grid.width, grid.width, 1, 0}};
    if (grid.rank == 1)
      return {{1, 1, 1, 0}, axis(grid.width, first_of(kKernel), first_of(kStride), first_of(kPadding))};
    return {axis(grid.height, first_of(kKernel), first_of(kStride), first_of(kPadding)),
            axis(grid.width, second_of(kKernel), second_of(kStride), second_of(kPadding))};
  }
  static PoolWindows::Axis axis(std::size_t size, std::size_t kernel, std::size_t stride,
                                std::size_t padding) {
    return {size, kernel, stride > 0 ? stride : kernel, padding};
  }

  Shape output_for(const Shape& grid) const override {
    if (grid.rank == 0)
      throw usage_error(fmt::format("{} takes an image or a signal, not {}: put it before 'flatten'.",
                                    info().name, describe(grid)));
    if (global()) return Shape::row(grid.channels);
    for (const std::size_t i : {kKernel, kStride, kPadding})
      if (grid.rank == 1 && has_second(i))
        throw usage_error(fmt::format("{} takes {}: give {} one number, not two.", info().name,
                                      describe(grid), info().fields[i].name));
    const PoolWindows all = windows_over(grid);
    for (const PoolWindows::Axis& side : {all.y, all.x}) {
      if (side.padding >= side.kernel)
        throw usage_error(fmt::format("{}: a padding of {} leaves windows of {} empty; make it less.",
                                      info().name, side.padding, side.kernel));
      if (side.kernel > side.size + 2 * side.padding)
        throw usage_error(fmt::format("{}: a kernel of {} is larger than its input, {}.", info().name,
                                      side.kernel, describe(grid)));
    }
    return {grid.rank, all.y.windows, all.x.windows, grid.channels};
  }
};

class MaxPool final : public Pool {
 public:
  using Pool::Pool;

  /// The place of each number's winner.
  std::size_t workspace(std::size_t batch, bool training) const override {
    const std::size_t count = batch * output().positions() * row_stride(outputs());
    return training ? count * winner_bytes(windows().taps()) / sizeof(float) : 0;
  }
  /// Where the output is zero, so is the winner; the gradient goes to it alone, and if the gradient by a zero
  /// is of no use before, neither is this one. It does not matter whether other numbers are negative.
  Zeros zeros(Zeros input, bool) const override { return input; }
  /// Each window has one winner; all others get nothing.
  bool zeros_gradient(bool) const override { return true; }

  void forward(const StepContext& context, const LayerMemory& m) const override {
    float* const winners = context.training ? m.workspace : nullptr;
    make_output(context, m,
                [&, all = windows()](Range rows) { max_pool(m.x, m.x_stride, all, rows, m.y, winners); });
  }
  void backward(const StepContext& context, const LayerMemory& m, GradientSink&) const override {
    make_gradient(context, m, [&, all = windows()](Range rows) {
      max_pool_backward(m.workspace, m.dy, m.x_stride, all, rows, m.dx);
    });
  }
};

/// A mean may be zero because its numbers cancel out, so nothing is known of its zeros.
class AveragePool final : public Pool {
 public:
  using Pool::Pool;

  void forward(const StepContext& context, const LayerMemory& m) const override {
    make_output(context, m,
                [&, all = windows()](Range rows) { average_pool(m.x, m.x_stride, all, rows, m.y); });
  }
  void backward(const StepContext& context, const LayerMemory& m, GradientSink&) const override {
    make_gradient(context, m, [&, all = windows()](Range rows) {
      average_pool_backward(m.dy, m.x_stride, all, rows, m.dx);
    });
  }
};

std::vector<LayerField> window_fields() {
  constexpr double kMost = 1 << 14;
  return {{.name = "kernel", .value = 2, .low = 1, .high = kMost, .help = "size of a window", .pair = true},
          {.name = "kernel_width", .value = 0, .low = 0, .high = kMost, .help = "its width", .second = true},
          {.name = "stride",
           .value = 0,
           .low = 0,
           .high = kMost,
           .help = "from one window to the next; 0: as the kernel",
           .pair = true},
          {.name = "stride_width",
           .value = 0,
           .low = 0,
           .high = kMost,
           .help = "the same along the width",
           .second = true},
          {.name = "padding",
           .value = 0,
           .low = 0,
           .high = kMost,
           .help = "empty positions on each side",
           .pair = true},
          {.name = "padding_width",
           .value = -1,
           .low = -1,
           .high = kMost,
           .help = "the same along the width",
           .second = true}};
}

}  // namespace

LayerInfo pool_layer() {
  return {.name = "pool",
          .help = "the largest number of each window, by channel",
          .onnx = "MaxPool(x, kernel_shape=kernel, strides=stride, pads=padding)",
          .fields = window_fields(),
          .make = make_layer<MaxPool>};
}

LayerInfo average_pool_layer() {
  return {.name = "average_pool",
          .help = "the mean of each window, by channel; the padding is not counted",
          .onnx = "AveragePool(x, kernel_shape=kernel, strides=stride, pads=padding)",
          .fields = window_fields(),
          .make = make_layer<AveragePool>};
}

LayerInfo global_max_pool_layer() {
  return {.name = "global_max_pool",
          .help = "the largest number of each channel",
          .onnx = "Flatten(GlobalMaxPool(x), axis=1)",
          .fields = {},
          .make = make_layer<MaxPool>};
}

LayerInfo global_average_pool_layer() {
  return {.name = "global_average_pool",
          .help = "the mean of each channel",
          .onnx = "Flatten(GlobalAveragePool(x), axis=1)",
          .fields = {},
          .make = make_layer<AveragePool>};
}

}  // namespace halfwave
