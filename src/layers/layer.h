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
#include "layers/shape.h"
#include "layers/skipping.h"

namespace halfwave {

/// A tensor of a layer: what it learns, or (batch norm's running statistics) what it keeps.
struct TensorSpec {
  std::string name;  ///< within the layer, e.g. "weight"; the layer's ONNX expression refers to it
  std::vector<std::size_t> shape;  ///< as people and files see it
  bool learned = true;
  bool decays = false;  ///< weight decay applies to it
  enum class Storage {
    plain,   ///< as it is, padded to 16 floats
    panels,  ///< a dense layer's weights [in, out], as Panels{in, out}
    taps,    ///< a convolution's [out, in, height, width]: Panels{height · width · in, out}, taps outermost
  };
  Storage storage = Storage::plain;
  std::size_t groups =
      1;               ///< storage taps: shape[0] / groups outputs each, one set of panels after the other
  float start = 0.0f;  ///< initial value, where no initialisation scheme applies

  std::size_t count() const;   ///< numbers
  std::size_t floats() const;  ///< in memory, padding included
  std::size_t fan_in() const;  ///< of weights: the inputs that one output is made of
  std::size_t fan_out() const;
  /// Between the two: `numbers` as people and files see them, row-major in `shape`; `memory` as stored, its
  /// padding zero.
  void store(std::span<const float> numbers, float* memory) const;
  std::vector<float> load(const float* memory) const;
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
  /// The same of a convolution.
  double conv_skips_below(Product product, std::size_t width) const;

 private:
  /// 2 or 0 where zeros are always or never skipped.
  double or_told(double below) const;
};

/// One of several inputs of a layer that joins branches.
struct JoinInput {
  const float* x;
  std::size_t stride;
  std::size_t channels;
  float* dx;  ///< or null where nobody needs it
};

/// Told of rows of a layer's output as soon as they are whole, while they are in the cache: the layers behind
/// it that work row by row then do so at once. Called by several threads, for disjoint rows.
class RowSink {
 public:
  virtual ~RowSink() = default;
  virtual void ready(Range rows) const = 0;
};

/// Of `rows` rows, how many a RowSink is told of at a time, but for the last ones: whole groups of 32
/// (Nonzeros), whole rows of the grid where both are possible; few enough for a cache, and a sixteenth at
/// most, so that there is work for several threads. It depends on nothing else: sums over such blocks are the
/// same for any threads.
std::size_t rows_together(const Shape& shape, std::size_t rows);
/// At most so many times are so many rows, or fewer, told of.
constexpr std::size_t most_tellings(std::size_t rows) { return rows / 512 + 34; }

/// y = x · factor + shift, by channel.
struct Affine {
  const float *factor, *shift;
};

/// Where a layer's numbers are in one step. Matrices are [batch · positions, channels] (layers/shape.h),
/// row-major; strides are multiples of 16 floats and the padding of a row is never part of a result, though
/// it may be read. Everything is allocated by the plan before the first step.
struct LayerMemory {
  const float* x = nullptr;
  std::size_t x_stride = 0;
  float* y = nullptr;  ///< may be x, where the layer allows it
  std::size_t y_stride = 0;
  float* dy = nullptr;                ///< gradient of the loss by y; the layer may overwrite it
  float* dx = nullptr;                ///< gradient by x, or null where nobody needs it; may be dy
  std::span<const JoinInput> joined;  ///< where joins(): all inputs; x and dx are then null
  std::span<float* const> tensors;
  std::span<float* const> gradients;  ///< one a tensor; null for those that are not learned
  float* workspace = nullptr;         ///< kept from forward to backward
  float* scratch = nullptr;           ///< for the length of one call; all layers share it
  const RowSink* row_sink = nullptr;  ///< a layer that tells_rows() tells it of all rows of y
  bool observed = false;              ///< observe() has seen all rows of x
  const Affine* affine = nullptr;     ///< inference: what follows the layer is done by it as well
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
  bool pair = false;      ///< the next field is its second number: "3x5" gives both, "3" only this one
  bool second = false;    ///< such a second number; at its default: as the first. It has no place of its own
  std::string_view lowest = "";  ///< a word for the value `low`, e.g. "same"
  bool whole = false;            ///< only whole numbers; so are pairs and what is inferred
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

/// A layer of a network: what it is, not the memory it works on. A layer is bound once, to the shape of its
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
  /// The shapes of an example. Of a layer that joins, input() is the first one.
  const Shape& input() const { return input_; }
  const Shape& output() const { return output_; }
  /// Columns of x and of y.
  std::size_t inputs() const { return input_.channels; }
  std::size_t outputs() const { return output_.channels; }
  /// As in a network line: "dense 512", "conv 32 3x3 stride=2"; fields at their default are left out.
  std::string line() const;

  /// Fixes the input's shape; throws Error (usage) where it does not fit.
  void bind(std::size_t units) { bind(Shape::row(units)); }
  void bind(const Shape& input) { bind(std::span(&input, 1)); }
  void bind(std::span<const Shape> inputs) {
    input_ = inputs[0];
    output_ = joins() ? joined_shape(inputs) : output_for(inputs[0]);
    bound();
  }

  /// Takes the ends of several branches instead of one input.
  virtual bool joins() const { return false; }
  /// Works on a grid, not on single rows: a network with such a layer takes its examples as images or
  /// signals, any other as rows.
  virtual bool needs_grid() const { return false; }
  /// For the ONNX expression: a list of integers that the fields do not give by themselves, e.g. "padding" as
  /// it came out for the layer's input: [top, left, bottom, right] or [begin, end]. Empty: the field, by
  /// itself.
  virtual std::vector<std::int64_t> onnx_integers(std::string_view /*name*/) const { return {}; }
  /// Multiply-adds of the forward pass for one example, where they are worth counting.
  virtual std::size_t multiply_adds() const { return 0; }

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
  /// Its products can skip zeros of its input.
  virtual bool skips_zeros() const { return false; }
  /// Its products can put back a rest that the input was given less of (LayerMemory::rest).
  virtual bool takes_rest() const { return false; }
  /// The density of its input below which one of its products skips zeros, so that they should be listed.
  virtual double skips_below(const StepContext& /*context*/) const { return 0.0; }

  /// For inference: computes what depends on the tensors alone, before forward whenever they have changed.
  virtual void prepare(const StepContext& /*context*/, const LayerMemory& /*memory*/) const {}
  virtual void forward(const StepContext& context, const LayerMemory& memory) const = 0;

  // What can be done while rows are in the cache.
  /// forward() tells memory.row_sink.
  virtual bool tells_rows() const { return false; }
  /// forward() can be done by follow(), for any rows as soon as its inputs have them.
  virtual bool follows_rows(bool /*training*/) const { return false; }
  virtual void follow(const StepContext& /*context*/, const LayerMemory& /*memory*/, Range /*rows*/) const {}
  /// forward() begins with a pass over x that observe() can do instead, rows_together() at a time.
  virtual bool observes_rows(bool /*training*/) const { return false; }
  virtual void observe(const StepContext& /*context*/, const LayerMemory& /*memory*/, Range /*rows*/) const {}

  // What can be done beforehand, for inference.
  /// The layer is y = x · factor + shift, which prepare() makes.
  virtual bool is_affine() const { return false; }
  virtual Affine affine(const LayerMemory& /*memory*/) const { return {}; }
  /// forward() and prepare() can take over a following Affine, with so many more floats of workspace.
  virtual std::size_t fold_floats() const { return 0; }
  virtual void backward(const StepContext& context, const LayerMemory& memory, GradientSink& sink) const = 0;
  /// Else no layer before it can learn.
  virtual bool has_backward() const { return true; }

 protected:
  /// Shape of the output; throws Error (usage) where the input does not fit.
  virtual Shape output_for(const Shape& input) const { return input; }
  virtual Shape joined_shape(std::span<const Shape> inputs) const { return inputs[0]; }
  /// The shapes are known now: what follows from them may be made.
  virtual void bound() {}
  /// Rows of x, of y, in this step.
  std::size_t input_rows(const StepContext& context) const { return context.batch * input_.positions(); }
  std::size_t output_rows(const StepContext& context) const { return context.batch * output_.positions(); }
  /// Field i and its second number.
  std::size_t first_of(std::size_t i) const { return static_cast<std::size_t>(fields_[i]); }
  std::size_t second_of(std::size_t i) const { return has_second(i) ? first_of(i + 1) : first_of(i); }
  bool has_second(std::size_t i) const { return fields_[i + 1] != info_.fields[i + 1].value; }

 private:
  const LayerInfo& info_;
  std::vector<double> fields_;
  Shape input_, output_;
};

/// A layer that makes every row of its output from the same row of its input; as many rows as positions.
class RowLayer : public Layer {
 public:
  using Layer::Layer;
  /// Notes the zeros of each group of rows as soon as it is made, where they are wanted.
  void forward(const StepContext& context, const LayerMemory& memory) const final;
  bool tells_rows() const final { return true; }
  bool follows_rows(bool) const final { return true; }
  void follow(const StepContext& context, const LayerMemory& memory, Range rows) const final {
    forward_rows(context, memory, rows);
  }

 protected:
  virtual void forward_rows(const StepContext& context, const LayerMemory& memory, Range rows) const = 0;
  /// Cost of a number, compared with a multiply-add: decides when a second thread pays.
  static constexpr std::size_t kWork = 4;
};

/// Calls make(rows) for the rows of a matrix, shared among threads. Where `nonzeros` is given the rows are
/// groups of 32, and each is noted while it is in the cache; a batch then has work for at most as many
/// threads as groups. Where there is a sink, it is told of `together` rows at a time.
template <class Make>
void make_rows(std::size_t count, int threads, const float* matrix, std::size_t stride, Nonzeros* nonzeros,
               Make&& make, const RowSink* sink = nullptr, std::size_t together = 0) {
  if (sink) {
    run_tasks(threads, static_cast<int>((count + together - 1) / together), [&](int task) {
      const std::size_t begin = static_cast<std::size_t>(task) * together;
      const Range rows{begin, std::min(count, begin + together)};
      make(rows);
      if (nonzeros) nonzeros->note_rows(matrix, stride, rows);
      sink->ready(rows);
    });
    if (nonzeros) nonzeros->end();
    return;
  }
  if (!nonzeros) {
    run_team(threads, [&](int part, int all) {
      constexpr std::size_t kGrain = 2;  // dropout's bits: whole words for each thread
      const Range rows = share(count, part, all, kGrain);
      if (!rows.empty()) make(rows);
    });
    return;
  }
  const std::size_t groups = NonzeroLists::groups_of(count);
  run_team(static_cast<int>(std::min(groups, static_cast<std::size_t>(threads))), [&](int part, int all) {
    const Range mine = share(groups, part, all);
    for (std::size_t group = mine.begin; group < mine.end; ++group) {
      const std::size_t row = group * NonzeroLists::kRows;
      make(Range{row, std::min(count, row + NonzeroLists::kRows)});
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
