#include <fmt/format.h>
#include <halfwave/error.h>

#include <algorithm>
#include <optional>

#include "kernels/conv_products.h"
#include "kernels/rows.h"
#include "layers/column_sums.h"
#include "layers/conv_gradients.h"
#include "layers/kinds.h"
#include "layers/row_chunks.h"

namespace halfwave {
namespace {

enum Field {
  kFilters = 0,
  kKernel = 1,
  kStride = 3,
  kPadding = 5,
  kOutputPadding = 7,
  kDilation = 9,
  kGroups = 11,
  kBias = 12
};

/// A convolution the other way round (Zeiler et al., "Deconvolutional networks", 2010): each number of x is
/// spread over a window of y, whose windows overlap and add up. It is the gradient of a convolution, its
/// mirror, by that one's input: y takes the place of the mirror's input and x that of its output. So the
/// products of a convolution do all the work, and the weights [in, out / groups, height, width] are the
/// mirror's.
class ConvTranspose final : public Layer {
 public:
  using Layer::Layer;

  std::vector<TensorSpec> tensors() const override {
    std::vector<std::size_t> shape{inputs(), mirror_->in};
    if (input().rank == 2) shape.push_back(mirror_->geometry.y().kernel);
    shape.push_back(mirror_->geometry.x().kernel);
    std::vector<TensorSpec> all{{.name = "weight",
                                 .shape = std::move(shape),
                                 .decays = true,
                                 .storage = TensorSpec::Storage::taps,
                                 .groups = mirror_->groups}};
    if (field(kBias) != 0.0) all.push_back({.name = "bias", .shape = {outputs()}});
    return all;
  }

  bool needs_grid() const override { return true; }
  std::size_t multiply_adds() const override { return mirror_->multiply_adds(); }
  /// The weights with in and out exchanged.
  std::size_t workspace(std::size_t, bool) const override {
    return mirror_->groups * mirror_->exchanged().size();
  }
  std::size_t scratch(std::size_t batch, bool training, bool) const override {
    return training ? std::max(ConvGradients::scratch(batch, *mirror_, false), sums(nullptr, batch).floats())
                    : 0;
  }
  bool keeps_input() const override { return true; }
  bool tells_rows() const override { return true; }

  std::size_t fold_floats() const override { return row_stride(outputs()); }
  void prepare(const StepContext& context, const LayerMemory& m) const override {
    exchange(context, m);
    if (!m.affine) return;
    const Panels panels = mirror_->exchanged();
    for (std::size_t g = 0; g < mirror_->groups; ++g)
      for (std::size_t p = 0; p < panels.count(); ++p) {
        float* const panel = m.workspace + g * panels.size() + panels.offset(p);
        const float* const factor = m.affine->factor + g * mirror_->in + p * Panels::kWidth;
        for (std::size_t row = 0; row < panels.rows; ++row)
          for (std::size_t j = 0; j < panels.used(p); ++j) panel[row * panels.width(p) + j] *= factor[j];
      }
    for (std::size_t j = 0; j < outputs(); ++j)
      folded_bias(m)[j] = (bias(m) ? bias(m)[j] * m.affine->factor[j] : 0.0f) + m.affine->shift[j];
  }

  void forward(const StepContext& context, const LayerMemory& m) const override {
    if (context.training) exchange(context, m);
    const TapTable table = mirror_->geometry.inputs_to_outputs();
    const Panels panels = mirror_->exchanged();
    const float* const start = m.affine ? folded_bias(m) : bias(m);
    const std::size_t count = output_rows(context);
    const int threads = team(context);
    const RowChunks chunks = m.row_sink ? RowChunks(count, rows_together(output(), count))
                                        : RowChunks(count, threads, table.result_columns);
    run_tasks(threads, chunks.count(), [&](int chunk) {
      const Range rows = chunks.rows(chunk);
      for (std::size_t g = 0; g < mirror_->groups; ++g)
        for (std::size_t p = 0; p < panels.count(); ++p) {
          const std::size_t column = g * mirror_->in + p * Panels::kWidth;
          alignas(kAlignment) float begin[Panels::kWidth] = {};
          if (start) std::copy_n(start + column, panels.used(p), begin);
          conv_product(m.x + g * mirror_->out, m.x_stride, mirror_->out, table, rows,
                       m.workspace + g * panels.size() + panels.offset(p), panels.width(p), panels.used(p),
                       begin, m.y + column, m.y_stride);
        }
      if (m.row_sink) m.row_sink->ready(rows);
    });
  }

  void backward(const StepContext& context, const LayerMemory& m, GradientSink& sink) const override {
    if (m.dx) input_gradient(context, m);
    if (field(kBias) != 0.0) {
      const ColumnSums all = sums(m.scratch, context.batch);
      all.run(team(context), [&](Range rows, float* to) {
        column_sums(m.dy + rows.begin * m.y_stride, m.y_stride, rows.size(), {0, outputs()}, to);
      });
      for (std::size_t j = 0; j < outputs(); ++j) m.gradients[1][j] = static_cast<float>(all.total(0, j));
      sink.ready(1, 0, outputs(), m.gradients[1]);
    }
    weight_gradient(context, m, sink);
  }

 private:
  int team(const StepContext& context) const { return context.team(context.batch * multiply_adds()); }
  const float* bias(const LayerMemory& m) const { return m.tensors.size() > 1 ? m.tensors[1] : nullptr; }
  /// Behind the exchanged weights.
  float* folded_bias(const LayerMemory& m) const { return m.workspace + workspace(0, false); }
  ColumnSums sums(float* memory, std::size_t batch) const {
    return {memory, batch * output().positions(), outputs(), 1};
  }

  void exchange(const StepContext& context, const LayerMemory& m) const {
    const Panels from = mirror_->panels(), to = mirror_->exchanged();
    run_tasks(context.team(workspace(0, false)), static_cast<int>(mirror_->groups * to.count()),
              [&](int task) {
                const std::size_t group = static_cast<std::size_t>(task) / to.count(),
                                  panel = static_cast<std::size_t>(task) % to.count();
                exchange_channels(m.tensors[0] + group * from.size(), mirror_->taps(), mirror_->in,
                                  mirror_->out, {panel, panel + 1}, m.workspace + group * to.size());
              });
  }

  /// dx: the mirror's forward pass on dy.
  void input_gradient(const StepContext& context, const LayerMemory& m) const {
    const TapTable table = mirror_->geometry.outputs_to_inputs();
    const Panels panels = mirror_->panels();
    const int threads = team(context);
    const RowChunks chunks(input_rows(context), threads, table.result_columns);
    run_tasks(threads, chunks.count(), [&](int chunk) {
      for (std::size_t g = 0; g < mirror_->groups; ++g)
        for (std::size_t p = 0; p < panels.count(); ++p)
          conv_product(m.dy + g * mirror_->in, m.y_stride, mirror_->in, table, chunks.rows(chunk),
                       m.tensors[0] + g * panels.size() + panels.offset(p), panels.width(p), panels.used(p),
                       nullptr, m.dx + g * mirror_->out + p * Panels::kWidth, m.x_stride);
    });
  }

  /// dW: the mirror's, of dy as its input and x as the gradient by its output, which it only reads.
  void weight_gradient(const StepContext& given, const LayerMemory& m, GradientSink& sink) const {
    StepContext context = given;
    context.skipping = Skipping::never;
    LayerMemory of_mirror;
    of_mirror.x = m.dy;
    of_mirror.x_stride = m.y_stride;
    of_mirror.dy = const_cast<float*>(m.x);
    of_mirror.y_stride = m.x_stride;
    of_mirror.tensors = m.tensors;
    of_mirror.gradients = m.gradients.first(1);
    of_mirror.scratch = m.scratch;
    of_mirror.batch = m.batch;
    ConvGradients(*mirror_, context, of_mirror, sink).run();
  }

  Shape output_for(const Shape& input) const override {
    if (input.rank == 0)
      throw usage_error(fmt::format(
          "conv_transpose takes an image or a signal, not {}: put it before 'flatten'.", describe(input)));
    for (const std::size_t i : {kKernel, kStride, kPadding, kOutputPadding, kDilation})
      if (input.rank == 1 && has_second(i))
        throw usage_error(fmt::format("conv_transpose takes {}: give {} one number, not two.",
                                      describe(input), info().fields[i].name));
    const std::size_t groups = first_of(kGroups);
    if (input.channels % groups != 0 || first_of(kFilters) % groups != 0)
      throw usage_error(
          fmt::format("conv_transpose: {} groups must divide both {} input channels and {} filters.", groups,
                      input.channels, first_of(kFilters)));
    const ConvDirection y = direction(input, 0), x = direction(input, 1);
    if (y.in == 0 || x.in == 0)
      throw usage_error(
          fmt::format("conv_transpose: its padding leaves nothing of the output of {}.", describe(input)));
    constexpr double kLargest = 1 << 28;  // entries of a table
    if (static_cast<double>(y.kernel * x.kernel) * static_cast<double>(y.in + y.out) *
            static_cast<double>(x.in + x.out) >
        kLargest)
      throw usage_error(fmt::format("conv_transpose: a kernel of {}x{} on {} is too large.", y.kernel,
                                    x.kernel, describe(input)));
    return {input.rank, y.in, x.in, first_of(kFilters)};
  }

  void bound() override {
    const std::size_t groups = first_of(kGroups);
    geometry_.emplace(direction(input(), 0), direction(input(), 1));
    mirror_.emplace(ConvShape{*geometry_, outputs() / groups, inputs() / groups, groups});
  }

  /// The mirror's, downwards (0) or to the right (1): its `in` positions are those of y, 0 where the padding
  /// leaves none.
  ConvDirection direction(const Shape& input, std::size_t i) const {
    if (i == 0 && input.rank == 1) return {};
    const auto number = [&](std::size_t f) {
      return static_cast<std::size_t>(i == 0 || !has_second(f) ? field(f) : field(f + 1));
    };
    ConvDirection d{.kernel = number(kKernel), .stride = number(kStride), .dilation = number(kDilation)};
    d.out = i == 0 ? input.height : input.width;
    d.before = d.after = number(kPadding);
    const std::size_t spread = (d.out - 1) * d.stride + d.reach() + 1 + number(kOutputPadding);
    d.in = spread > 2 * d.before ? spread - 2 * d.before : 0;
    return d;
  }

  std::vector<std::int64_t> onnx_integers(std::string_view name) const override {
    if (name != "padding") return {};
    const auto y = static_cast<std::int64_t>(geometry_->y().before),
               x = static_cast<std::int64_t>(geometry_->x().before);
    if (input().rank == 1) return {x, x};
    return {y, x, y, x};
  }

  std::optional<ConvGeometry> geometry_;
  std::optional<ConvShape> mirror_;
};

}  // namespace

LayerInfo conv_transpose_layer() {
  constexpr double kMost = 1 << 14;
  std::vector<LayerField> fields{
      {"filters", 0, 1, 1 << 20, "output channels; the last layer's follow from the data", true}};
  const auto pair = [&](std::string_view name, std::string_view second, double value, double low,
                        std::string_view help) {
    fields.push_back({.name = name, .value = value, .low = low, .high = kMost, .help = help, .pair = true});
    fields.push_back({.name = second,
                      .value = low - 1,
                      .low = low - 1,
                      .high = kMost,
                      .help = "the same to the right",
                      .second = true});
  };
  pair("kernel", "kernel_width", 3, 1, "size of the window");
  pair("stride", "stride_width", 1, 1, "distance from one window of the output to the next");
  pair("padding", "padding_width", 0, 0, "positions of the output that are left out on each side");
  pair("output_padding", "output_padding_width", 0, 0, "positions that the output has more at its end");
  pair("dilation", "dilation_width", 1, 1, "distance from one output of a window to the next");
  fields.push_back({.name = "groups",
                    .value = 1,
                    .low = 1,
                    .high = 1 << 20,
                    .help = "parts of the channels that do not mix",
                    .whole = true});
  fields.push_back({.name = "bias", .value = 1, .low = 0, .high = 1, .help = "0: none", .whole = true});
  return {
      .name = "conv_transpose",
      .help =
          "a convolution the other way round: each input is spread over a small window, so the grid grows",
      .onnx =
          "ConvTranspose(x, weight, bias?, kernel_shape=kernel, strides=stride, pads=padding, "
          "output_padding=output_padding, dilations=dilation, group=groups)",
      .fields = std::move(fields),
      .make = make_layer<ConvTranspose>};
}

}  // namespace halfwave
