#include <fmt/format.h>
#include <halfwave/error.h>

#include <algorithm>

#include "core/team.h"
#include "kernels/dense_products.h"
#include "kernels/skipping_products.h"
#include "layers/dense_gradients.h"
#include "layers/kinds.h"
#include "layers/panel_tasks.h"

namespace halfwave {
namespace {

/// y = x·W + b: x [batch, in], W [in, out], b [out], which may be left out. Each of the three products skips
/// the zeros of x, or of dy, where there are enough of them to make that faster.
class Dense final : public Layer {
 public:
  using Layer::Layer;

  std::vector<TensorSpec> tensors() const override {
    std::vector<TensorSpec> all{{.name = "weight",
                                 .shape = {inputs(), outputs()},
                                 .decays = true,
                                 .storage = TensorSpec::Storage::panels}};
    if (field(1) != 0.0) all.push_back({.name = "bias", .shape = {outputs()}});
    return all;
  }

  /// For inference: the bias with what the rest of the input adds to it; for few examples W row by row.
  std::size_t workspace(std::size_t batch, bool) const override {
    const std::size_t row = row_stride(outputs());
    return batch <= kFewExamples ? row + inputs() * row : row;
  }
  std::size_t scratch(std::size_t batch, bool training, bool skipping) const override {
    return training ? DenseGradients::scratch(batch, panels(), skipping) : 0;
  }

  bool keeps_input() const override { return true; }
  bool skips_zeros() const override { return true; }
  bool takes_rest() const override { return true; }
  std::size_t multiply_adds() const override { return inputs() * outputs(); }
  double skips_below(const StepContext& context) const override {
    const double forward = context.skips_below(Product::forward, outputs());
    if (!context.training) return forward;
    return std::max(forward, context.skips_below(Product::input_gradient, outputs()));
  }

  void prepare(const StepContext& context, const LayerMemory& m) const override {
    const Panels shape = panels();
    const std::size_t row = row_stride(outputs());
    run_team(context.team(shape.size()), [&](int thread, int all) {
      const Range mine = share(shape.count(), thread, all);
      for (std::size_t p = mine.begin; p < mine.end; ++p) {
        float* const start = m.workspace + p * Panels::kWidth;
        if (m.rest)
          add_rest(m, p, start);
        else if (const float* const b = bias(m))
          std::copy_n(b + p * Panels::kWidth, shape.width(p), start);
        else
          std::fill_n(start, shape.width(p), 0.0f);
        if (!by_row(m)) continue;
        const float* from = m.tensors[0] + shape.offset(p);
        for (std::size_t k = 0; k < inputs(); ++k, from += shape.width(p))
          std::copy_n(from, shape.width(p), start + (k + 1) * row);
      }
    });
  }

  void forward(const StepContext& context, const LayerMemory& m) const override {
    const Panels shape = panels();
    const double below =
        m.x_nonzeros && m.x_nonzeros->any_listed() ? context.skips_below(Product::forward, outputs()) : 0.0;
    const int threads = context.team(cost(context, m, below));
    if (!context.training && by_row(m) && m.x_nonzeros->all_listed() && m.x_nonzeros->density() < below) {
      const std::size_t row = row_stride(outputs());
      run_team(threads, [&](int thread, int all) {
        skipping_few(m.x_nonzeros->lists(), share(row, thread, all, Panels::kWidth), m.workspace + row, row,
                     m.workspace, m.y, m.y_stride);
      });
      return;
    }
    PanelTasks(shape.count(), context.batch, context.batch * shape.size(), threads, NonzeroLists::kRows)
        .run(threads, [&](std::size_t p, Range rows) {
          alignas(kAlignment) float with_rest[Panels::kWidth];
          const float* start = context.training ? bias(m) : m.workspace;
          if (start) start += p * Panels::kWidth;
          if (m.rest && context.training) {  // now that the product needs the panel anyway
            add_rest(m, p, with_rest);
            start = with_rest;
          }
          for_runs(m.x_nonzeros, below, rows, [&](Range run, bool skips) {
            float* const y = m.y + run.begin * m.y_stride + p * Panels::kWidth;
            if (skips)
              skipping_product(m.x_nonzeros->lists(), NonzeroLists::groups_of(run),
                               m.tensors[0] + shape.offset(p), shape.width(p), {start}, y, m.y_stride);
            else
              dense_forward(m.x + run.begin * m.x_stride, m.x_stride, m.tensors[0] + shape.offset(p), start,
                            {inputs(), shape.used(p)}, y, m.y_stride, {0, run.size()}, {0, 1});
          });
        });
  }

  void backward(const StepContext& context, const LayerMemory& m, GradientSink& sink) const override {
    DenseGradients(panels(), context, m, sink).run();
  }

 private:
  /// W is also kept row by row, for skipping_few.
  static bool by_row(const LayerMemory& m) { return m.x_nonzeros && m.batch <= kFewExamples; }

  Panels panels() const { return {inputs(), outputs()}; }
  static const float* bias(const LayerMemory& m) { return m.tensors.size() > 1 ? m.tensors[1] : nullptr; }

  /// Multiply-adds of the forward product, or as many as take as long: for few examples it is the weights'
  /// way from memory that takes the time.
  std::size_t cost(const StepContext& context, const LayerMemory& m, double below) const {
    constexpr std::size_t kLeast = 8;
    const std::size_t most = std::max(context.batch, kLeast) * panels().size();
    return below > 0.0 && m.x_nonzeros->all_listed()
               ? static_cast<std::size_t>(m.x_nonzeros->density() * static_cast<double>(most))
               : most;
  }

  /// start = bias + rest·W, of panel p.
  void add_rest(const LayerMemory& m, std::size_t p, float* start) const {
    const Panels shape = panels();
    const float* const b = bias(m);
    dense_forward(m.rest, row_stride(inputs()), m.tensors[0] + shape.offset(p),
                  b ? b + p * Panels::kWidth : nullptr, {inputs(), shape.used(p)}, start, Panels::kWidth,
                  {0, 1}, {0, 1});
  }

  /// Calls body(run, skips) for the longest runs of rows whose groups all skip zeros, or all do not.
  template <class Body>
  static void for_runs(const Nonzeros* nonzeros, double below, Range rows, Body&& body) {
    constexpr std::size_t kGroup = NonzeroLists::kRows;
    const auto skips = [&](std::size_t row) {
      return below > 0.0 && nonzeros->listed(row / kGroup) && nonzeros->density(row / kGroup) < below;
    };
    for (std::size_t begin = rows.begin, end; begin < rows.end; begin = end) {
      const bool first = skips(begin);
      for (end = begin + kGroup; end < rows.end && skips(end) == first;) end += kGroup;
      end = std::min(end, rows.end);
      body(Range{begin, end}, first);
    }
  }

  Shape output_for(const Shape& input) const override {
    if (input.positions() > 1)
      throw usage_error(
          fmt::format("dense takes a row of numbers, not {}: put 'flatten' or a global pool "
                      "before it.",
                      describe(input)));
    return Shape::row(first_of(0));
  }
};

}  // namespace

LayerInfo dense_layer() {
  return {.name = "dense",
          .help = "every output is a weighted sum of all inputs, plus a bias",
          .onnx = "Gemm(row(x), weight, bias?)",
          .fields = {{"units", 0, 1, 1 << 24, "outputs; the last layer's follow from the data", true},
                     {.name = "bias", .value = 1, .low = 0, .high = 1, .help = "0: none", .whole = true}},
          .make = make_layer<Dense>};
}

}  // namespace halfwave
