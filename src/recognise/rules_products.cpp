#include "recognise/fields.h"
#include "recognise/layer_builder.h"

namespace halfwave {
namespace {

std::size_t to_size(std::int64_t n) { return static_cast<std::size_t>(n); }

/// For each number of a matrix [rows, columns] its place in the matrix's transpose.
std::vector<std::uint32_t> transposed(std::int64_t rows, std::int64_t columns) {
  std::vector<std::uint32_t> places;
  places.reserve(to_size(rows * columns));
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < columns; ++c) places.push_back(static_cast<std::uint32_t>(c * rows + r));
  return places;
}

/// alpha · x·W + beta · c, W [K, M] or its transpose.
void gemm(LayerBuilder& b) {
  const OperatorNode& node = b.node();
  const float alpha = node.number("alpha", 1.0f), beta = node.number("beta", 1.0f);
  const bool turned = node.integer("transB", 0) != 0;
  if (node.integer("transA", 0) != 0 || alpha == 0.0f) b.fail("it takes its input transposed, or not at all");
  const View x = b.as_row(b.data(0));
  StepTensor weight = b.tensor(1, b.weights_at(1).dims());
  weight.factor = alpha;
  const std::int64_t k = weight.dims[turned ? 1 : 0], m = weight.dims[turned ? 0 : 1];
  if (turned) weight.places = transposed(k, m);
  std::vector<StepTensor> tensors{std::move(weight)};
  if (beta != 0.0f && b.node().inputs.size() > 2 && !b.node().inputs[2].empty()) {
    const Tensor& c = b.weights_at(2);
    tensors.push_back(b.tensor(2, c.rank() == 2 ? Dims{1, m} : Dims{m}));
    tensors.back().factor = beta;
  }
  Fields fields("dense");
  fields.set("units", m).set("bias", tensors.size() - 1);
  const std::size_t step = b.add_step("dense", fields, {x.step}, std::move(tensors));
  b.set_output(step, channels_first(b.step(step).output));
}

/// A row times W, and a column behind W.
void dense(LayerBuilder& b, const View& row, StepTensor weight, std::int64_t units) {
  const std::size_t step = b.add_step("dense", Fields("dense").set("units", units).set("bias", 0), {row.step},
                                      {std::move(weight)});
  std::vector<Axis> axes = channels_first(b.step(step).output);
  b.set_output(step, reshaped(axes, b.output_dims()).value_or(axes));
}

/// Every position's channels times W: a convolution with a window of one.
void dense_by_position(LayerBuilder& b, const View& x, StepTensor weight, std::int64_t k, std::int64_t m) {
  const std::size_t last = x.axes.size() - 1;
  const View grid = b.as_grid(LayerBuilder::channels_to_front(x, last));
  weight.places = transposed(m, k);
  Fields fields("conv");
  fields.set("filters", m).set("kernel", 1).set("padding", 0).set("bias", 0);
  const std::size_t step = b.add_step("conv", fields, {grid.step}, {std::move(weight)});
  View view;
  view.step = step;
  view.axes = channels_first(b.step(step).output);
  view.sole = true;
  b.set_output(LayerBuilder::channels_back(std::move(view), last));
}

void matmul(LayerBuilder& b) {
  const bool before = !b.is_data(0);  // W·x
  const View& x = b.data(before ? 1 : 0);
  const Tensor& w = b.weights_at(before ? 0 : 1);
  if (w.rank() < 2) b.fail("it multiplies by a vector");
  StepTensor weight = b.tensor(before ? 0 : 1, w.dims());
  const std::int64_t rows = w.dims()[w.rank() - 2], columns = w.dims()[w.rank() - 1];
  if (rows * columns != static_cast<std::int64_t>(w.count())) b.fail("it multiplies by several matrices");
  const Dims dims = x.dims();
  if (before) {
    if (dims.size() != 2 || dims[1] != 1) b.fail("it multiplies a matrix by its input");
    weight.places = transposed(columns, rows);
    return dense(b, b.as_row(x), std::move(weight), rows);
  }
  std::int64_t positions = 1;
  for (std::size_t i = 0; i + 1 < dims.size(); ++i) positions *= dims[i];
  if (dims.empty()) b.fail("it multiplies a vector");
  if (positions == 1) return dense(b, b.as_row(x), std::move(weight), columns);
  dense_by_position(b, x, std::move(weight), rows, columns);
}

}  // namespace

RuleList rules_of_products() { return {{"Gemm", gemm}, {"MatMul", matmul}}; }

}  // namespace halfwave
