#pragma once
// A layer on memory of its own, without a plan, with everything that it must not read or rely on poisoned.
#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <optional>

#include "core/aligned.h"
#include "layers/layer_reference.h"
#include "layers/registry.h"

namespace halfwave {

inline constexpr float kPoison = std::numeric_limits<float>::quiet_NaN();

/// A layer of this kind with these fields on these inputs: one, or several where it joins.
inline std::unique_ptr<Layer> make_bound(const LayerInfo& info, std::vector<double> fields,
                                         const std::vector<Shape>& inputs) {
  std::unique_ptr<Layer> layer = info.make(info, std::move(fields));
  layer->bind(inputs);
  return layer;
}

/// An inferred field is `units`, the others are their default times `factor`.
inline std::vector<double> default_fields(const LayerInfo& info, double units, double factor = 1) {
  std::vector<double> fields;
  for (const LayerField& field : info.fields)
    fields.push_back(field.inferred ? units : std::clamp(field.value * factor, field.low, field.high));
  return fields;
}

/// On rows of `inputs` numbers.
inline std::unique_ptr<Layer> make_bound(const LayerInfo& info, std::size_t inputs, double units,
                                         double factor = 1) {
  return make_bound(info, default_fields(info, units, factor), {Shape::row(inputs)});
}

inline Matrix random_matrix(Random& random, std::size_t rows, std::size_t columns) {
  Matrix m(rows, columns);
  for (double& x : m.numbers) x = static_cast<double>(static_cast<float>(random.normal()));
  return m;
}

inline Tensors random_tensors(Random& random, const Layer& layer) {
  Tensors tensors;
  for (const TensorSpec& spec : layer.tensors()) {
    std::vector<double>& numbers = tensors.emplace_back(spec.count());
    for (double& x : numbers)
      x = static_cast<double>(
          static_cast<float>(spec.start + 0.2 * random.normal()));  // variance stays positive
    if (spec.name == "variance")
      for (double& x : numbers) x = std::fabs(x) + 0.1;
    for (double& x : numbers) x = static_cast<double>(static_cast<float>(x));
  }
  return tensors;
}

/// One input for each branch where the layer joins, else one; [batch · positions, channels].
using Inputs = std::vector<Matrix>;

/// For the reference: pointers to the inputs of a layer that joins.
inline std::vector<const Matrix*> joined(const Layer& layer, const Inputs& inputs) {
  std::vector<const Matrix*> all;
  for (const Matrix& input : inputs)
    if (layer.joins()) all.push_back(&input);
  return all;
}

class LayerRun final : public GradientSink {
 public:
  LayerRun(const Layer& layer, const StepContext& context, const Matrix& x, const Tensors& tensors,
           bool in_place, std::uint64_t number = kNumber)
      : LayerRun(layer, context, Inputs{x}, tensors, in_place, number) {}

  LayerRun(const Layer& layer, const StepContext& context, const Inputs& inputs, const Tensors& tensors,
           bool in_place, std::uint64_t number = kNumber)
      : layer_(layer), context_(context), specs_(layer.tensors()) {
    for (const Matrix& input : inputs) {
      xs_.push_back(padded(input));
      dxs_.emplace_back(xs_.back().size(), kPoison);
      joined_.push_back({xs_.back().data(), row_stride(input.columns), input.columns, nullptr});
    }
    memory_.x_stride = row_stride(layer.inputs());
    memory_.y_stride = row_stride(layer.outputs());
    y_.assign(rows_of(layer.output()) * memory_.y_stride, kPoison);
    workspace_.assign(layer.workspace(context.batch, context.training), kPoison);
    scratch_.assign(layer.scratch(context.batch, context.training, context.skipping != Skipping::never),
                    kPoison);
    for (std::size_t t = 0; t < specs_.size(); ++t) {
      AlignedVector<float>& storage = tensors_.emplace_back(specs_[t].floats(), 0.0f);
      const std::vector<float> numbers(tensors[t].begin(), tensors[t].end());
      specs_[t].store(numbers, storage.data());
      gradients_.emplace_back(specs_[t].floats(), kPoison);
      handed_.emplace_back(specs_[t].floats(), kPoison);
      ready_.emplace_back(specs_[t].floats(), 0);
    }
    for (std::size_t t = 0; t < specs_.size(); ++t) {
      tensor_pointers_.push_back(tensors_[t].data());
      gradient_pointers_.push_back(specs_[t].learned ? gradients_[t].data() : nullptr);
    }
    if (layer.joins())
      memory_.joined = joined_;
    else
      memory_.x = joined_[0].x;
    memory_.y = in_place ? xs_[0].data() : y_.data();
    memory_.tensors = tensor_pointers_;
    memory_.gradients = gradient_pointers_;
    memory_.workspace = workspace_.data();
    memory_.scratch = scratch_.data();
    memory_.batch = context.batch;
    memory_.layer = number;
  }

  LayerRun(const LayerRun&) = delete;  // its memory points into it
  LayerRun& operator=(const LayerRun&) = delete;

  /// Gives the layer what a plan knows of the zeros of its input and of dy.
  void note_input(bool flat, bool dy_zeros) {
    const std::size_t rows = rows_of(layer_.input()), channels = layer_.inputs();
    x_notes_memory_.assign(Nonzeros::floats(rows, channels, true), kPoison);
    x_notes_.emplace(x_notes_memory_.data(), rows, channels, true);
    x_notes_->begin(rows, layer_.skips_below(context_));
    make_rows(rows, 1, xs_[0].data(), memory_.x_stride, &*x_notes_, [](Range) {});
    memory_.x_nonzeros = &*x_notes_;
    memory_.x_flat = flat;
    memory_.dy_zeros = dy_zeros;
  }
  /// The input is given less these numbers (LayerMemory::rest).
  void give_rest(const Matrix& rest) {
    rest_.assign(memory_.x_stride, 0.0f);
    std::copy(rest.numbers.begin(), rest.numbers.end(), rest_.begin());
    memory_.rest = rest_.data();
  }
  const Nonzeros& input_notes() const { return *x_notes_; }
  /// Gives the layer a place to note its output's zeros.
  void note_output(double list_below) {
    const std::size_t rows = rows_of(layer_.output());
    notes_memory_.assign(Nonzeros::floats(rows, layer_.outputs(), true), kPoison);
    notes_.emplace(notes_memory_.data(), rows, layer_.outputs(), true);
    notes_->begin(rows, list_below);
    memory_.y_nonzeros = &*notes_;
  }
  const Nonzeros& notes() const { return *notes_; }

  void forward() {
    if (!context_.training) layer_.prepare(context_, memory_);
    layer_.forward(context_, memory_);
  }

  /// What the layer did not ask to keep is poisoned first. As in a plan, the gradients share a buffer where
  /// the layer works in place, and may share one where it hands dy on to a branch: without its inputs it
  /// cannot do more to it.
  void backward(const Matrix& dy, bool with_dx = true, bool apart = false) {
    const bool over = memory_.y == joined_[0].x;
    for (AlignedVector<float>& x : xs_)
      if (over ? !layer_.keeps_output() : !layer_.keeps_input()) std::fill(x.begin(), x.end(), kPoison);
    if (!over && !layer_.keeps_output()) std::fill(y_.begin(), y_.end(), kPoison);
    std::fill(scratch_.begin(), scratch_.end(), kPoison);
    dy_ = padded(dy);
    for (std::size_t i = 0; i < joined_.size(); ++i) {
      const bool shared = layer_.joins()
                              ? i == 0 && joined_[i].channels == layer_.outputs() && !layer_.keeps_input()
                              : layer_.in_place();
      std::fill(dxs_[i].begin(), dxs_[i].end(), kPoison);
      joined_[i].dx = !with_dx ? nullptr : shared && !apart ? dy_.data() : dxs_[i].data();
    }
    memory_.dy = dy_.data();
    if (!layer_.joins()) memory_.dx = joined_[0].dx;
    layer_.backward(context_, memory_, *this);
  }

  Companions companions(std::size_t) const override { return {}; }
  /// A number is final now and its weight is no longer needed: an optimiser would change it.
  void ready(std::size_t tensor, std::size_t begin, std::size_t count, const float* gradient) override {
    for (std::size_t i = begin; i < begin + count; ++i) {
      handed_[tensor][i] = gradient[i - begin];
      ++ready_[tensor][i];
      tensors_[tensor][i] = kPoison;
    }
  }

  Matrix output() const { return plain(memory_.y, rows_of(layer_.output()), layer_.outputs()); }
  Matrix input_gradient(std::size_t i = 0) const {
    return plain(joined_[i].dx, dxs_[i].size() / joined_[i].stride, joined_[i].channels);
  }
  std::vector<double> tensor(std::size_t t) const { return numbers(t, tensors_[t]); }
  std::vector<double> gradient(std::size_t t) const { return numbers(t, gradients_[t]); }
  /// The gradient as the sink was given it.
  std::vector<double> handed(std::size_t t) const { return numbers(t, handed_[t]); }
  const std::vector<TensorSpec>& specs() const { return specs_; }
  /// How often each float of a tensor was reported as ready.
  const std::vector<int>& ready_counts(std::size_t t) const { return ready_[t]; }

  static constexpr std::uint64_t kNumber = 3;

 private:
  std::size_t rows_of(const Shape& shape) const { return context_.batch * shape.positions(); }
  static AlignedVector<float> padded(const Matrix& m) {
    const std::size_t stride = row_stride(m.columns);
    AlignedVector<float> numbers(m.rows * stride, kPoison);
    for (std::size_t i = 0; i < m.rows; ++i)
      for (std::size_t j = 0; j < m.columns; ++j) numbers[i * stride + j] = static_cast<float>(m(i, j));
    return numbers;
  }
  static Matrix plain(const float* from, std::size_t rows, std::size_t columns) {
    Matrix m(rows, columns);
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < columns; ++j)
        m(i, j) = static_cast<double>(from[i * row_stride(columns) + j]);
    return m;
  }
  std::vector<double> numbers(std::size_t t, const AlignedVector<float>& storage) const {
    const std::vector<float> values = specs_[t].load(storage.data());
    return {values.begin(), values.end()};
  }

  const Layer& layer_;
  StepContext context_;
  std::vector<TensorSpec> specs_;
  LayerMemory memory_;
  AlignedVector<float> y_, dy_, workspace_, scratch_, rest_, notes_memory_, x_notes_memory_;
  std::vector<AlignedVector<float>> xs_, dxs_, tensors_, gradients_, handed_;
  std::vector<JoinInput> joined_;            ///< the one input too, where the layer does not join
  std::optional<Nonzeros> notes_, x_notes_;  ///< of y, of x
  std::vector<std::vector<int>> ready_;
  std::vector<float*> tensor_pointers_, gradient_pointers_;
};

}  // namespace halfwave
