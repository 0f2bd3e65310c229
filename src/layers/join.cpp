#include <fmt/format.h>
#include <halfwave/error.h>

#include <algorithm>

#include "core/team.h"
#include "kernels/rows.h"
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
    const std::size_t count = output_rows(context);
    make_rows(count, context.team(count * m.y_stride * m.joined.size()), m.dy, m.y_stride, nullptr,
              [&](Range rows) { part(m, rows); });
  }

 private:
  virtual void join(const LayerMemory& m, Range rows) const = 0;
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

}  // namespace

LayerInfo residual_layer() {
  return {.name = "residual",
          .help = "the sum of its branches; a single branch is added to the input",
          .onnx = "Sum(x)",
          .fields = {},
          .make = make_layer<Residual>};
}

LayerInfo concat_layer() {
  return {.name = "concat",
          .help = "the channels of its branches, one after the other",
          .onnx = "Concat(x, axis=1)",
          .fields = {},
          .make = make_layer<Concat>};
}

}  // namespace halfwave
