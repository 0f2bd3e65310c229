#include <algorithm>
#include <cmath>

#include "core/team.h"
#include "kernels/rows.h"
#include "layers/column_sums.h"
#include "layers/kinds.h"

namespace halfwave {
namespace {

/// y = (x - mean) / sqrt(variance + epsilon) · scale + bias, by channel (Ioffe & Szegedy, "Batch
/// normalization", 2015). In training the batch's own mean and (biased) variance, over its examples and
/// positions; the running ones, which inference uses, follow by `momentum` with the unbiased variance, as in
/// PyTorch.
class BatchNorm final : public Layer {
 public:
  using Layer::Layer;

  std::vector<TensorSpec> tensors() const override {
    return {{.name = "scale", .shape = {inputs()}, .start = 1.0f},
            {.name = "bias", .shape = {inputs()}},
            {.name = "mean", .shape = {inputs()}, .learned = false},
            {.name = "variance", .shape = {inputs()}, .learned = false, .start = 1.0f}};
  }

  std::size_t workspace(std::size_t batch, bool training) const override {
    return Rows::kCount * row_stride(inputs()) + (training ? moment_floats(batch) : 0);
  }
  std::size_t scratch(std::size_t batch, bool training, bool) const override {
    return training ? slopes(nullptr, batch).floats() : 0;
  }
  bool keeps_input() const override { return true; }
  bool in_place() const override { return true; }

  bool is_affine() const override { return true; }
  Affine affine(const LayerMemory& m) const override {
    const Rows rows(m.workspace, m.x_stride);
    return {rows.factor, rows.constant};
  }
  void prepare(const StepContext&, const LayerMemory& m) const override {
    const Rows rows(m.workspace, m.x_stride);
    factors(m, rows, m.tensors[3]);
    for (std::size_t j = 0; j < inputs(); ++j)
      rows.constant[j] = m.tensors[1][j] - m.tensors[2][j] * rows.factor[j];
  }

  bool observes_rows(bool training) const override { return training; }
  void observe(const StepContext& context, const LayerMemory& m, Range rows) const override {
    moments(context, m).run_block(rows.begin / rows_together(input(), input_rows(context)), Moments{m});
  }

  bool tells_rows() const override { return true; }
  bool follows_rows(bool training) const override { return !training; }
  void follow(const StepContext&, const LayerMemory& m, Range part) const override {
    const Rows rows(m.workspace, m.x_stride);
    column_scale(m.x, m.tensors[2], rows.factor, m.tensors[1], m.x_stride, part, m.x_stride, m.y);
  }

  void forward(const StepContext& context, const LayerMemory& m) const override {
    const Rows rows(m.workspace, m.x_stride);
    if (context.training) {
      measure(context, m, rows);
      factors(m, rows, rows.variance);
    }
    const float* const mean = context.training ? rows.mean : m.tensors[2];
    make_rows(
        input_rows(context), threads(context), m.y, m.y_stride, m.y_nonzeros,
        [&](Range part) {
          column_scale(m.x, mean, rows.factor, m.tensors[1], m.x_stride, part, m.x_stride, m.y);
        },
        m.row_sink, rows_together(output(), output_rows(context)));
  }

  /// dx = factor · (dy - dbias / n - (x - mean) · inverse · dscale / n), n rows in the batch.
  void backward(const StepContext& context, const LayerMemory& m, GradientSink& sink) const override {
    const Rows rows(m.workspace, m.x_stride);
    const ColumnSums all = slopes(m.scratch, context.batch);
    all.run(threads(context), [&](Range part, float* of_part) {
      add_slopes(m.x, rows.mean, m.dy, m.x_stride, part, {0, all.row()}, of_part, of_part + all.row());
    });
    const double share_of_one = 1.0 / static_cast<double>(input_rows(context));
    for (std::size_t j = 0; j < inputs(); ++j) {
      const auto inverse = static_cast<double>(rows.inverse[j]), factor = static_cast<double>(rows.factor[j]);
      const double dbias = all.total(0, j), dscale = all.total(1, j) * inverse;
      m.gradients[0][j] = static_cast<float>(dscale);
      m.gradients[1][j] = static_cast<float>(dbias);
      rows.slope[j] = static_cast<float>(-factor * inverse * dscale * share_of_one);
      rows.constant[j] = static_cast<float>(-factor * dbias * share_of_one);
    }
    if (m.dx)
      make_rows(input_rows(context), threads(context), m.dx, m.x_stride, nullptr, [&](Range part) {
        column_combine(m.x, rows.mean, rows.slope, m.dy, rows.factor, rows.constant, m.x_stride, part,
                       m.x_stride, m.dx);
      });
    for (const std::size_t tensor : {0u, 1u}) sink.ready(tensor, 0, inputs(), m.gradients[tensor]);
  }

 private:
  /// What the workspace holds of the batch, by channel.
  struct Rows {
    static constexpr std::size_t kCount = 6;
    float *mean, *variance, *inverse, *factor, *slope, *constant;
    Rows(float* workspace, std::size_t stride)
        : mean(workspace),
          variance(mean + stride),
          inverse(variance + stride),
          factor(inverse + stride),
          slope(factor + stride),
          constant(slope + stride) {}
  };

  int threads(const StepContext& context) const {
    return context.team(input_rows(context) * row_stride(inputs()));
  }
  /// Of a block: the mean of its first rows, and the sums of x and x² counted from that, so that a mean far
  /// from zero costs no precision.
  ColumnSums moments(const StepContext& context, const LayerMemory& m) const {
    const std::size_t rows = input_rows(context);
    return {m.workspace + Rows::kCount * m.x_stride, rows, inputs(), 3, rows_together(input(), rows)};
  }
  /// For any batch up to this one.
  std::size_t moment_floats(std::size_t batch) const {
    return most_tellings(batch * input().positions()) * 3 * row_stride(inputs());
  }
  struct Moments {
    const LayerMemory& m;
    void operator()(Range rows, float* of_block) const {
      const std::size_t n = m.x_stride, some = std::min<std::size_t>(rows.size(), 16);
      column_sums(m.x + rows.begin * n, n, some, {0, n}, of_block);
      for (std::size_t j = 0; j < n; ++j) of_block[j] /= static_cast<float>(some);
      add_moments(m.x, of_block, n, rows, {0, n}, of_block + n, of_block + 2 * n);
    }
  };
  /// Backward: the sums of dy and dy · (x - mean).
  ColumnSums slopes(float* memory, std::size_t batch) const {
    return {memory, batch * input().positions(), inputs(), 2};
  }

  void factors(const LayerMemory& m, const Rows& rows, const float* variance) const {
    for (std::size_t j = 0; j < inputs(); ++j) {
      rows.inverse[j] = 1.0f / std::sqrt(variance[j] + static_cast<float>(field(1)));
      rows.factor[j] = rows.inverse[j] * m.tensors[0][j];
    }
  }

  /// Mean and variance of the batch from those of the blocks (Chan et al., "Updating formulae and a pairwise
  /// algorithm for computing sample variances", 1979), and the running ones.
  void measure(const StepContext& context, const LayerMemory& m, const Rows& rows) const {
    const ColumnSums all = moments(context, m);
    if (!m.observed) all.run(threads(context), Moments{m});
    const auto n = static_cast<double>(input_rows(context));
    for (std::size_t j = 0; j < inputs(); ++j) {
      double mean = 0.0, squares = 0.0, seen = 0.0;
      for (std::size_t block = 0; block < all.blocks(); ++block) {
        const auto count = static_cast<double>(all.rows_of(block).size());
        const double shift = all.of_block(block, 1, j) / count;
        const double apart = all.of_block(block, 0, j) + shift - mean;
        squares += std::max(0.0, all.of_block(block, 2, j) - count * shift * shift) +
                   apart * apart * seen * count / (seen + count);
        seen += count;
        mean += apart * count / seen;
      }
      rows.mean[j] = static_cast<float>(mean);
      rows.variance[j] = static_cast<float>(squares / n);
      if (n == 1.0) continue;  // one row has no variance: it says nothing about the data's
      const auto momentum = static_cast<float>(field(0));
      m.tensors[2][j] += momentum * (rows.mean[j] - m.tensors[2][j]);
      m.tensors[3][j] += momentum * (static_cast<float>(squares / (n - 1.0)) - m.tensors[3][j]);
    }
  }
};

}  // namespace

LayerInfo batch_norm_layer() {
  return {.name = "batch_norm",
          .help = "each channel to mean 0 and variance 1 over the batch, then a learned scale and bias",
          .onnx = "BatchNormalization(x, scale, bias, mean, variance, epsilon=epsilon)",
          .fields = {{"momentum", 0.1, 0, 1, "share of the new batch in the running statistics"},
                     {"epsilon", 1e-5, 1e-12, 1, "added to the variance"}},
          .make = make_layer<BatchNorm>};
}

}  // namespace halfwave
