#include <halfwave/error.h>

#include "kernels/rows.h"
#include "layers/column_sums.h"
#include "layers/kinds.h"

namespace halfwave {
namespace {

/// y = x · factor + shift, by channel, both learned, or none where they are fixed; either may be left out.
class Scale final : public RowLayer {
 public:
  using RowLayer::RowLayer;

  /// In a file they broadcast to the positions: [channels, 1, 1] on images.
  std::vector<TensorSpec> tensors() const override {
    std::vector<std::size_t> shape(static_cast<std::size_t>(input().rank) + 1, 1);
    shape[0] = inputs();
    std::vector<TensorSpec> all;
    if (has_factor()) all.push_back({.name = "factor", .shape = shape, .learned = !fixed(), .start = 1.0f});
    if (has_shift()) all.push_back({.name = "shift", .shape = shape, .learned = !fixed()});
    return all;
  }

  /// For inference: the one that is left out, for affine().
  std::size_t workspace(std::size_t, bool training) const override {
    return training || (has_factor() && has_shift()) ? 0 : row_stride(inputs());
  }
  std::size_t scratch(std::size_t batch, bool training, bool) const override {
    return training && !fixed() ? sums(nullptr, batch).floats() + row_stride(inputs()) : 0;
  }
  bool keeps_input() const override { return has_factor() && !fixed(); }
  bool in_place() const override { return true; }
  /// A factor may be zero as well, so nothing is known of the gradient by a zero.
  Zeros zeros(Zeros input, bool) const override { return {!has_shift() && input.many, false}; }

  bool is_affine() const override { return true; }
  void prepare(const StepContext&, const LayerMemory& m) const override {
    if (!has_factor() || !has_shift())
      std::fill_n(m.workspace, row_stride(inputs()), has_factor() ? 0.0f : 1.0f);
  }
  Affine affine(const LayerMemory& m) const override {
    return {has_factor() ? factor(m) : m.workspace, has_shift() ? shift(m) : m.workspace};
  }

  void forward_rows(const StepContext&, const LayerMemory& m, Range rows) const override {
    column_affine(m.x, factor(m), shift(m), m.x_stride, rows, inputs(), m.y);
  }

  /// dfactor = Σ dy · x, dshift = Σ dy, dx = dy · factor.
  void backward(const StepContext& context, const LayerMemory& m, GradientSink& sink) const override {
    const int threads = context.team(input_rows(context) * m.x_stride * kWork);
    if (!fixed()) sum_gradients(context, m, threads);
    if (m.dx && (m.dx != m.dy || has_factor()))
      make_rows(input_rows(context), threads, m.dx, m.x_stride, nullptr, [&](Range rows) {
        column_affine(m.dy, factor(m), nullptr, m.x_stride, rows, inputs(), m.dx);
      });
    for (std::size_t tensor = 0; tensor < m.gradients.size() && !fixed(); ++tensor)
      sink.ready(tensor, 0, inputs(), m.gradients[tensor]);
  }

 private:
  /// dfactor and dshift.
  void sum_gradients(const StepContext& context, const LayerMemory& m, int threads) const {
    const ColumnSums all = sums(m.scratch, context.batch);
    float* const zeros = m.scratch + sums(nullptr, m.batch).floats();
    std::fill_n(zeros, row_stride(inputs()), 0.0f);
    all.run(threads, [&](Range rows, float* of_rows) {
      if (has_factor())
        add_slopes(m.x, zeros, m.dy, m.x_stride, rows, {0, inputs()}, of_rows, of_rows + all.row());
      else
        column_sums(m.dy + rows.begin * m.x_stride, m.x_stride, rows.size(), {0, inputs()}, of_rows);
    });
    for (std::size_t tensor = 0; tensor < m.gradients.size(); ++tensor) {
      const std::size_t sum = has_factor() && tensor == 0 ? 1 : 0;
      for (std::size_t j = 0; j < inputs(); ++j)
        m.gradients[tensor][j] = static_cast<float>(all.total(sum, j));
    }
  }

  bool has_factor() const { return field(0) != 0.0; }
  bool has_shift() const { return field(1) != 0.0; }
  bool fixed() const { return field(2) != 0.0; }
  const float* factor(const LayerMemory& m) const { return has_factor() ? m.tensors[0] : nullptr; }
  const float* shift(const LayerMemory& m) const { return has_shift() ? m.tensors.back() : nullptr; }
  /// Σ dy and Σ dy · x.
  ColumnSums sums(float* memory, std::size_t batch) const {
    return {memory, batch * input().positions(), inputs(), has_factor() ? 2u : 1u};
  }

  Shape output_for(const Shape& input) const override {
    if (!has_factor() && !has_shift()) throw usage_error("scale: factor=0 and shift=0 leave nothing to do.");
    return input;
  }
};

}  // namespace

LayerInfo scale_layer() {
  const auto field = [](std::string_view name) {
    return LayerField{.name = name, .value = 1, .low = 0, .high = 1, .help = "0: none", .whole = true};
  };
  return {.name = "scale",
          .help = "each channel times a learned factor, plus a learned shift; or fixed ones",
          .onnx = "Add(Mul(x, factor?), shift?)",
          .fields = {field("factor"),
                     field("shift"),
                     {.name = "fixed",
                      .value = 0,
                      .low = 0,
                      .high = 1,
                      .help = "1: factor and shift are kept as they are, not learned",
                      .whole = true}},
          .make = make_layer<Scale>};
}

}  // namespace halfwave
