#include "layers/dense_gradients.h"

#include <algorithm>
#include <numeric>

#include "kernels/rows.h"
#include "kernels/skipping_products.h"
#include "layers/panel_tasks.h"

namespace halfwave {

DenseGradients::Scratch::Scratch(float* memory, std::size_t batch, Panels shape, bool skipping) {
  const std::size_t in = shape.rows, out = shape.columns;
  Placer placer(memory);
  dy_panels = placer.take(Panels{batch, out}.size());
  dy_transposed = placer.take(Panels{out, batch}.size());
  dy_counts = reinterpret_cast<std::uint32_t*>(placer.take(out));
  db = placer.take(row_stride(out));
  if (skipping) {
    lists = placer.take(std::max(NonzeroLists::floats(in, batch), NonzeroLists::floats(out, batch)));
    x_panels = placer.take(Panels{batch, in}.size());
    sums = placer.take(NonzeroLists(nullptr, batch, in).capacity());
  }
  floats = placer.used();
}

std::size_t DenseGradients::scratch(std::size_t batch, Panels shape, bool skipping) {
  return Scratch(nullptr, batch, shape, skipping).floats;
}

DenseGradients::DenseGradients(Panels shape, const StepContext& context, const LayerMemory& memory,
                               GradientSink& sink)
    : shape_(shape),
      dy_shape_{context.batch, shape.columns},
      context_(context),
      m_(memory),
      sink_(sink),
      scratch_(memory.scratch, context.batch, shape, context.skipping != Skipping::never),
      work_(context.batch * shape.size()),
      threads_(context.team(work_)),
      db_(memory.gradients.size() > 1 ? memory.gradients[1] : scratch_.db) {}

void DenseGradients::run() {
  const bool masked = m_.dx && masks_dx();
  arrange_dy(m_.dx && !masked);

  // dW may go by the zeros of x or by those of dy; a matrix without any has none to skip, even if told to.
  const double x = m_.x_nonzeros ? m_.x_nonzeros->density() : 1.0, dy = m_.dy_zeros ? dy_density() : 1.0;
  const bool x_gains = x < 1.0 && x < context_.skips_below(Product::weight_gradient, shape_.columns);
  const bool dy_gains = dy < 1.0 && dy < context_.skips_below(Product::weight_gradient, shape_.rows);
  const bool by_x = x_gains && (!dy_gains || x <= dy);

  const std::size_t blocks = (shape_.rows + NonzeroLists::kColumns - 1) / NonzeroLists::kColumns;
  const bool enough_tasks = threads_ == 1 || blocks >= 2 * static_cast<std::size_t>(threads_);
  if (masked && by_x && enough_tasks) {
    dx_and_dw_by_x();
  } else {
    if (masked)
      dx_masked();
    else if (m_.dx)
      dx_dense();
    if (by_x)
      dw_by_x();
    else if (dy_gains)
      dw_by_dy();
    else
      dw_dense();
  }
  if (m_.gradients.size() > 1) sink_.ready(1, 0, shape_.columns, db_);
}

bool DenseGradients::masks_dx() const {
  return m_.x_flat && m_.x_nonzeros && m_.x_nonzeros->all_listed() &&
         m_.x_nonzeros->density() < context_.skips_below(Product::input_gradient, shape_.columns);
}

double DenseGradients::dy_density() const {
  const std::size_t ones =
      std::accumulate(scratch_.dy_counts, scratch_.dy_counts + shape_.columns, std::size_t{0});
  return static_cast<double>(ones) / static_cast<double>(context_.batch * shape_.columns);
}

/// dy into the layouts of the products; db and the counts on the way.
void DenseGradients::arrange_dy(bool transposed) {
  const Panels transposed_shape{shape_.columns, context_.batch};
  run_team(threads_, [&](int thread, int all) {
    const Range mine = share(dy_shape_.count(), thread, all);
    const Range units{mine.begin * Panels::kWidth, std::min(shape_.columns, mine.end * Panels::kWidth)};
    pack_panels(m_.dy, m_.y_stride, dy_shape_, mine.begin, mine.end, scratch_.dy_panels);
    column_sums(m_.dy, m_.y_stride, context_.batch, units, db_);
    if (m_.dy_zeros && !units.empty()) {
      std::fill_n(scratch_.dy_counts + units.begin, units.size(), 0u);
      count_nonzeros(m_.dy, m_.y_stride, context_.batch, units, scratch_.dy_counts);
    }
    if (transposed)
      transpose_to_panels(m_.dy, m_.y_stride, context_.batch, shape_.columns,
                          share(transposed_shape.count(), thread, all), scratch_.dy_transposed);
  });
}

void DenseGradients::dx_dense() {
  const int parts =
      std::clamp(4 * threads_, 1, static_cast<int>((shape_.rows + Panels::kWidth - 1) / Panels::kWidth));
  run_tasks(threads_, parts, [&](int part) {
    dense_input_gradient(scratch_.dy_transposed, m_.tensors[0], context_.batch, shape_, m_.dx, m_.x_stride,
                         share(shape_.rows, part, parts, kLineFloats));
  });
}

/// dx only where x is not zero: elsewhere nobody will look at it.
void DenseGradients::dx_masked() {
  const NonzeroLists& lists = m_.x_nonzeros->lists();
  // Blocks of a task share the panels of dy; more tasks than threads keep all of them busy to the end.
  const std::size_t together =
      std::clamp<std::size_t>(lists.blocks() / (4 * static_cast<std::size_t>(threads_)), 1, 4);
  PanelTasks((lists.blocks() + together - 1) / together, context_.batch, work_, threads_, NonzeroLists::kRows)
      .run(threads_, [&](std::size_t part, Range rows) {
        const Range blocks{part * together, std::min(lists.blocks(), (part + 1) * together)};
        masked_product(lists, blocks, NonzeroLists::groups_of(rows), scratch_.dy_panels, m_.tensors[0],
                       shape_, scratch_.sums, m_.dx, m_.x_stride);
      });
}

/// dW of one panel, in blocks that are handed on while they are in the cache. Unless somebody asks for the
/// gradient, every block is made in the same place and never goes to memory. make(part, dw, companions)
/// fills the block of the rows `part`, of which there are `together` or less.
template <class Make>
void DenseGradients::make_dw(std::size_t panel, Range rows, std::size_t together, Make&& make) {
  alignas(kAlignment) float block[kMostGradientRows * Panels::kWidth];
  const Companions whole = sink_.companions(0);
  for (std::size_t i = rows.begin; i < rows.end; i += together) {
    const Range part{i, std::min(rows.end, i + together)};
    const std::size_t begin = shape_.offset(panel) + i * shape_.width(panel);
    Companions companions = whole;
    for (std::size_t k = 0; k < companions.count; ++k) companions.arrays[k] += begin;
    float* const dw = context_.keep_gradients ? m_.gradients[0] + begin : block;
    make(part, dw, companions);
    sink_.ready(0, begin, part.size() * shape_.width(panel), dw);
  }
}

/// What rows of dW begin with: the rest of the input takes part in every example, Σ rest·dy = rest·db.
ProductStart DenseGradients::rest_start(std::size_t panel, std::size_t input) const {
  if (!m_.rest) return {};
  return {db_ + panel * Panels::kWidth, m_.rest + input};
}

void DenseGradients::dw_dense() {
  PanelTasks(shape_.count(), shape_.rows, work_, threads_).run(threads_, [&](std::size_t p, Range rows) {
    make_dw(p, rows, 48, [&](Range part, float* dw, const Companions& companions) {  // 12 KiB
      dense_weight_gradient(m_.x, m_.x_stride, scratch_.dy_panels, context_.batch, shape_, p, part,
                            rest_start(p, part.begin), dw, companions);
    });
  });
}

/// Lists of the transpose of x or dy, [batch, units].
NonzeroLists DenseGradients::list_units(const float* matrix, std::size_t stride, std::size_t units) {
  const NonzeroLists lists(scratch_.lists, units, context_.batch);
  run_team(context_.team(context_.batch * units * 4), [&](int thread, int all) {
    const Range groups = share(lists.groups(), thread, all);
    for (std::size_t group = groups.begin; group < groups.end; ++group)
      for (std::size_t block = 0; block < lists.blocks(); ++block)
        list_columns(matrix, stride, group, block, lists);
  });
  return lists;
}

/// dW = xᵀ·dy over the examples in which each input is not zero.
void DenseGradients::dw_by_x() {
  const NonzeroLists lists = list_units(m_.x, m_.x_stride, shape_.rows);
  PanelTasks(shape_.count(), shape_.rows, work_, threads_, NonzeroLists::kRows)
      .run(threads_, [&](std::size_t p, Range rows) { dw_rows_by_x(lists, p, rows); });
}

void DenseGradients::dw_rows_by_x(const NonzeroLists& lists, std::size_t panel, Range rows) {
  const auto make = [&](Range part, float* dw, const Companions& companions) {
    const std::size_t width = shape_.width(panel);
    skipping_product(lists, NonzeroLists::groups_of(part), scratch_.dy_panels + dy_shape_.offset(panel),
                     width, rest_start(panel, part.begin), dw, width, companions);
  };
  make_dw(panel, rows, gradient_rows(context_.batch), make);
}

/// dW = (dyᵀ·x)ᵀ over the examples in which each output's gradient is not zero.
void DenseGradients::dw_by_dy() {
  const NonzeroLists lists = list_units(m_.dy, m_.y_stride, shape_.columns);
  const Panels x_shape{context_.batch, shape_.rows};
  run_team(threads_, [&](int thread, int all) {
    const Range mine = share(x_shape.count(), thread, all);
    pack_panels(m_.x, m_.x_stride, x_shape, mine.begin, mine.end, scratch_.x_panels);
  });
  PanelTasks(shape_.count(), shape_.rows, work_, threads_, Panels::kWidth)
      .run(threads_, [&](std::size_t p, Range rows) {
        const std::size_t output = p * Panels::kWidth;
        const Range groups = NonzeroLists::groups_of(Range{output, output + shape_.used(p)});
        make_dw(p, rows, Panels::kWidth, [&](Range part, float* dw, const Companions& companions) {
          alignas(kAlignment) float transposed[Panels::kWidth * Panels::kWidth];
          const std::size_t q = part.begin / Panels::kWidth, width = x_shape.width(q);
          ProductStart start;
          if (m_.rest) start = {m_.rest + part.begin, db_ + output};
          skipping_product(lists, groups, scratch_.x_panels + x_shape.offset(q), width, start, transposed,
                           width, companions);
          transpose_to_panels(transposed, width, shape_.used(p), part.size(), {0, 1}, dw);
        });
      });
}

/// The part of W that dx has just been made with is in the cache when its own gradient comes.
void DenseGradients::dx_and_dw_by_x() {
  const NonzeroLists& lists = m_.x_nonzeros->lists();
  const NonzeroLists units = list_units(m_.x, m_.x_stride, shape_.rows);
  const Range all{0, lists.groups()};
  run_tasks(threads_, static_cast<int>(lists.blocks()), [&](int task) {
    const auto block = static_cast<std::size_t>(task);
    for (std::size_t p = 0; p < shape_.count(); ++p) {
      masked_dots(lists, block, all, scratch_.dy_panels + dy_shape_.offset(p),
                  m_.tensors[0] + shape_.offset(p), shape_.width(p), p == 0, scratch_.sums,
                  block_of(m_.tensors[0], shape_, p + 1, block));
      dw_rows_by_x(units, p, lists.columns_of(block));
    }
    scatter_block(lists, block, all, scratch_.sums, m_.dx, m_.x_stride);
  });
}

}  // namespace halfwave
