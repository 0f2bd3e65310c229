#include <fmt/format.h>
#include <halfwave/error.h>

#include <algorithm>

#include "core/team.h"
#include "kernels/rows.h"
#include "layers/grid_rows.h"
#include "layers/kinds.h"

namespace halfwave {
namespace {

/// Takes the ends of several branches. Its rows are made from the same row of each of them.
class Join : public Layer {
 public:
  using Layer::Layer;
  bool joins() const override { return true; }

  void forward(const StepContext& context, const LayerMemory& m) const override {
    const std::size_t count = output_rows(context);
    make_rows(
        count, context.team(count * m.y_stride * m.joined.size()), m.y, m.y_stride, m.y_nonzeros,
        [&](Range rows) { join(m, rows); }, m.row_sink, rows_together(output(), count));
  }
  bool tells_rows() const override { return true; }
  /// Its other inputs are whole when the last one comes.
  bool follows_rows(bool) const override { return true; }
  void follow(const StepContext&, const LayerMemory& m, Range rows) const override { join(m, rows); }
  void backward(const StepContext& context, const LayerMemory& m, GradientSink&) const override {
    const std::size_t positions = output().positions();
    make_rows(context.batch, context.team(output_rows(context) * m.y_stride * m.joined.size()), m.dy,
              m.y_stride, nullptr, [&](Range examples) {
                part(m, {examples.begin * positions, examples.end * positions});
              });
  }

 private:
  virtual void join(const LayerMemory& m, Range rows) const = 0;
  /// The gradients by the branches; rows of whole examples.
  virtual void part(const LayerMemory& m, Range rows) const = 0;
};

/// y = the sum of the branches (He et al., "Deep residual learning for image recognition", 2016), each of
/// whose gradients is dy. Numbers that cancel out make a zero, so nothing is known of its zeros.
class Residual final : public Join {
 public:
  using Join::Join;

 private:
  void join(const LayerMemory& m, Range rows) const override {
    const std::size_t begin = rows.begin * m.y_stride, n = rows.size() * m.y_stride;
    float* const y = m.y + begin;
    if (m.joined.size() == 1) std::copy_n(m.joined[0].x + begin, n, y);
    for (std::size_t i = 1; i < m.joined.size(); ++i)
      add(i == 1 ? m.joined[0].x + begin : y, m.joined[i].x + begin, n, y);
  }
  void part(const LayerMemory& m, Range rows) const override {
    const std::size_t begin = rows.begin * m.y_stride, n = rows.size() * m.y_stride;
    for (const JoinInput& input : m.joined)
      if (input.dx && input.dx != m.dy) std::copy_n(m.dy + begin, n, input.dx + begin);
  }
  Shape joined_shape(std::span<const Shape> inputs) const override {
    for (const Shape& shape : inputs)
      if (shape != inputs[0])
        throw usage_error(fmt::format("residual adds branches of one shape, but one gives {}, another {}.",
                                      describe(inputs[0]), describe(shape)));
    return inputs[0];
  }
};

/// y = the channels of the first branch, then those of the second, and so on.
class Concat final : public Join {
 public:
  using Join::Join;
  /// Each number of y is one of a branch, and so is its gradient: what is known of all branches holds for y.
  Zeros zeros(Zeros input, bool) const override { return input; }

 private:
  void join(const LayerMemory& m, Range rows) const override {
    for (std::size_t row = rows.begin; row < rows.end; ++row) {
      float* to = m.y + row * m.y_stride;
      for (const JoinInput& input : m.joined)
        to = std::copy_n(input.x + row * input.stride, input.channels, to);
    }
  }
  void part(const LayerMemory& m, Range rows) const override {
    for (std::size_t row = rows.begin; row < rows.end; ++row) {
      const float* from = m.dy + row * m.y_stride;
      for (const JoinInput& input : m.joined) {
        if (input.dx) std::copy_n(from, input.channels, input.dx + row * input.stride);
        from += input.channels;
      }
    }
  }
  Shape joined_shape(std::span<const Shape> inputs) const override {
    Shape output = inputs[0];
    output.channels = 0;
    for (const Shape& shape : inputs) {
      if (shape.rank != output.rank || shape.height != output.height || shape.width != output.width)
        throw usage_error(fmt::format("concat takes branches on one grid, but one gives {}, another {}.",
                                      describe(inputs[0]), describe(shape)));
      output.channels += shape.channels;
    }
    return output;
  }
};

/// y = the product of the branches, number by number. A branch that gives one position, as squeeze and
/// excitation do (Hu et al., "Squeeze-and-excitation networks", 2018), is spread over all positions.
class Multiply final : public Join {
 public:
  using Join::Join;
  bool keeps_input() const override { return true; }
  /// Zero where a branch is. If the gradient by it is of no use to any branch, neither is that by y.
  Zeros zeros(Zeros input, bool) const override { return input; }
  /// The rows of a branch that is spread are not those of y.
  bool follows_rows(bool) const override { return !spreads(); }

 private:
  void join(const LayerMemory& m, Range rows) const override {
    for_steps(m, rows, [&](std::size_t row, std::size_t n) {
      by_others(m, row, 0, n, 0, m.joined[0].x + place(m, 0, row), m.y + row * m.y_stride);
    });
  }
  void part(const LayerMemory& m, Range rows) const override {
    for (std::size_t i = 0; i < m.joined.size(); ++i)
      if (m.joined[i].dx) part_of(m, i, rows);
  }
  /// The gradient by one branch: dy times all the others.
  void part_of(const LayerMemory& m, std::size_t i, Range rows) const {
    float* const dx = m.joined[i].dx;
    if (!spread_[i])
      return for_steps(m, rows, [&](std::size_t row, std::size_t n) {
        by_others(m, row, 0, n, i, m.dy + row * m.y_stride, dx + row * m.y_stride);
      });
    constexpr std::size_t kColumns = 64;
    for_examples(rows, output().positions(), [&](std::size_t example, Range positions) {
      for (std::size_t column = 0; column < m.y_stride; column += kColumns) {
        const std::size_t n = std::min(kColumns, m.y_stride - column);
        float* const sum = dx + example * m.y_stride + column;
        std::fill_n(sum, n, 0.0f);
        for (std::size_t p = positions.begin; p < positions.end; ++p) {
          alignas(kAlignment) float product[kColumns];
          const std::size_t row = example * output().positions() + p;
          by_others(m, row, column, n, i, m.dy + row * m.y_stride + column, product);
          add(sum, product, n, sum);
        }
      }
    });
  }

  /// to = from · the inputs but number `except`: n floats of them, beginning in row `row` of y.
  void by_others(const LayerMemory& m, std::size_t row, std::size_t column, std::size_t n, std::size_t except,
                 const float* from, float* to) const {
    for (std::size_t i = 0; i < m.joined.size(); ++i) {
      if (i == except) continue;
      multiply(from, m.joined[i].x + place(m, i, row) + column, n, to);
      from = to;
    }
    if (from != to) std::copy_n(from, n, to);
  }

  /// Where the row of an input is that belongs to a row of y.
  std::size_t place(const LayerMemory& m, std::size_t i, std::size_t row) const {
    return (spread_[i] ? row / output().positions() : row) * m.y_stride;
  }
  /// Calls step(row, floats) for the rows: all at once where they are one block of memory in every input.
  template <class Step>
  void for_steps(const LayerMemory& m, Range rows, Step&& step) const {
    if (!spreads()) return step(rows.begin, rows.size() * m.y_stride);
    for (std::size_t row = rows.begin; row < rows.end; ++row) step(row, m.y_stride);
  }

  bool spreads() const { return std::ranges::find(spread_, true) != spread_.end(); }

  Shape joined_shape(std::span<const Shape> inputs) const override {
    const auto before = [](const Shape& a, const Shape& b) {
      return std::pair(a.rank, a.positions()) < std::pair(b.rank, b.positions());
    };
    const Shape& whole = *std::ranges::max_element(inputs, before);
    spread_.clear();
    for (const Shape& shape : inputs) {
      const bool one = shape.positions() == 1 && (shape.rank == 0 || shape.rank == whole.rank);
      if (shape != whole && (!one || shape.channels != whole.channels))
        throw usage_error(
            fmt::format("multiply takes branches of one shape, or of one position with as many channels, but "
                        "one gives {}, another {}.",
                        describe(whole), describe(shape)));
      spread_.push_back(one && whole.positions() > 1);
    }
    return whole;
  }

  /// Of each input, found with the shape of the output: it has one position, y has more.
  mutable std::vector<bool> spread_;
};

}  // namespace

LayerInfo residual_layer() {
  return {.name = "residual",
          .help = "the sum of its branches; a single branch is added to the input",
          .onnx = "Sum(x)",
          .fields = {},
          .make = make_layer<Residual>};
}

LayerInfo multiply_layer() {
  return {
      .name = "multiply",
      .help = "the product of its branches, number by number; one of a single position is spread over all",
      .onnx = "Mul(spread(x))",
      .fields = {},
      .make = make_layer<Multiply>};
}

LayerInfo concat_layer() {
  return {.name = "concat",
          .help = "the channels of its branches, one after the other",
          .onnx = "Concat(x, axis=1)",
          .fields = {},
          .make = make_layer<Concat>};
}

}  // namespace halfwave
