#include "layers/conv_gradients.h"

#include <algorithm>

#include "kernels/conv_products.h"
#include "kernels/rows.h"
#include "kernels/skipping_products.h"
#include "layers/column_sums.h"
#include "layers/row_chunks.h"

namespace halfwave {
namespace {

/// Examples worked on together: some 2 MiB of the larger operand, so that lists and grids of them stay near.
std::size_t examples_together(const ConvShape& shape) {
  constexpr std::size_t kFloats = std::size_t{1} << 19;
  const std::size_t larger = std::max(shape.geometry.inputs() * row_stride(shape.groups * shape.in),
                                      shape.geometry.outputs() * row_stride(shape.groups * shape.out));
  return std::max<std::size_t>(kFloats / larger, 1);
}

/// Sums of dW are made in so many slices of a part, side by side: enough to share among some threads.
std::size_t slices_of(const Panels& panels) {
  constexpr std::size_t kTasks = 8;
  return (kTasks + panels.count() - 1) / panels.count();
}

std::size_t sums_floats(const Panels& panels) { return slices_of(panels) * panels.size(); }

/// Slice and panel of a task.
std::pair<std::size_t, std::size_t> place_of(int task, const Panels& panels) {
  return {static_cast<std::size_t>(task) / panels.count(), static_cast<std::size_t>(task) % panels.count()};
}

}  // namespace

ConvGradients::Scratch::Scratch(float* memory, std::size_t batch, const ConvShape& shape, bool skipping) {
  const ConvGeometry& g = shape.geometry;
  const std::size_t together = std::min(batch, examples_together(shape));
  Placer placer(memory);
  exchanged = placer.take(shape.groups * shape.exchanged().size());
  sums = placer.take(std::max(sums_floats(shape.panels()), skipping ? sums_floats(shape.exchanged()) : 0));
  bias = placer.take(ColumnSums(nullptr, batch * g.outputs(), shape.groups * shape.out, 1).floats());
  dy_counts = reinterpret_cast<std::uint32_t*>(placer.take(shape.out));
  if (shape.groups > 1) dy_rows = placer.take(Panels{batch * g.outputs(), shape.out}.size());
  if (skipping && shape.groups == 1) {
    lists = placer.take(std::max({NonzeroLists::floats(together * g.outputs(), shape.out),
                                  PositionLists::floats(together * g.inputs(), shape.in),
                                  PositionLists::floats(together * g.outputs(), shape.out)}));
    grid = placer.take(std::max(g.input_grid().rows(together) * row_stride(shape.in),
                                g.strided() ? 0 : g.output_grid().rows(together) * row_stride(shape.out)));
    dots = placer.take(NonzeroLists(nullptr, batch * g.inputs(), shape.in).capacity());
  }
  floats = placer.used();
}

std::size_t ConvGradients::scratch(std::size_t batch, const ConvShape& shape, bool skipping) {
  return Scratch(nullptr, batch, shape, skipping).floats;
}

ConvGradients::ConvGradients(const ConvShape& shape, const StepContext& context, const LayerMemory& memory,
                             GradientSink& sink)
    : shape_(shape),
      context_(context),
      m_(memory),
      sink_(sink),
      scratch_(memory.scratch, memory.batch, shape, context.skipping != Skipping::never),
      work_(context.batch * shape.multiply_adds()),
      threads_(context.team(work_)) {}

std::size_t ConvGradients::parts() const {
  const std::size_t together = examples_together(shape_);
  return (context_.batch + together - 1) / together;
}
Range ConvGradients::examples_of(std::size_t part) const {
  const std::size_t together = examples_together(shape_);
  return {part * together, std::min(context_.batch, (part + 1) * together)};
}

void ConvGradients::run() {
  const double dy = m_.dy_zeros && shape_.groups == 1 ? dy_density() : 1.0;
  if (m_.dx) switch (input_way(dy)) {
      case InputWay::dense:
        dx_dense();
        break;
      case InputWay::by_dy:
        dx_by_dy();
        break;
      case InputWay::masked:
        dx_masked();
        break;
    }
  bias_gradient();
  switch (weight_way(dy)) {
    case WeightWay::dense:
      dw_dense();
      break;
    case WeightWay::by_x:
      dw_listed(true);
      break;
    case WeightWay::by_dy:
      dw_listed(false);
      break;
  }
}

/// An estimate: of an eighth of each example, always another one.
double ConvGradients::dy_density() const {
  std::size_t rows = 0, ones = 0;
  std::fill_n(scratch_.dy_counts, shape_.out, 0u);
  const std::size_t positions = shape_.geometry.outputs(), some = std::max<std::size_t>(positions / 8, 1);
  for (std::size_t e = 0; e < context_.batch; ++e) {
    const std::size_t first = e * positions + e % 8 * (positions - some) / 7;
    count_nonzeros(m_.dy + first * m_.y_stride, m_.y_stride, some, {0, shape_.out}, scratch_.dy_counts);
    rows += some;
  }
  for (std::size_t o = 0; o < shape_.out; ++o) ones += scratch_.dy_counts[o];
  return static_cast<double>(ones) / static_cast<double>(rows * shape_.out);
}

/// The way whose density is the smallest share of what makes it worth while.
ConvGradients::InputWay ConvGradients::input_way(double dy) const {
  const double by_dy = dy < 1.0 ? dy / context_.conv_skips_below(Product::forward, shape_.in) : 1.0;
  const bool can_mask = m_.x_flat && m_.x_nonzeros && m_.x_nonzeros->all_listed() &&
                        m_.x_nonzeros->density() < 1.0 && shape_.out % kLineFloats == 0;
  const double masked =
      can_mask ? m_.x_nonzeros->density() / context_.conv_skips_below(Product::input_gradient, shape_.out)
               : 1.0;
  if (by_dy < 1.0 && by_dy <= masked) return InputWay::by_dy;
  return masked < 1.0 ? InputWay::masked : InputWay::dense;
}

ConvGradients::WeightWay ConvGradients::weight_way(double dy) const {
  const double x = m_.x_nonzeros && !shape_.geometry.strided() ? m_.x_nonzeros->density() : 1.0;
  const double by_x = x < 1.0 ? x / context_.conv_skips_below(Product::weight_gradient, shape_.out) : 1.0;
  const double by_dy = dy < 1.0 ? dy / context_.conv_skips_below(Product::weight_gradient, shape_.in) : 1.0;
  if (by_x < 1.0 && by_x <= by_dy) return WeightWay::by_x;
  return by_dy < 1.0 ? WeightWay::by_dy : WeightWay::dense;
}

void ConvGradients::bias_gradient() {
  if (m_.gradients.size() < 2) return;
  const std::size_t channels = shape_.groups * shape_.out;
  const ColumnSums sums(scratch_.bias, context_.batch * shape_.geometry.outputs(), channels, 1);
  sums.run(threads_, [&](Range rows, float* to) {
    column_sums(m_.dy + rows.begin * m_.y_stride, m_.y_stride, rows.size(), {0, channels}, to);
  });
  for (std::size_t j = 0; j < channels; ++j) m_.gradients[1][j] = static_cast<float>(sums.total(0, j));
  sink_.ready(1, 0, channels, m_.gradients[1]);
}

// dx.

/// The weights with in and out exchanged.
void ConvGradients::exchange() {
  const Panels from = shape_.panels(), to = shape_.exchanged();
  run_tasks(threads_, static_cast<int>(shape_.groups * to.count()), [&](int task) {
    const std::size_t group = static_cast<std::size_t>(task) / to.count(),
                      panel = static_cast<std::size_t>(task) % to.count();
    exchange_channels(m_.tensors[0] + group * from.size(), shape_.taps(), shape_.in, shape_.out,
                      {panel, panel + 1}, scratch_.exchanged + group * to.size());
  });
}

void ConvGradients::dx_dense() {
  exchange();
  const TapTable table = shape_.geometry.inputs_to_outputs();
  const Panels panels = shape_.exchanged();
  const RowChunks tasks(context_.batch * table.results, threads_, table.result_columns);
  run_tasks(threads_, tasks.count(), [&](int task) {
    for (std::size_t g = 0; g < shape_.groups; ++g)
      for (std::size_t p = 0; p < panels.count(); ++p)
        conv_product(m_.dy + g * shape_.out, m_.y_stride, shape_.out, table, tasks.rows(task),
                     scratch_.exchanged + g * panels.size() + panels.offset(p), panels.width(p),
                     panels.used(p), nullptr, m_.dx + g * shape_.in + p * Panels::kWidth, m_.x_stride);
  });
}

/// dx as the sum of what each non-zero dy takes part in.
void ConvGradients::dx_by_dy() {
  exchange();
  const TapTable table = shape_.geometry.inputs_to_outputs();
  const Panels panels = shape_.exchanged();
  for (std::size_t part = 0; part < parts(); ++part) {
    const Range examples = examples_of(part);
    const float* const dy = m_.dy + examples.begin * table.operands * m_.y_stride;
    const NonzeroLists lists(scratch_.lists, examples.size() * table.operands, shape_.out);
    run_team(threads_, [&](int thread, int all) {
      const Range groups = share(lists.groups(), thread, all);
      for (std::size_t group = groups.begin; group < groups.end; ++group)
        list_rows(dy, m_.y_stride, group, lists);
    });
    const RowChunks tasks(examples.size() * table.results, threads_, table.result_columns);
    run_tasks(threads_, tasks.count(), [&](int task) {
      for (std::size_t p = 0; p < panels.count(); ++p)
        skipping_conv_product(lists, table, tasks.rows(task), scratch_.exchanged + panels.offset(p),
                              panels.width(p), panels.used(p), nullptr,
                              m_.dx + examples.begin * table.results * m_.x_stride + p * Panels::kWidth,
                              m_.x_stride);
    });
  }
}

/// dx only where x is not zero: elsewhere nobody will look at it.
void ConvGradients::dx_masked() {
  const TapTable table = shape_.geometry.inputs_to_outputs();
  const Panels panels = shape_.panels();
  const NonzeroLists& lists = m_.x_nonzeros->lists();
  const RowChunks tasks(context_.batch * table.results, threads_, NonzeroLists::kRows);
  run_tasks(threads_, tasks.count(), [&](int task) {
    const Range groups = NonzeroLists::groups_of(tasks.rows(task));
    for (std::size_t block = 0; block < lists.blocks(); ++block) {
      const std::size_t begin = lists.offset(groups.begin, block);
      const std::size_t end = groups.end < lists.groups()  ? lists.offset(groups.end, block)
                              : block + 1 < lists.blocks() ? lists.offset(0, block + 1)
                                                           : lists.capacity();
      std::fill(scratch_.dots + begin, scratch_.dots + end, 0.0f);
      for (std::size_t p = 0; p < panels.count(); ++p)
        masked_conv_dots(lists, table, block, groups, m_.dy + p * Panels::kWidth, m_.y_stride,
                         m_.tensors[0] + panels.offset(p), panels.width(p), scratch_.dots);
      scatter_block(lists, block, groups, scratch_.dots, m_.dx, m_.x_stride);
    }
  });
}

// dW.

void ConvGradients::dw_dense() {
  const Panels panels = shape_.panels();
  const TapTable table = shape_.geometry.outputs_to_inputs();
  const std::size_t slices = slices_of(panels), rows = context_.batch * table.results;
  const Panels dy_panels{rows, shape_.out};
  for (std::size_t g = 0; g < shape_.groups; ++g) {
    const bool packed = shape_.groups > 1;  // a vector at a group's end would reach into the next one
    if (packed)
      run_team(threads_, [&](int thread, int all) {
        const Range mine = share(dy_panels.count(), thread, all);
        pack_panels(m_.dy + g * shape_.out, m_.y_stride, dy_panels, mine.begin, mine.end, scratch_.dy_rows);
      });
    run_tasks(threads_, static_cast<int>(slices * panels.count()), [&](int task) {
      const auto [slice, p] = place_of(task, panels);
      float* const sums = scratch_.sums + slice * panels.size() + panels.offset(p);
      std::fill_n(sums, panels.rows * panels.width(p), 0.0f);
      conv_weight_gradient(m_.x + g * shape_.in, m_.x_stride, shape_.in, table,
                           share(context_.batch, static_cast<int>(slice), static_cast<int>(slices)),
                           packed ? scratch_.dy_rows + dy_panels.offset(p) : m_.dy + p * Panels::kWidth,
                           packed ? dy_panels.width(p) : m_.y_stride, panels.width(p), sums);
    });
    hand_on(g, false);
  }
}

/// dW by the positions at which each channel of x, or of dy, is not zero.
void ConvGradients::dw_listed(bool by_x) {
  const Panels panels = by_x ? shape_.panels() : shape_.exchanged();
  const std::size_t slices = slices_of(panels);
  const PaddedGrid& grid = by_x ? shape_.geometry.output_grid() : shape_.geometry.input_grid();
  const GridPlaces& places = by_x ? shape_.geometry.places_in_output() : shape_.geometry.places_in_input();
  for (std::size_t part = 0; part < parts(); ++part) {
    const Range examples = examples_of(part);
    const PositionLists lists(scratch_.lists, examples.size() * places.names.size(),
                              by_x ? shape_.in : shape_.out);
    list_part(by_x, places.names, grid.example(), examples, lists);
    const Panels grid_panels = fill_grid(by_x, grid, examples);
    run_tasks(threads_, static_cast<int>(slices * panels.count()), [&](int task) {
      const auto [slice, p] = place_of(task, panels);
      float* const sums = scratch_.sums + slice * panels.size() + panels.offset(p);
      if (part == 0) std::fill_n(sums, panels.rows * panels.width(p), 0.0f);
      skipping_conv_gradient(lists, share(lists.blocks(), static_cast<int>(slice), static_cast<int>(slices)),
                             scratch_.grid + grid_panels.offset(p), panels.width(p), shape_.taps(),
                             places.offset.data(), sums);
    });
  }
  hand_on(0, !by_x);
}

void ConvGradients::list_part(bool by_x, std::span<const std::uint32_t> names_of_one, std::size_t pitch,
                              Range examples, const PositionLists& lists) {
  const std::size_t positions = names_of_one.size(), stride = by_x ? m_.x_stride : m_.y_stride;
  const float* const matrix = (by_x ? m_.x : m_.dy) + examples.begin * positions * stride;
  run_team(threads_, [&](int thread, int all) {
    const Range blocks = share(lists.blocks(), thread, all);
    for (std::size_t block = blocks.begin; block < blocks.end; ++block) {
      std::uint32_t names[PositionLists::kRows];
      const std::size_t first = block * PositionLists::kRows;
      for (std::size_t r = 0; r < std::min(PositionLists::kRows, lists.rows - first); ++r) {
        const std::size_t example = (first + r) / positions;
        names[r] =
            names_of_one[first + r - example * positions] + static_cast<std::uint32_t>(example * pitch);
      }
      list_positions(matrix, stride, names, block, lists);
    }
  });
}

/// The other operand with zeros around it, in panels.
Panels ConvGradients::fill_grid(bool by_x, const PaddedGrid& grid, Range examples) {
  const std::size_t channels = by_x ? shape_.out : shape_.in, stride = by_x ? m_.y_stride : m_.x_stride;
  const std::size_t positions = grid.height * grid.width;
  const Panels panels{grid.rows(examples.size()), channels};
  const float* const matrix = (by_x ? m_.dy : m_.x) + examples.begin * positions * stride;
  const std::size_t lines = grid.pitch_y * examples.size();
  run_team(threads_, [&](int thread, int all) {
    const Range mine = share(lines, thread, all);
    for (std::size_t p = 0; p < panels.count(); ++p) {
      const std::size_t width = panels.width(p), used = panels.used(p);
      float* const to = scratch_.grid + panels.offset(p);
      const auto clear = [&](std::size_t first, std::size_t count) {
        std::fill_n(to + first * width, count * width, 0.0f);
      };
      if (thread == 0) clear(0, grid.lead);
      if (thread == all - 1) clear(panels.rows - grid.lead, grid.lead);
      for (std::size_t line = mine.begin; line < mine.end; ++line) {
        const std::size_t example = line / grid.pitch_y, y = line % grid.pitch_y;
        const std::size_t first = grid.lead + line * grid.pitch_x;
        const std::size_t filled = y < grid.height ? grid.width : 0;
        const float* from = matrix + (example * positions + y * grid.width) * stride + p * Panels::kWidth;
        for (std::size_t x = 0; x < filled; ++x, from += stride) {
          std::copy_n(from, used, to + (first + x) * width);
          std::fill_n(to + (first + x) * width + used, width - used, 0.0f);
        }
        clear(first + filled, grid.pitch_x - filled);
      }
    }
  });
  return panels;
}

/// Slices to sums, sums to the sink: in blocks that are handed on while they are in the cache. exchanged: the
/// sums are of the weights with in and out exchanged.
void ConvGradients::hand_on(std::size_t group, bool exchanged) {
  const Panels panels = shape_.panels();
  const std::size_t together = Panels::kWidth, chunks = (shape_.in + together - 1) / together;
  run_tasks(threads_, static_cast<int>(panels.count() * shape_.taps()), [&](int task) {
    const std::size_t p = static_cast<std::size_t>(task) / shape_.taps(),
                      tap = static_cast<std::size_t>(task) % shape_.taps(), width = panels.width(p);
    for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
      alignas(kAlignment) float block[Panels::kWidth * Panels::kWidth],
          turned[Panels::kWidth * Panels::kWidth];
      const std::size_t first = chunk * together, rows = std::min(together, shape_.in - first);
      const std::size_t begin = group * panels.size() + panels.offset(p) + (tap * shape_.in + first) * width;
      float* const dw = context_.keep_gradients ? m_.gradients[0] + begin : block;
      if (exchanged) {
        const Panels other = shape_.exchanged();
        const std::size_t at =
            other.offset(chunk) + (tap * shape_.out + p * Panels::kWidth) * other.width(chunk);
        sum_slices(other, at, panels.used(p) * other.width(chunk), turned);
        transpose_to_panels(turned, other.width(chunk), panels.used(p), rows, {0, 1}, dw);
      } else {
        sum_slices(panels, panels.offset(p) + (tap * shape_.in + first) * width, rows * width, dw);
        for (std::size_t r = 0; panels.used(p) < width && r < rows; ++r)
          std::fill(dw + r * width + panels.used(p), dw + (r + 1) * width, 0.0f);
      }
      sink_.ready(0, begin, rows * width, dw);
    }
  });
}

void ConvGradients::sum_slices(const Panels& panels, std::size_t begin, std::size_t count, float* to) const {
  std::copy_n(scratch_.sums + begin, count, to);
  for (std::size_t slice = 1; slice < slices_of(panels); ++slice)
    add(to, scratch_.sums + slice * panels.size() + begin, count, to);
}

}  // namespace halfwave
