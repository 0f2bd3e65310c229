#include <fmt/format.h>
#include <halfwave/error.h>

#include <algorithm>
#include <optional>

#include "kernels/conv_products.h"
#include "layers/conv_gradients.h"
#include "layers/kinds.h"
#include "layers/row_chunks.h"

namespace halfwave {
namespace {

enum Field { kFilters = 0, kKernel = 1, kStride = 3, kPadding = 5, kDilation = 7, kGroups = 9, kBias = 10 };
constexpr double kSame = -1;

/// y = x * W + b over an image or a signal: the same small dense layer at every place. x [batch · positions,
/// in], W as people see it [out, in / groups, height, width], b [out]. Each of the three products skips the
/// zeros of x, or of dy, where there are enough of them to make that faster.
class Conv : public Layer {
 public:
  using Layer::Layer;

  std::vector<TensorSpec> tensors() const override {
    std::vector<std::size_t> shape{outputs(), shape_->in};
    if (input().rank == 2) shape.push_back(shape_->geometry.y().kernel);
    shape.push_back(shape_->geometry.x().kernel);
    std::vector<TensorSpec> all{{.name = "weight",
                                 .shape = std::move(shape),
                                 .decays = true,
                                 .storage = TensorSpec::Storage::taps,
                                 .groups = shape_->groups}};
    if (field(kBias) != 0.0) all.push_back({.name = "bias", .shape = {outputs()}});
    return all;
  }

  bool needs_grid() const override { return true; }
  std::size_t multiply_adds() const override { return shape_->multiply_adds(); }
  std::size_t scratch(std::size_t batch, bool training, bool skipping) const override {
    return training ? ConvGradients::scratch(batch, *shape_, skipping) : 0;
  }
  bool keeps_input() const override { return true; }
  bool skips_zeros() const override { return shape_->groups == 1; }
  double skips_below(const StepContext& context) const override {
    const double forward = forward_below(context);
    if (!context.training) return forward;
    return std::max(forward, context.conv_skips_below(Product::input_gradient, shape_->out));
  }

  bool tells_rows() const override { return true; }

  std::size_t fold_floats() const override {
    return shape_->groups * shape_->panels().size() + row_stride(outputs());
  }
  /// Weights and bias with what follows: W · factor, b · factor + shift.
  void prepare(const StepContext&, const LayerMemory& m) const override {
    if (!m.affine) return;
    const Panels panels = shape_->panels();
    const std::size_t weights = shape_->groups * panels.size();
    for (std::size_t g = 0; g < shape_->groups; ++g)
      for (std::size_t p = 0; p < panels.count(); ++p) {
        const std::size_t begin = g * panels.size() + panels.offset(p), width = panels.width(p);
        const float* const factor = m.affine->factor + g * shape_->out + p * Panels::kWidth;
        for (std::size_t row = 0; row < panels.rows; ++row)
          for (std::size_t j = 0; j < panels.used(p); ++j)
            m.workspace[begin + row * width + j] = m.tensors[0][begin + row * width + j] * factor[j];
      }
    for (std::size_t j = 0; j < outputs(); ++j)
      m.workspace[weights + j] =
          (m.tensors.size() > 1 ? m.tensors[1][j] * m.affine->factor[j] : 0.0f) + m.affine->shift[j];
  }

  void forward(const StepContext& context, const LayerMemory& m) const override {
    const TapTable table = shape_->geometry.outputs_to_inputs();
    const Panels panels = shape_->panels();
    const float* const all_weights = m.affine ? m.workspace : m.tensors[0];
    const float* const bias = m.affine               ? m.workspace + shape_->groups * panels.size()
                              : m.tensors.size() > 1 ? m.tensors[1]
                                                     : nullptr;
    const double below =
        m.x_nonzeros && m.x_nonzeros->any_listed() && shape_->groups == 1 ? forward_below(context) : 0.0;
    const int threads = context.team(context.batch * multiply_adds());
    const RowChunks chunks =
        m.row_sink ? RowChunks(output_rows(context), rows_together(output(), output_rows(context)))
                   : RowChunks(output_rows(context), threads, table.result_columns);
    run_tasks(threads, chunks.count(), [&](int chunk) {
      const Range rows = chunks.rows(chunk);
      const bool skips = below > 0.0 && lists_serve(*m.x_nonzeros, rows, below);
      for (std::size_t g = 0; g < shape_->groups; ++g)
        for (std::size_t p = 0; p < panels.count(); ++p) {
          const std::size_t column = g * shape_->out + p * Panels::kWidth;
          const float* const weights = all_weights + g * panels.size() + panels.offset(p);
          alignas(kAlignment) float start[Panels::kWidth] = {};
          if (bias) std::copy_n(bias + column, panels.used(p), start);
          if (skips)
            skipping_conv_product(m.x_nonzeros->lists(), table, rows, weights, panels.width(p),
                                  panels.used(p), start, m.y + column, m.y_stride);
          else
            conv_product(m.x + g * shape_->in, m.x_stride, shape_->in, table, rows, weights, panels.width(p),
                         panels.used(p), start, m.y + column, m.y_stride);
        }
      if (m.row_sink) m.row_sink->ready(rows);
    });
  }

  void backward(const StepContext& context, const LayerMemory& m, GradientSink& sink) const override {
    ConvGradients(*shape_, context, m, sink).run();
  }

 private:
  /// With few channels the dense product is near the multiply-add peak, and a list has hardly any entries.
  double forward_below(const StepContext& context) const {
    if (context.skipping == Skipping::automatic && shape_->in <= kFewChannels) return 0.0;
    return context.conv_skips_below(Product::forward, shape_->out);
  }

  /// Whether all the examples that these rows of y are made of are listed, and sparse enough.
  bool lists_serve(const Nonzeros& x, Range rows, double below) const {
    const std::size_t in = input().positions(), out = output().positions();
    const Range groups = NonzeroLists::groups_of(Range{
        rows.begin / out * in / NonzeroLists::kRows * NonzeroLists::kRows, ((rows.end - 1) / out + 1) * in});
    double density = 0.0;
    for (std::size_t group = groups.begin; group < groups.end; ++group) {
      if (!x.listed(group)) return false;
      density += x.density(group);
    }
    return density < below * static_cast<double>(groups.size());
  }

  Shape output_for(const Shape& input) const override {
    if (input.rank == 0)
      throw usage_error(
          fmt::format("conv takes an image or a signal, not {}: put it before 'flatten'.", describe(input)));
    for (const std::size_t i : {kKernel, kStride, kPadding, kDilation})
      if (input.rank == 1 && has_second(i))
        throw usage_error(fmt::format("conv takes {}: give {} one number, not two.", describe(input),
                                      info().fields[i].name));
    const std::size_t groups = first_of(kGroups);
    if (input.channels % groups != 0 || first_of(kFilters) % groups != 0)
      throw usage_error(fmt::format("conv: {} groups must divide both {} input channels and {} filters.",
                                    groups, input.channels, first_of(kFilters)));
    const ConvDirection y = direction(input, 0), x = direction(input, 1);
    for (const ConvDirection& d : {y, x})
      if (d.out == 0)
        throw usage_error(fmt::format("conv: a kernel that spans {} positions is larger than its input, {}.",
                                      d.reach() + 1, describe(input)));
    constexpr double kLargest = 1 << 28;  // entries of a table
    if (static_cast<double>(y.kernel * x.kernel) *
            static_cast<double>(std::max(y.in, y.out) * std::max(x.in, x.out)) >
        kLargest)
      throw usage_error(
          fmt::format("conv: a kernel of {}x{} on {} is too large.", y.kernel, x.kernel, describe(input)));
    return {input.rank, y.out, x.out, first_of(kFilters)};
  }

  void bound() override {
    const std::size_t groups = first_of(kGroups);
    geometry_.emplace(direction(input(), 0), direction(input(), 1));
    constexpr std::size_t kLargest = std::size_t{1} << 28;
    if (geometry_->input_grid().rows(1) > kLargest || geometry_->output_grid().rows(1) > kLargest)
      throw usage_error(fmt::format("conv: with its padding {} is too large.", describe(input())));
    shape_.emplace(ConvShape{*geometry_, inputs() / groups, outputs() / groups, groups});
  }

  /// Downwards (0) or to the right (1).
  ConvDirection direction(const Shape& input, std::size_t i) const {
    if (i == 0 && input.rank == 1) return {};
    const auto number = [&](std::size_t f) { return i == 0 || !has_second(f) ? field(f) : field(f + 1); };
    ConvDirection d{.in = i == 0 ? input.height : input.width,
                    .kernel = static_cast<std::size_t>(number(kKernel)),
                    .stride = static_cast<std::size_t>(number(kStride)),
                    .dilation = static_cast<std::size_t>(number(kDilation))};
    if (number(kPadding) == kSame) {
      d.out = (d.in + d.stride - 1) / d.stride;
      const std::size_t needed = (d.out - 1) * d.stride + d.reach() + 1;
      const std::size_t padding = needed > d.in ? needed - d.in : 0;
      d.before = padding / 2;
      d.after = padding - d.before;
    } else {
      d.before = d.after = static_cast<std::size_t>(number(kPadding));
      const std::size_t all = d.in + d.before + d.after;
      d.out = all > d.reach() ? (all - d.reach() - 1) / d.stride + 1 : 0;
    }
    return d;
  }

  std::vector<std::int64_t> onnx_integers(std::string_view name) const override {
    if (name != "padding") return {};
    const auto integer = [](std::size_t n) { return static_cast<std::int64_t>(n); };
    const ConvDirection &y = shape_->geometry.y(), &x = shape_->geometry.x();
    if (input().rank == 1) return {integer(x.before), integer(x.after)};
    return {integer(y.before), integer(x.before), integer(y.after), integer(x.after)};
  }

  std::optional<ConvGeometry> geometry_;
  std::optional<ConvShape> shape_;
};

}  // namespace

LayerInfo conv_layer() {
  constexpr double kMost = 1 << 14;
  const auto second = [](std::string_view name) {
    return LayerField{
        .name = name, .value = 0, .low = 0, .high = kMost, .help = "to the right", .second = true};
  };
  return {
      .name = "conv",
      .help = "a convolution: each output is a weighted sum over a small window, the same at every place",
      .onnx =
          "Conv(x, weight, bias?, kernel_shape=kernel, strides=stride, pads=padding, "
          "dilations=dilation, group=groups)",
      .fields = {{"filters", 0, 1, 1 << 20, "output channels; the last layer's follow from the data", true},
                 {.name = "kernel",
                  .value = 3,
                  .low = 1,
                  .high = kMost,
                  .help = "size of the window",
                  .pair = true},
                 second("kernel_width"),
                 {.name = "stride",
                  .value = 1,
                  .low = 1,
                  .high = kMost,
                  .help = "distance from one window to the next",
                  .pair = true},
                 second("stride_width"),
                 {.name = "padding",
                  .value = kSame,
                  .low = kSame,
                  .high = kMost,
                  .help = "zeros around the input; same: as many outputs as inputs, divided by the stride",
                  .pair = true,
                  .lowest = "same"},
                 {.name = "padding_width",
                  .value = kSame - 1,
                  .low = kSame - 1,
                  .high = kMost,
                  .help = "to the right",
                  .second = true},
                 {.name = "dilation",
                  .value = 1,
                  .low = 1,
                  .high = kMost,
                  .help = "distance from one input of a window to the next",
                  .pair = true},
                 second("dilation_width"),
                 {.name = "groups",
                  .value = 1,
                  .low = 1,
                  .high = 1 << 20,
                  .help = "parts of the channels that do not mix; as many as channels: depthwise",
                  .whole = true},
                 {.name = "bias", .value = 1, .low = 0, .high = 1, .help = "0: none", .whole = true}},
      .make = make_layer<Conv>};
}

}  // namespace halfwave
