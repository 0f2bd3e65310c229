#include <algorithm>
#include <numeric>

#include "core/team.h"
#include "kernels/dense_products.h"
#include "kernels/rows.h"
#include "kernels/skipping_products.h"
#include "layers/kinds.h"
#include "layers/panel_tasks.h"

namespace halfwave {
namespace {

constexpr std::size_t kGroup = NonzeroLists::kRows;

/// Parts of the scratch, one after the other.
class Parts {
 public:
  explicit Parts(float* at) : at_(at) {}
  float* take(std::size_t floats) {
    float* const part = at_ ? at_ + used_ : nullptr;
    used_ += round_up(floats, kLineFloats);
    return part;
  }
  std::size_t used() const { return used_; }

 private:
  float* at_;
  std::size_t used_ = 0;
};

/// What the backward pass works with.
struct Scratch {
  float *dy_panels, *dy_transposed;  ///< dy in the layouts of the products
  std::uint32_t* dy_counts;          ///< of each unit of dy: numbers that are not zero
  float *lists = nullptr, *x_panels = nullptr, *sums = nullptr;
  std::size_t floats;

  Scratch(float* memory, std::size_t batch, std::size_t in, std::size_t out, bool skipping) {
    Parts parts(memory);
    dy_panels = parts.take(Panels{batch, out}.size());
    dy_transposed = parts.take(Panels{out, batch}.size());
    dy_counts = reinterpret_cast<std::uint32_t*>(parts.take(out));
    if (skipping) {
      lists = parts.take(std::max(NonzeroLists::floats(in, batch), NonzeroLists::floats(out, batch)));
      x_panels = parts.take(Panels{batch, in}.size());
      sums = parts.take(NonzeroLists(nullptr, batch, in).capacity());
    }
    floats = parts.used();
  }
};

/// y = x·W + b: x [batch, in], W [in, out], b [out]. Each of the three products skips the zeros of x, or of
/// dy, where there are enough of them to make that faster.
class Dense final : public Layer {
 public:
  using Layer::Layer;

  std::vector<TensorSpec> tensors() const override {
    return {{.name = "weight", .shape = {inputs(), outputs()}, .decays = true, .panels = true},
            {.name = "bias", .shape = {outputs()}}};
  }

  /// For inference: the bias and what the rest of the input adds to it.
  std::size_t workspace(std::size_t, bool) const override { return row_stride(outputs()); }
  std::size_t scratch(std::size_t batch, bool training, bool skipping) const override {
    return training ? Scratch(nullptr, batch, inputs(), outputs(), skipping).floats : 0;
  }

  bool keeps_input() const override { return true; }
  bool skips_zeros() const override { return true; }
  double skips_below(const StepContext& context) const override {
    return threshold(context, Product::forward);
  }

  /// In training the rest is added panel by panel, when the product needs the panel anyway.
  void prepare(const StepContext& context, const LayerMemory& m) const override {
    if (!m.rest || context.training) return;
    run_team(context.team(panels().size()), [&](int thread, int all) {
      const Range mine = share(panels().count(), thread, all);
      for (std::size_t p = mine.begin; p < mine.end; ++p) add_rest(m, p, m.workspace + p * Panels::kWidth);
    });
  }

  void forward(const StepContext& context, const LayerMemory& m) const override {
    const Panels shape = panels();
    const std::size_t cost =
        m.x_nonzeros && m.x_nonzeros->all_listed()
            ? static_cast<std::size_t>(m.x_nonzeros->density() * static_cast<double>(work(context)))
            : work(context);
    const int threads = context.team(cost);
    PanelTasks(shape.count(), context.batch, cost, threads, kGroup)
        .run(threads, [&](std::size_t p, Range rows) {
          alignas(kAlignment) float with_rest[Panels::kWidth];
          const float* start = (m.rest ? m.workspace : m.tensors[1]) + p * Panels::kWidth;
          if (m.rest && context.training) {
            add_rest(m, p, with_rest);
            start = with_rest;
          }
          for_runs(m.x_nonzeros, rows, [&](Range run, bool listed) {
            float* const y = m.y + run.begin * m.y_stride + p * Panels::kWidth;
            if (listed)
              skipping_product(m.x_nonzeros->lists(), groups_of(run), m.tensors[0] + shape.offset(p),
                               shape.width(p), {start}, y, m.y_stride);
            else
              dense_forward(m.x + run.begin * m.x_stride, m.x_stride, m.tensors[0] + shape.offset(p), start,
                            {inputs(), shape.used(p)}, y, m.y_stride, {0, run.size()}, {0, 1});
          });
        });
  }

  void backward(const StepContext& context, const LayerMemory& m, GradientSink& sink) const override {
    const Scratch scratch(m.scratch, context.batch, inputs(), outputs(), context.skipping != Skipping::never);
    const bool skips_dx = m.dx && m.x_flat && m.x_nonzeros && m.x_nonzeros->all_listed() &&
                          m.x_nonzeros->density() < threshold(context, Product::input_gradient);
    arrange_gradient(context, m, scratch, m.dx && !skips_dx);
    const double x_density = m.x_nonzeros ? m.x_nonzeros->density() : 1.0,
                 dy_density = m.dy_zeros ? density_of(context, scratch) : 1.0;
    const bool skips_dw =
        std::min(x_density, dy_density) < std::min(1.0, threshold(context, Product::weight_gradient));
    const bool by_x = x_density <= dy_density;
    if (skips_dx && skips_dw && by_x) {
      skipping_gradients(context, m, scratch, sink);
    } else {
      if (skips_dx)
        skipping_input_gradient(context, m, scratch);
      else if (m.dx)
        input_gradient(context, m, scratch);
      if (!skips_dw)
        weight_gradient(context, m, scratch, sink);
      else if (by_x)
        skipping_weight_gradient(context, m, scratch, sink);
      else
        transposed_weight_gradient(context, m, scratch, sink);
    }
    sink.ready(1, 0, outputs(), m.gradients[1]);
  }

 private:
  Panels panels() const { return {inputs(), outputs()}; }
  std::size_t work(const StepContext& context) const { return context.batch * panels().size(); }

  /// The density below which a product skips zeros.
  double threshold(const StepContext& context, Product product) const {
    switch (context.skipping) {
      case Skipping::always:
        return 2.0;
      case Skipping::never:
        return 0.0;
      case Skipping::automatic:
        break;
    }
    return crossovers().density(product, context.batch, outputs());
  }

  /// start = bias + rest·W, of panel p.
  void add_rest(const LayerMemory& m, std::size_t p, float* start) const {
    const Panels shape = panels();
    dense_forward(m.rest, row_stride(inputs()), m.tensors[0] + shape.offset(p),
                  m.tensors[1] + p * Panels::kWidth, {inputs(), shape.used(p)}, start, Panels::kWidth, {0, 1},
                  {0, 1});
  }

  static Range groups_of(Range rows) { return {rows.begin / kGroup, (rows.end + kGroup - 1) / kGroup}; }

  /// Calls body(run, listed) for the longest runs of rows whose groups all have lists, or all have none.
  template <class Body>
  static void for_runs(const Nonzeros* nonzeros, Range rows, Body&& body) {
    const auto listed = [&](std::size_t row) { return nonzeros && nonzeros->listed(row / kGroup); };
    for (std::size_t begin = rows.begin, end; begin < rows.end; begin = end) {
      const bool first = listed(begin);
      for (end = begin + kGroup; end < rows.end && listed(end) == first;) end += kGroup;
      end = std::min(end, rows.end);
      body(Range{begin, end}, first);
    }
  }

  /// dy into the layouts of the products; db and the counts on the way.
  void arrange_gradient(const StepContext& context, const LayerMemory& m, const Scratch& scratch,
                        bool transposed) const {
    const std::size_t batch = context.batch;
    const Panels dy_shape{batch, outputs()}, transposed_shape{outputs(), batch};
    run_team(context.team(work(context)), [&](int thread, int all) {
      const Range mine = share(dy_shape.count(), thread, all);
      const Range units{mine.begin * Panels::kWidth, std::min(outputs(), mine.end * Panels::kWidth)};
      pack_panels(m.dy, m.y_stride, dy_shape, mine.begin, mine.end, scratch.dy_panels);
      column_sums(m.dy, m.y_stride, batch, units, m.gradients[1]);
      if (m.dy_zeros && !units.empty()) {
        std::fill_n(scratch.dy_counts + units.begin, units.size(), 0u);
        count_nonzeros(m.dy, m.y_stride, batch, units, scratch.dy_counts);
      }
      if (transposed)
        transpose_to_panels(m.dy, m.y_stride, batch, outputs(), share(transposed_shape.count(), thread, all),
                            scratch.dy_transposed);
    });
  }

  double density_of(const StepContext& context, const Scratch& scratch) const {
    const std::size_t ones =
        std::accumulate(scratch.dy_counts, scratch.dy_counts + outputs(), std::size_t{0});
    return static_cast<double>(ones) / static_cast<double>(context.batch * outputs());
  }

  void input_gradient(const StepContext& context, const LayerMemory& m, const Scratch& scratch) const {
    const int threads = context.team(work(context));
    const int parts =
        std::clamp(4 * threads, 1, static_cast<int>((inputs() + Panels::kWidth - 1) / Panels::kWidth));
    run_tasks(threads, parts, [&](int part) {
      dense_input_gradient(scratch.dy_transposed, m.tensors[0], context.batch, panels(), m.dx, m.x_stride,
                           share(inputs(), part, parts, kLineFloats));
    });
  }

  /// dx only where x is not zero: elsewhere nobody will look at it.
  void skipping_input_gradient(const StepContext& context, const LayerMemory& m,
                               const Scratch& scratch) const {
    constexpr std::size_t kBlocks = 4;  // of a task: they share the panels of dy
    const NonzeroLists& lists = m.x_nonzeros->lists();
    const int threads = context.team(work(context));
    PanelTasks((lists.blocks() + kBlocks - 1) / kBlocks, context.batch, work(context), threads, kGroup)
        .run(threads, [&](std::size_t part, Range rows) {
          const Range blocks{part * kBlocks, std::min(lists.blocks(), (part + 1) * kBlocks)};
          masked_product(lists, blocks, groups_of(rows), scratch.dy_panels, m.tensors[0], panels(),
                         scratch.sums, m.dx, m.x_stride);
        });
  }

  /// What panel p of W and dy adds to one block of dx.
  void add_dots(const StepContext& context, const LayerMemory& m, const Scratch& scratch, std::size_t block,
                Range groups, std::size_t p) const {
    const Panels shape = panels(), dy_shape{context.batch, outputs()};
    masked_dots(m.x_nonzeros->lists(), block, groups, scratch.dy_panels + dy_shape.offset(p),
                m.tensors[0] + shape.offset(p), shape.width(p), p == 0, scratch.sums);
  }

  /// dW of one panel, in blocks that are handed on while they are in the cache. Unless somebody asks for the
  /// gradient, every block is made in the same place and never goes to memory. make(part, start, dw,
  /// companions) fills the block of the rows `part`, of which there are kRows or less.
  template <std::size_t kRows, class Make>
  void make_gradient(const StepContext& context, const LayerMemory& m, std::size_t panel, Range rows,
                     GradientSink& sink, Make&& make) const {
    alignas(kAlignment) float block[kRows * Panels::kWidth];
    const Companions whole = sink.companions(0);
    const Panels shape = panels();
    for (std::size_t i = rows.begin; i < rows.end; i += kRows) {
      const Range part{i, std::min(rows.end, i + kRows)};
      const std::size_t begin = shape.offset(panel) + i * shape.width(panel);
      Companions companions = whole;
      for (std::size_t k = 0; k < companions.count; ++k) companions.arrays[k] += begin;
      float* const dw = context.keep_gradients ? m.gradients[0] + begin : block;
      make(part, dw, companions);
      sink.ready(0, begin, part.size() * shape.width(panel), dw);
    }
  }

  /// What rows of dW begin with: the rest of the input takes part in every example, Σ rest·dy = rest·db.
  static ProductStart rest_start(const LayerMemory& m, std::size_t panel, std::size_t input) {
    if (!m.rest) return {};
    return {m.gradients[1] + panel * Panels::kWidth, m.rest + input};
  }

  void weight_gradient(const StepContext& context, const LayerMemory& m, const Scratch& scratch,
                       GradientSink& sink) const {
    const Panels shape = panels();
    const int threads = context.team(work(context));
    PanelTasks(shape.count(), inputs(), work(context), threads).run(threads, [&](std::size_t p, Range rows) {
      make_gradient<48>(context, m, p, rows, sink,  // 12 KiB
                        [&](Range part, float* dw, const Companions& companions) {
                          dense_weight_gradient(m.x, m.x_stride, scratch.dy_panels, context.batch, shape, p,
                                                part, rest_start(m, p, part.begin), dw, companions);
                        });
    });
  }

  /// Lists of the transpose of x or dy, [batch, units].
  NonzeroLists list_units(const StepContext& context, const float* matrix, std::size_t stride,
                          std::size_t units, const Scratch& scratch) const {
    const NonzeroLists lists(scratch.lists, units, context.batch);
    run_team(context.team(context.batch * units * 4), [&](int thread, int all) {
      const Range groups = share(lists.groups(), thread, all);
      for (std::size_t group = groups.begin; group < groups.end; ++group)
        for (std::size_t block = 0; block < lists.blocks(); ++block)
          list_columns(matrix, stride, group, block, lists);
    });
    return lists;
  }

  /// dW = xᵀ·dy over the examples in which each input is not zero.
  void skipping_weight_gradient(const StepContext& context, const LayerMemory& m, const Scratch& scratch,
                                GradientSink& sink) const {
    const NonzeroLists lists = list_units(context, m.x, m.x_stride, inputs(), scratch);
    const int threads = context.team(work(context));
    PanelTasks(panels().count(), inputs(), work(context), threads, kGroup)
        .run(threads,
             [&](std::size_t p, Range rows) { skip_weight_rows(context, m, scratch, lists, p, rows, sink); });
  }

  void skip_weight_rows(const StepContext& context, const LayerMemory& m, const Scratch& scratch,
                        const NonzeroLists& lists, std::size_t p, Range rows, GradientSink& sink) const {
    const Panels shape = panels(), dy_shape{context.batch, outputs()};
    make_gradient<64>(context, m, p, rows, sink, [&](Range part, float* dw, const Companions& companions) {
      skipping_product(lists, groups_of(part), scratch.dy_panels + dy_shape.offset(p), shape.width(p),
                       rest_start(m, p, part.begin), dw, shape.width(p), companions);
    });
  }

  /// Both gradients at once: the part of W that dx has just been made with is in the cache when its own
  /// gradient comes.
  void skipping_gradients(const StepContext& context, const LayerMemory& m, const Scratch& scratch,
                          GradientSink& sink) const {
    const NonzeroLists& lists = m.x_nonzeros->lists();
    const NonzeroLists units = list_units(context, m.x, m.x_stride, inputs(), scratch);
    const Range all{0, lists.groups()};
    run_tasks(context.team(work(context)), static_cast<int>(lists.blocks()), [&](int task) {
      const auto block = static_cast<std::size_t>(task);
      for (std::size_t p = 0; p < panels().count(); ++p) {
        add_dots(context, m, scratch, block, all, p);
        skip_weight_rows(context, m, scratch, units, p, lists.columns_of(block), sink);
      }
      scatter_block(lists, block, all, scratch.sums, m.dx, m.x_stride);
    });
  }

  /// dW = (dyᵀ·x)ᵀ over the examples in which each output's gradient is not zero.
  void transposed_weight_gradient(const StepContext& context, const LayerMemory& m, const Scratch& scratch,
                                  GradientSink& sink) const {
    const NonzeroLists lists = list_units(context, m.dy, m.y_stride, outputs(), scratch);
    const Panels shape = panels(), x_shape{context.batch, inputs()};
    const int threads = context.team(work(context));
    run_team(threads, [&](int thread, int all) {
      const Range mine = share(x_shape.count(), thread, all);
      pack_panels(m.x, m.x_stride, x_shape, mine.begin, mine.end, scratch.x_panels);
    });
    PanelTasks(shape.count(), inputs(), work(context), threads, Panels::kWidth)
        .run(threads, [&](std::size_t p, Range rows) {
          const std::size_t output = p * Panels::kWidth;
          const Range groups = groups_of({output, output + shape.used(p)});
          make_gradient<Panels::kWidth>(
              context, m, p, rows, sink, [&](Range part, float* dw, const Companions& companions) {
                alignas(kAlignment) float transposed[Panels::kWidth * Panels::kWidth];
                const std::size_t q = part.begin / Panels::kWidth, width = x_shape.width(q);
                const ProductStart start =
                    m.rest ? ProductStart{m.rest + part.begin, m.gradients[1] + output} : ProductStart{};
                skipping_product(lists, groups, scratch.x_panels + x_shape.offset(q), width, start,
                                 transposed, width, companions);
                transpose_to_panels(transposed, width, shape.used(p), part.size(), {0, 1}, dw);
              });
        });
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
