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

/// A layer of this kind on `inputs` numbers; an inferred field is `units`, the others are their default times
/// `factor`.
inline std::unique_ptr<Layer> make_bound(const LayerInfo& info, std::size_t inputs, double units,
                                         double factor = 1) {
  std::vector<double> fields;
  for (const LayerField& field : info.fields)
    fields.push_back(field.inferred ? units : std::clamp(field.value * factor, field.low, field.high));
  std::unique_ptr<Layer> layer = info.make(info, std::move(fields));
  layer->bind(inputs);
  return layer;
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

class LayerRun final : public GradientSink {
 public:
  LayerRun(const Layer& layer, const StepContext& context, const Matrix& x, const Tensors& tensors,
           bool in_place, std::uint64_t number = kNumber)
      : layer_(layer), context_(context), specs_(layer.tensors()) {
    memory_.x_stride = row_stride(layer.inputs());
    memory_.y_stride = row_stride(layer.outputs());
    x_ = padded(x, memory_.x_stride);
    y_.assign(context.batch * memory_.y_stride, kPoison);
    workspace_.assign(layer.workspace(context.batch, context.training), kPoison);
    scratch_.assign(layer.scratch(context.batch, context.training, context.skipping != Skipping::never),
                    kPoison);
    for (std::size_t t = 0; t < specs_.size(); ++t) {
      AlignedVector<float>& storage = tensors_.emplace_back(specs_[t].storage(), 0.0f);
      const std::vector<float> numbers(tensors[t].begin(), tensors[t].end());
      if (specs_[t].panels)
        pack_panels(numbers.data(), panels(t).columns, panels(t), 0, panels(t).count(), storage.data());
      else
        std::copy(numbers.begin(), numbers.end(), storage.begin());
      gradients_.emplace_back(specs_[t].storage(), kPoison);
      handed_.emplace_back(specs_[t].storage(), kPoison);
      ready_.emplace_back(specs_[t].storage(), 0);
    }
    for (std::size_t t = 0; t < specs_.size(); ++t) {
      tensor_pointers_.push_back(tensors_[t].data());
      gradient_pointers_.push_back(specs_[t].learned ? gradients_[t].data() : nullptr);
    }
    memory_.x = x_.data();
    memory_.y = in_place ? x_.data() : y_.data();
    memory_.tensors = tensor_pointers_;
    memory_.gradients = gradient_pointers_;
    memory_.workspace = workspace_.data();
    memory_.scratch = scratch_.data();
    memory_.batch = context.batch;
    memory_.layer = number;
  }

  void forward() {
    if (!context_.training) layer_.prepare(context_, memory_);
    layer_.forward(context_, memory_);
  }

  /// What the layer did not ask to keep is poisoned first. As in a plan, the gradients share a buffer where
  /// the layer works in place.
  void backward(const Matrix& dy, bool with_dx = true, bool apart = false) {
    if (memory_.y != memory_.x && !layer_.keeps_input()) std::fill(x_.begin(), x_.end(), kPoison);
    if (memory_.y != memory_.x && !layer_.keeps_output()) std::fill(y_.begin(), y_.end(), kPoison);
    if (memory_.y == memory_.x && !layer_.keeps_output()) std::fill(x_.begin(), x_.end(), kPoison);
    dy_ = padded(dy, memory_.y_stride);
    dx_.assign(context_.batch * memory_.x_stride, kPoison);
    memory_.dy = dy_.data();
    memory_.dx = !with_dx ? nullptr : layer_.in_place() && !apart ? dy_.data() : dx_.data();
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

  Matrix output() const { return plain(memory_.y, memory_.y_stride, layer_.outputs()); }
  Matrix input_gradient() const { return plain(memory_.dx, memory_.x_stride, layer_.inputs()); }
  std::vector<double> tensor(std::size_t t) const { return numbers(t, tensors_[t]); }
  std::vector<double> gradient(std::size_t t) const { return numbers(t, gradients_[t]); }
  /// The gradient as the sink was given it.
  std::vector<double> handed(std::size_t t) const { return numbers(t, handed_[t]); }
  const std::vector<TensorSpec>& specs() const { return specs_; }
  /// How often each float of a tensor was reported as ready.
  const std::vector<int>& ready_counts(std::size_t t) const { return ready_[t]; }

  static constexpr std::uint64_t kNumber = 3;

 private:
  Panels panels(std::size_t t) const { return {specs_[t].shape[0], specs_[t].shape[1]}; }

  static AlignedVector<float> padded(const Matrix& m, std::size_t stride) {
    AlignedVector<float> numbers(m.rows * stride, kPoison);
    for (std::size_t i = 0; i < m.rows; ++i)
      for (std::size_t j = 0; j < m.columns; ++j) numbers[i * stride + j] = static_cast<float>(m(i, j));
    return numbers;
  }
  Matrix plain(const float* from, std::size_t stride, std::size_t columns) const {
    Matrix m(context_.batch, columns);
    for (std::size_t i = 0; i < m.rows; ++i)
      for (std::size_t j = 0; j < columns; ++j) m(i, j) = static_cast<double>(from[i * stride + j]);
    return m;
  }
  std::vector<double> numbers(std::size_t t, const AlignedVector<float>& storage) const {
    std::vector<float> values(specs_[t].count());
    if (specs_[t].panels)
      unpack_panels(storage.data(), panels(t), values.data());
    else
      std::copy_n(storage.begin(), values.size(), values.begin());
    return {values.begin(), values.end()};
  }

  const Layer& layer_;
  StepContext context_;
  std::vector<TensorSpec> specs_;
  LayerMemory memory_;
  AlignedVector<float> x_, y_, dy_, dx_, workspace_, scratch_;
  std::vector<AlignedVector<float>> tensors_, gradients_, handed_;
  std::vector<std::vector<int>> ready_;
  std::vector<float*> tensor_pointers_, gradient_pointers_;
};

}  // namespace halfwave
