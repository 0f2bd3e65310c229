#include "analysis/product_speed.h"

#include <algorithm>
#include <cmath>

#include "analysis/machine_speed.h"
#include "analysis/timing.h"
#include "kernels/dense_products.h"
#include "kernels/skipping_products.h"
#include "layers/layer.h"
#include "layers/panel_tasks.h"

namespace halfwave {
namespace {

/// Few examples are drawn several times and take turns: the processor would learn a single one by heart, and
/// predict every branch of a product that has different zeros in every pass.
constexpr std::size_t kExamples = 32;

AlignedVector<float> random_numbers(std::size_t count, Random& random) {
  AlignedVector<float> numbers(count);
  for (float& number : numbers) number = random.uniform() - 0.5f;
  return numbers;
}

}  // namespace

ProductBench::ProductBench(std::size_t batch, std::size_t inputs, std::size_t outputs, int threads,
                           std::uint64_t seed, bool keep_gradient)
    : batch_(batch),
      shape_{inputs, outputs},
      threads_(StepContext{.threads = threads}.team(batch * shape_.size())),
      keep_gradient_(keep_gradient),
      random_(seed, stream_id(Stream::data)),
      x_stride_(row_stride(inputs)),
      y_stride_(row_stride(outputs)),
      inputs_(std::max<std::size_t>(1, kExamples / batch)),
      weights_(random_numbers(shape_.size(), random_)),
      bias_(random_numbers(y_stride_, random_)),
      dy_(random_numbers(batch * y_stride_, random_)),
      dy_panels_(Panels{batch, outputs}.size()),
      dy_transposed_(Panels{outputs, batch}.size()),
      y_(batch * y_stride_),
      dw_(keep_gradient ? shape_.size() : 0),
      dx_(batch * x_stride_),
      unit_list_memory_(NonzeroLists::floats(inputs, batch)),
      unit_lists_(unit_list_memory_.data(), inputs, batch) {
  for (Input& input : inputs_) {
    input.h.resize(batch * x_stride_);
    input.list_memory.resize(NonzeroLists::floats(batch, inputs));
    input.lists = NonzeroLists(input.list_memory.data(), batch, inputs);
  }
  sums_.resize(inputs_.front().lists.capacity());
}

void ProductBench::fill(double density) {
  for (Input& input : inputs_) {
    for (std::size_t i = 0; i < batch_; ++i) {
      for (std::size_t k = 0; k < shape_.rows; ++k) {
        const float place = random_.uniform();
        input.h[i * x_stride_ + k] = place < static_cast<float>(density) ? place + 0.5f : 0.0f;
      }
    }
    list_by_example(input);
  }
}

void ProductBench::dense(Product product) {
  const Input& input = next_input();
  switch (product) {
    case Product::forward:
      return for_panels(batch_, [&](std::size_t p, Range rows) {
        dense_forward(input.h.data(), x_stride_, weights_.data(), bias_.data(), shape_, y_.data(), y_stride_,
                      rows, {p, p + 1});
      });
    case Product::weight_gradient:
      pack_gradient();
      return for_gradient_blocks(48, [&](std::size_t p, Range part, float* dw) {
        dense_weight_gradient(input.h.data(), x_stride_, dy_panels_.data(), batch_, shape_, p, part, {}, dw);
      });
    case Product::input_gradient:
      return dense_input();
  }
}

void ProductBench::skipping(Product product) {
  const Input& input = next_input();
  switch (product) {
    case Product::forward:
      list_by_example(input);
      return for_panels(batch_, [&](std::size_t p, Range rows) {
        skipping_product(input.lists, NonzeroLists::groups_of(rows), weights_.data() + shape_.offset(p),
                         shape_.width(p), {.row = bias_.data() + p * Panels::kWidth},
                         y_.data() + rows.begin * y_stride_ + p * Panels::kWidth, y_stride_);
      });
    case Product::weight_gradient:
      pack_gradient();
      list_by_unit(input);
      return for_gradient_blocks(gradient_rows(batch_), [&](std::size_t p, Range part, float* dw) {
        skipping_product(unit_lists_, NonzeroLists::groups_of(part),
                         dy_panels_.data() + gradient_shape().offset(p), shape_.width(p), {}, dw,
                         shape_.width(p));
      });
    case Product::input_gradient:
      pack_gradient();
      return skip_input(input);
  }
}

template <class Body>
void ProductBench::for_panels(std::size_t rows, const Body& body) const {
  PanelTasks(shape_.count(), rows, batch_ * shape_.size(), threads_, NonzeroLists::kRows).run(threads_, body);
}

/// As in training, where the optimiser reads each block while it is in the cache, and nobody after it.
template <class Body>
void ProductBench::for_gradient_blocks(std::size_t together, const Body& body) {
  for_panels(shape_.rows, [&](std::size_t p, Range rows) {
    alignas(kAlignment) float block[kMostGradientRows * Panels::kWidth];
    for (std::size_t i = rows.begin; i < rows.end; i += together) {
      float* const dw = keep_gradient_ ? dw_.data() + shape_.offset(p) + i * shape_.width(p) : block;
      body(p, Range{i, std::min(rows.end, i + together)}, dw);
    }
  });
}

void ProductBench::list_by_example(const Input& input) const {
  run_team(threads_, [&](int thread, int all) {
    const Range groups = share(input.lists.groups(), thread, all);
    for (std::size_t group = groups.begin; group < groups.end; ++group)
      list_rows(input.h.data(), x_stride_, group, input.lists);
  });
}

void ProductBench::list_by_unit(const Input& input) {
  run_team(threads_, [&](int thread, int all) {
    const Range groups = share(unit_lists_.groups(), thread, all);
    for (std::size_t group = groups.begin; group < groups.end; ++group)
      for (std::size_t block = 0; block < unit_lists_.blocks(); ++block)
        list_columns(input.h.data(), x_stride_, group, block, unit_lists_);
  });
}

void ProductBench::pack_gradient() {
  run_team(threads_, [&](int thread, int all) {
    const Range panels = share(shape_.count(), thread, all);
    pack_panels(dy_.data(), y_stride_, gradient_shape(), panels.begin, panels.end, dy_panels_.data());
  });
}

void ProductBench::dense_input() {
  const std::size_t panels = Panels{shape_.columns, batch_}.count();
  run_team(threads_, [&](int thread, int all) {
    transpose_to_panels(dy_.data(), y_stride_, batch_, shape_.columns, share(panels, thread, all),
                        dy_transposed_.data());
  });
  run_team(threads_, [&](int thread, int all) {
    dense_input_gradient(dy_transposed_.data(), weights_.data(), batch_, shape_, dx_.data(), x_stride_,
                         share(shape_.rows, thread, all, kLineFloats));
  });
}

/// The lists are there from the forward pass.
void ProductBench::skip_input(const Input& input) {
  constexpr std::size_t kBlocks = 4;  // of a task, as in the layer
  const std::size_t blocks = input.lists.blocks();
  PanelTasks((blocks + kBlocks - 1) / kBlocks, batch_, batch_ * shape_.size(), threads_, NonzeroLists::kRows)
      .run(threads_, [&](std::size_t part, Range rows) {
        masked_product(input.lists, {part * kBlocks, std::min(blocks, (part + 1) * kBlocks)},
                       NonzeroLists::groups_of(rows), dy_panels_.data(), weights_.data(), shape_,
                       sums_.data(), dx_.data(), x_stride_);
      });
}

double fitted_crossover(std::span<const ProductSpeed::Point> points) {
  std::vector<double> slopes, starts;
  for (std::size_t i = 0; i < points.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      slopes.push_back((1.0 / points[i].ratio - 1.0 / points[j].ratio) /
                       (points[i].density - points[j].density));
  const double slope = median(slopes);
  for (const ProductSpeed::Point& point : points) starts.push_back(1.0 / point.ratio - slope * point.density);
  const double start = median(starts);
  if (slope <= 0.0) return start < 1.0 ? 1.0 : 0.0;
  return std::clamp((1.0 - start) / slope, 0.0, 1.0);
}

std::vector<ProductSpeed> measure_layer(ProductBench& bench, std::span<const double> densities,
                                        double seconds) {
  std::vector<ProductSpeed> speeds(kProducts.size());
  std::vector<std::vector<double>> dense_seconds(kProducts.size());
  for (const double density : densities) {
    bench.fill(density);
    for (const Product product : kProducts) {
      const auto i = static_cast<std::size_t>(product);
      const auto dense = [&] { bench.dense(product); };
      const auto skipping = [&] { bench.skipping(product); };
      const PairedTimes times = bench.threads() == 1 ? time_in_turn<ThreadClock>(seconds, dense, skipping)
                                                     : time_in_turn<WallClock>(seconds, dense, skipping);
      dense_seconds[i].push_back(times.first);
      speeds[i].points.push_back({density, times.second, times.ratio});
    }
  }
  for (const Product product : kProducts) {
    const auto i = static_cast<std::size_t>(product);
    speeds[i].product = product_name(product);
    speeds[i].batch = bench.batch();
    speeds[i].inputs = bench.shape().rows;
    speeds[i].outputs = bench.shape().columns;
    speeds[i].dense_seconds = median(dense_seconds[i]);
    speeds[i].crossover = fitted_crossover(speeds[i].points);
  }
  return speeds;
}

}  // namespace halfwave
