#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/dense_products.h"
#include "kernels/panels.h"
#include "layers/nonzeros.h"
#include "layers/skipping.h"

namespace halfwave {

/// A tensor of a layer: what it learns, or (batch norm's running statistics) what it keeps.
struct TensorSpec {
  std::string name;  ///< within the layer, e.g. "weight"; the layer's ONNX expression refers to it
  std::vector<std::size_t> shape;  ///< as people and files see it
  bool learned = true;
  bool decays = false;  ///< weight decay applies to it
  bool panels = false;  ///< stored as Panels (shape is [in, out]); else plain, padded to 16 floats
  float start = 0.0f;   ///< initial value, where no initialisation scheme applies

  std::size_t count() const;    ///< numbers
  std::size_t storage() const;  ///< floats in memory, padding included
};

/// So few examples that no part of a layer's weights is used twice: a plan for inference on no more than
/// these, as a Predictor has, keeps the weights in a form for them.
inline constexpr std::size_t kFewExamples = 4;

/// What is the same for every layer of one step.
struct StepContext {
  std::size_t batch = 0;
  bool training = false;  ///< dropout drops, batch norm uses the batch's statistics
  int threads = 1;
  std::uint64_t seed = 0;
  std::uint64_t step =
      0;  ///< updates so far: together with the seed it fixes every random number of the step
  Skipping skipping = Skipping::automatic;  ///< a plan sets its own, which its memory is made for
  bool keep_gradients = true;  ///< else a layer may hand a gradient on without leaving it in memory

  /// Threads worth using for this many multiply-adds or comparable operations: below it a fork costs more
  /// than it saves (2^19 take about ten microseconds, a fork a few).
  int team(std::size_t work) const { return work < (std::size_t{1} << 19) ? 1 : threads; }

  /// The density below which a product with results of `width` columns skips zeros.
  double skips_below(Product product, std::size_t width) const;
};

/// Where a layer's numbers are in one step. Matrices are [batch, width], row-major; strides are multiples of
/// 16 floats and the padding of a row is never part of a result. Everything is allocated by the plan before
/// the first step.
struct LayerMemory {
  const float* x = nullptr;
  std::size_t x_stride = 0;
  float* y = nullptr;  ///< may be x, where the layer allows it
  std::size_t y_stride = 0;
  float* dy = nullptr;  ///< gradient of the loss by y; the layer may overwrite it
  float* dx = nullptr;  ///< gradient by x, or null where nobody needs it; may be dy
  std::span<float* const> tensors;
  std::span<float* const> gradients;  ///< one a tensor; null for those that are not learned
  float* workspace = nullptr;         ///< kept from forward to backward
  float* scratch = nullptr;           ///< for the length of one call; all layers share it
  std::size_t batch = 0;              ///< the largest batch that it is made for
  std::uint64_t layer = 0;            ///< number of the layer: keeps the random numbers of two layers apart

  // About zeros; all null or false where nothing is known of them.
  const Nonzeros* x_nonzeros = nullptr;  ///< what was noted of x
  Nonzeros* y_nonzeros = nullptr;        ///< where to note y
  bool x_flat = false;    ///< where x is zero, the gradient by it comes to nothing in the layers before
  bool dy_zeros = false;  ///< dy has gone back through an activation that makes zeros, so it has them too
  /// The input is x + rest, the same row for every example: inputs with a value that most of them have, such
  /// as an image's background, become zeros (graph/model_parts.h).
  const float* rest = nullptr;
};

/// What is known of the zeros of a layer's output.
struct Zeros {
  bool many = false;  ///< to be expected: worth counting
  bool flat = false;  ///< the gradient by an output that is zero is of no use to the layer and those before
};

/// Told of each part of a gradient as soon as it is final and the tensor is no longer needed in this step,
/// while the numbers are still in the cache; called by several threads at once, for disjoint parts.
class GradientSink {
 public:
  virtual ~GradientSink() = default;
  /// What will be read together with this tensor's gradient when it is ready: worth fetching meanwhile.
  virtual Companions companions(std::size_t tensor) const = 0;
  /// `gradient` holds floats begin … begin+count-1 of the tensor's gradient.
  virtual void ready(std::size_t tensor, std::size_t begin, std::size_t count, const float* gradient) = 0;
};

/// One declared number of a layer: its place in a network line, its default and its range.
struct LayerField {
  std::string_view name;
  double value;  ///< default
  double low, high;
  std::string_view help;
  bool inferred = false;  ///< may be left out where it follows from the data (the last layer's units)
};

class Layer;

/// A kind of layer; made from its one declaration.
struct LayerInfo {
  std::string_view name;  ///< as in --net
  std::string_view help;
  std::string_view
      onnx;  ///< ONNX expression in x, the layer's tensors and fields (docs/onnx.md has the grammar)
  std::vector<LayerField> fields;
  std::unique_ptr<Layer> (*make)(const LayerInfo& info, std::vector<double> fields);
};

/// A layer of a network: what it is, not the memory it works on. A layer is bound once, to the width of its
/// input.
class Layer {
 public:
  Layer(const LayerInfo& info, std::vector<double> fields) : info_(info), fields_(std::move(fields)) {}
  virtual ~Layer() = default;
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;

  const LayerInfo& info() const { return info_; }
  std::span<const double> fields() const { return fields_; }
  double field(std::size_t i) const { return fields_[i]; }
  std::size_t inputs() const { return inputs_; }
  std::size_t outputs() const { return outputs_; }
  /// As in a network line: "dense 512", "leaky_relu 0.2"; fields at their default are left out.
  std::string line() const;

  /// Fixes the input's width; throws Error (usage) where it does not fit.
  void bind(std::size_t inputs) {
    inputs_ = inputs;
    outputs_ = width_for(inputs);
  }

  virtual std::vector<TensorSpec> tensors() const { return {}; }
  /// Floats of workspace for a batch.
  virtual std::size_t workspace(std::size_t /*batch*/, bool /*training*/) const { return 0; }
  /// Floats of scratch; `skipping`: zeros may be skipped.
  virtual std::size_t scratch(std::size_t /*batch*/, bool /*training*/, bool /*skipping*/) const { return 0; }
  /// What the backward pass reads besides dy; a layer that does not need its input may write its output over
  /// it.
  virtual bool keeps_input() const { return false; }
  virtual bool keeps_output() const { return false; }
  virtual bool in_place() const { return false; }
  /// An activation, whose output the health figures and the activity penalty are about.
  virtual bool is_activation() const { return false; }
  // What is known of zeros: whether it makes them, hands them on, or gains by them.
  /// Its output has exact zeros for a whole range of inputs: worth counting.
  virtual bool zero_below() const { return false; }
  /// What is known of its output's zeros, given what is known of its input's.
  virtual Zeros zeros(Zeros /*input*/, bool /*training*/) const { return {}; }
  /// The gradient that it hands back has exact zeros, wherever its slope is zero.
  virtual bool zeros_gradient(bool /*training*/) const { return false; }
  /// Its output is its input.
  virtual bool identity() const { return false; }
  /// Its products can skip zeros of its input, which may then be given less a rest.
  virtual bool skips_zeros() const { return false; }
  /// The density of its input below which one of its products skips zeros, so that they should be listed.
  virtual double skips_below(const StepContext& /*context*/) const { return 0.0; }

  /// For inference: computes what depends on the tensors alone, before forward whenever they have changed.
  virtual void prepare(const StepContext& /*context*/, const LayerMemory& /*memory*/) const {}
  virtual void forward(const StepContext& context, const LayerMemory& memory) const = 0;
  virtual void backward(const StepContext& context, const LayerMemory& memory, GradientSink& sink) const = 0;

 protected:
  virtual std::size_t width_for(std::size_t inputs) const { return inputs; }
  void set_field(std::size_t i, double value) { fields_[i] = value; }

 private:
  const LayerInfo& info_;
  std::vector<double> fields_;
  std::size_t inputs_ = 0, outputs_ = 0;
};

/// A layer that makes every row of its output from the same row of its input.
class RowLayer : public Layer {
 public:
  using Layer::Layer;
  /// Notes the zeros of each group of rows as soon as it is made, where they are wanted.
  void forward(const StepContext& context, const LayerMemory& memory) const final;

 protected:
  virtual void forward_rows(const StepContext& context, const LayerMemory& memory, Range rows) const = 0;
  /// Cost of a number, compared with a multiply-add: decides when a second thread pays.
  static constexpr std::size_t kWork = 4;
};

/// Calls make(rows) for the rows of a matrix, shared among threads. Where `nonzeros` is given the rows are
/// groups of 32, and each is noted while it is in the cache; a batch then has work for at most as many
/// threads as groups.
template <class Make>
void make_rows(std::size_t batch, int threads, const float* matrix, std::size_t stride, Nonzeros* nonzeros,
               Make&& make) {
  if (!nonzeros) {
    run_team(threads, [&](int part, int all) {
      constexpr std::size_t kGrain = 2;  // dropout's bits: whole words for each thread
      const Range rows = share(batch, part, all, kGrain);
      if (!rows.empty()) make(rows);
    });
    return;
  }
  const std::size_t groups = NonzeroLists::groups_of(batch);
  run_team(static_cast<int>(std::min(groups, static_cast<std::size_t>(threads))), [&](int part, int all) {
    const Range mine = share(groups, part, all);
    for (std::size_t group = mine.begin; group < mine.end; ++group) {
      const std::size_t row = group * NonzeroLists::kRows;
      make(Range{row, std::min(batch, row + NonzeroLists::kRows)});
      nonzeros->note(matrix, stride, group);
    }
  });
  nonzeros->end();
}

template <class L>
std::unique_ptr<Layer> make_layer(const LayerInfo& info, std::vector<double> fields) {
  return std::make_unique<L>(info, std::move(fields));
}

/// Floats from one row to the next of a matrix with this many columns.
constexpr std::size_t row_stride(std::size_t width) { return round_up(width, kLineFloats); }

}  // namespace halfwave
