#include "kernels/layer_norm.h"

#include <algorithm>

#include "layers/column_sums.h"
#include "layers/kinds.h"

namespace halfwave {
namespace {

/// y = (x - mean) / sqrt(variance + epsilon) · scale + bias: mean and (biased) variance over the channels of
/// each position, scale and bias by channel (Ba, Kiros & Hinton, "Layer normalization", 2016).
class LayerNorm final : public RowLayer {
 public:
  using RowLayer::RowLayer;

  std::vector<TensorSpec> tensors() const override {
    return {{.name = "scale", .shape = {inputs()}, .start = 1.0f}, {.name = "bias", .shape = {inputs()}}};
  }
  /// The moments of each row.
  std::size_t workspace(std::size_t batch, bool) const override {
    return batch * input().positions() * sizeof(RowMoments) / sizeof(float);
  }
  std::size_t scratch(std::size_t batch, bool training, bool) const override {
    return training ? sums(nullptr, batch).floats() : 0;
  }
  bool keeps_input() const override { return true; }

  void forward_rows(const StepContext&, const LayerMemory& m, Range rows) const override {
    layer_norm(m.x, m.tensors[0], m.tensors[1], static_cast<float>(field(0)), m.x_stride, rows, inputs(), m.y,
               moments(m));
  }

  void backward(const StepContext& context, const LayerMemory& m, GradientSink& sink) const override {
    const ColumnSums all = sums(m.scratch, context.batch);
    all.run(context.team(input_rows(context) * m.x_stride * kWork), [&](Range rows, float* of_rows) {
      layer_norm_backward(m.x, moments(m), m.tensors[0], m.dy, m.x_stride, rows, inputs(), m.dx, of_rows);
    });
    for (std::size_t j = 0; j < inputs(); ++j) {
      m.gradients[1][j] = static_cast<float>(all.total(0, j));
      m.gradients[0][j] = static_cast<float>(all.total(1, j));
    }
    for (const std::size_t tensor : {0u, 1u}) sink.ready(tensor, 0, inputs(), m.gradients[tensor]);
  }

 private:
  static RowMoments* moments(const LayerMemory& m) { return reinterpret_cast<RowMoments*>(m.workspace); }
  /// Σ dy and Σ dy · x̂, by channel.
  ColumnSums sums(float* memory, std::size_t batch) const {
    return {memory, batch * input().positions(), inputs(), 2};
  }
};

}  // namespace

LayerInfo layer_norm_layer() {
  return {.name = "layer_norm",
          .help = "the channels of each position to mean 0 and variance 1, then a learned scale and bias",
          .onnx = "channels_first(LayerNormalization(channels_last(x), scale, bias, epsilon=epsilon))",
          .fields = {{"epsilon", 1e-5, 1e-12, 1, "added to the variance"}},
          .make = make_layer<LayerNorm>};
}

}  // namespace halfwave
