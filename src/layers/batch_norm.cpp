#include <cmath>

#include "core/team.h"
#include "kernels/rows.h"
#include "layers/kinds.h"

namespace halfwave {
namespace {

/// y = (x - mean) / sqrt(variance + epsilon) · scale + bias, by unit (Ioffe & Szegedy, "Batch normalization",
/// 2015). In training the batch's own mean and (biased) variance; the running ones, which inference uses,
/// follow by `momentum` with the unbiased variance, as in PyTorch.
class BatchNorm final : public Layer {
 public:
  using Layer::Layer;

  std::vector<TensorSpec> tensors() const override {
    return {{.name = "scale", .shape = {inputs()}, .start = 1.0f},
            {.name = "bias", .shape = {inputs()}},
            {.name = "mean", .shape = {inputs()}, .learned = false},
            {.name = "variance", .shape = {inputs()}, .learned = false, .start = 1.0f}};
  }

  /// Rows of the batch's statistics and of the factors made from them.
  std::size_t workspace(std::size_t, bool) const override { return 5 * row_stride(inputs()); }
  bool keeps_input() const override { return true; }

  void forward(const StepContext& context, const LayerMemory& m) const override {
    Rows rows(m.workspace, inputs());
    if (context.training) measure(context, m, rows);
    const float* mean = context.training ? rows.mean : m.tensors[2];
    const float* variance = context.training ? rows.variance : m.tensors[3];
    for (std::size_t j = 0; j < inputs(); ++j) {
      rows.inverse[j] = 1.0f / std::sqrt(variance[j] + static_cast<float>(field(1)));
      rows.factor[j] = rows.inverse[j] * m.tensors[0][j];
    }
    run_team(context.team(context.batch * inputs()), [&](int thread, int all) {
      column_scale(m.x, mean, rows.factor, m.tensors[1], m.x_stride, share(context.batch, thread, all),
                   inputs(), m.y);
    });
  }

  /// dx = factor · (dy - dbias / n - (x - mean) · inverse · dscale / n), n examples in the batch.
  void backward(const StepContext& context, const LayerMemory& m, GradientSink& sink) const override {
    Rows rows(m.workspace, inputs());
    float *dscale = m.gradients[0], *dbias = m.gradients[1];
    const int threads = context.team(context.batch * inputs());
    run_team(threads, [&](int thread, int all) {
      const Range columns = share(inputs(), thread, all, kLineFloats);
      column_sums(m.dy, m.y_stride, context.batch, columns, dbias);
      column_products(m.x, rows.mean, m.dy, m.x_stride, context.batch, columns, dscale);
    });
    const float share_of_one = 1.0f / static_cast<float>(context.batch);
    for (std::size_t j = 0; j < inputs(); ++j) {
      dscale[j] *= rows.inverse[j];
      rows.slope[j] = -rows.factor[j] * rows.inverse[j] * dscale[j] * share_of_one;
      rows.variance[j] = -rows.factor[j] * dbias[j] * share_of_one;
    }
    if (m.dx)
      run_team(threads, [&](int thread, int all) {
        column_combine(m.x, rows.mean, rows.slope, m.dy, rows.factor, rows.variance, m.x_stride,
                       share(context.batch, thread, all), inputs(), m.dx);
      });
    sink.ready(0, 0, inputs(), dscale);
    sink.ready(1, 0, inputs(), dbias);
  }

 private:
  struct Rows {
    float *mean, *variance, *inverse, *factor, *slope;
    Rows(float* workspace, std::size_t width) {
      const std::size_t row = row_stride(width);
      mean = workspace, variance = mean + row, inverse = variance + row, factor = inverse + row,
      slope = factor + row;
    }
  };

  void measure(const StepContext& context, const LayerMemory& m, const Rows& rows) const {
    const auto n = static_cast<float>(context.batch);
    run_team(context.team(context.batch * inputs()), [&](int thread, int all) {
      const Range columns = share(inputs(), thread, all, kLineFloats);
      column_sums(m.x, m.x_stride, context.batch, columns, rows.mean);
      for (std::size_t j = columns.begin; j < columns.end; ++j) rows.mean[j] /= n;
      column_squares(m.x, rows.mean, m.x_stride, context.batch, columns, rows.variance);
      for (std::size_t j = columns.begin; j < columns.end; ++j) rows.variance[j] /= n;
    });
    if (context.batch == 1) return;  // one example has no variance: it says nothing about the data's
    const auto momentum = static_cast<float>(field(0));
    const float unbiased = n / (n - 1.0f);
    for (std::size_t j = 0; j < inputs(); ++j) {
      m.tensors[2][j] += momentum * (rows.mean[j] - m.tensors[2][j]);
      m.tensors[3][j] += momentum * (rows.variance[j] * unbiased - m.tensors[3][j]);
    }
  }
};

}  // namespace

LayerInfo batch_norm_layer() {
  return {.name = "batch_norm",
          .help = "each unit to mean 0 and variance 1 over the batch, then a learned scale and bias",
          .onnx = "BatchNormalization(x, scale, bias, mean, variance, epsilon=epsilon)",
          .fields = {{"momentum", 0.1, 0, 1, "share of the new batch in the running statistics"},
                     {"epsilon", 1e-5, 1e-12, 1, "added to the variance"}},
          .make = make_layer<BatchNorm>};
}

}  // namespace halfwave
