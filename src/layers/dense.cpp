#include <algorithm>

#include "core/team.h"
#include "kernels/dense_products.h"
#include "kernels/rows.h"
#include "layers/kinds.h"

namespace halfwave {
namespace {

/// The tasks of a product over panels: one a panel, or several, each with a part of the panel's rows, where
/// the panels alone are too few to keep all threads busy to the end.
class PanelTasks {
 public:
  /// work: multiply-adds of the whole product.
  PanelTasks(std::size_t panels, std::size_t rows, std::size_t work, int threads)
      : panels_(panels), rows_(rows) {
    constexpr std::size_t kLeastWork = std::size_t{1} << 18;  // of a task: some five microseconds
    const std::size_t wanted =
        threads > 1 ? std::min(4 * static_cast<std::size_t>(threads), work / kLeastWork) : 1;
    parts_ = std::max<std::size_t>(1, (wanted + panels - 1) / panels);
  }

  /// Calls body(panel, rows) for every pair; a task has several of them where there are very many.
  template <class Body>
  void run(int threads, Body&& body) const {
    constexpr std::size_t kMostTasks = 4096;
    const std::size_t pairs = panels_ * parts_, tasks = std::min(pairs, kMostTasks);
    run_tasks(threads, static_cast<int>(tasks), [&](int task) {
      const Range mine = share(pairs, task, static_cast<int>(tasks));
      for (std::size_t i = mine.begin; i < mine.end; ++i) {
        const std::size_t part = i % parts_;
        body(i / parts_, Range{rows_ * part / parts_, rows_ * (part + 1) / parts_});
      }
    });
  }

 private:
  std::size_t panels_, rows_, parts_;
};

/// y = x·W + b: x [batch, in], W [in, out], b [out].
class Dense final : public Layer {
 public:
  using Layer::Layer;

  std::vector<TensorSpec> tensors() const override {
    return {{.name = "weight", .shape = {inputs(), outputs()}, .decays = true, .panels = true},
            {.name = "bias", .shape = {outputs()}}};
  }

  /// dy in panels, then dyᵀ in panels.
  std::size_t workspace(std::size_t batch, bool training) const override {
    return training ? Panels{batch, outputs()}.size() + Panels{outputs(), batch}.size() : 0;
  }

  bool keeps_input() const override { return true; }

  void forward(const StepContext& context, const LayerMemory& m) const override {
    const Panels shape{inputs(), outputs()};
    const std::size_t work = context.batch * shape.size();
    PanelTasks(shape.count(), context.batch, work, context.team(work))
        .run(context.team(work), [&](std::size_t p, Range rows) {
          dense_forward(m.x, m.x_stride, m.tensors[0], m.tensors[1], shape, m.y, m.y_stride, rows,
                        {p, p + 1});
        });
  }

  void backward(const StepContext& context, const LayerMemory& m, GradientSink& sink) const override {
    const std::size_t batch = context.batch;
    const Panels shape{inputs(), outputs()}, dy_shape{batch, outputs()}, transposed_shape{outputs(), batch};
    float* const dy_panels = m.workspace;
    float* const dy_transposed = m.workspace + dy_shape.size();
    const std::size_t work = batch * shape.size();
    const int threads = context.team(work);

    run_team(threads, [&](int thread, int all) {  // dy into the layouts of the two products; db on the way
      const Range panels = share(shape.count(), thread, all);
      pack_panels(m.dy, m.y_stride, dy_shape, panels.begin, panels.end, dy_panels);
      column_sums(m.dy, m.y_stride, batch,
                  {panels.begin * Panels::kWidth, std::min(outputs(), panels.end * Panels::kWidth)},
                  m.gradients[1]);
      if (m.dx)
        transpose_to_panels(m.dy, m.y_stride, batch, outputs(), share(transposed_shape.count(), thread, all),
                            dy_transposed);
    });
    if (m.dx) {
      const int parts =
          std::clamp(4 * threads, 1, static_cast<int>((inputs() + Panels::kWidth - 1) / Panels::kWidth));
      run_tasks(threads, parts, [&](int part) {
        dense_input_gradient(dy_transposed, m.tensors[0], batch, shape, m.dx, m.x_stride,
                             share(inputs(), part, parts, kLineFloats));
      });
    }
    PanelTasks(shape.count(), inputs(), work, threads).run(threads, [&](std::size_t p, Range rows) {
      weight_gradient(context, m, shape, p, rows, sink);
    });
    sink.ready(1, 0, outputs(), m.gradients[1]);
  }

 private:
  /// dW of one panel, in blocks that are handed on while they are in the L1 cache: 48 rows of 64 floats are
  /// 12 KiB. Unless somebody asks for the gradient, every block is made in the same place and never goes to
  /// memory.
  void weight_gradient(const StepContext& context, const LayerMemory& m, Panels shape, std::size_t panel,
                       Range rows, GradientSink& sink) const {
    constexpr std::size_t kRows = 48;
    alignas(kAlignment) float block[kRows * Panels::kWidth];
    const Companions whole = sink.companions(0);
    for (std::size_t i = rows.begin; i < rows.end; i += kRows) {
      const Range part{i, std::min(rows.end, i + kRows)};
      const std::size_t begin = shape.offset(panel) + i * shape.width(panel);
      Companions companions = whole;
      for (std::size_t k = 0; k < companions.count; ++k) companions.arrays[k] += begin;
      float* const dw = context.keep_gradients ? m.gradients[0] + begin : block;
      dense_weight_gradient(m.x, m.x_stride, m.workspace, context.batch, shape, panel, part, dw, companions);
      sink.ready(0, begin, part.size() * shape.width(panel), dw);
    }
  }

  std::size_t width_for(std::size_t) const override { return static_cast<std::size_t>(field(0)); }
};

}  // namespace

LayerInfo dense_layer() {
  return {.name = "dense",
          .help = "every output is a weighted sum of all inputs, plus a bias",
          .onnx = "Gemm(x, weight, bias)",
          .fields = {{"units", 0, 1, 1 << 24, "outputs; the last layer's follow from the data", true}},
          .make = make_layer<Dense>};
}

}  // namespace halfwave
