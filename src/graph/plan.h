#pragma once
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "graph/network.h"

namespace halfwave {

/// Told of each part of a network's gradient as soon as it is final; called by several threads at once.
class UpdateSink {
 public:
  virtual ~UpdateSink() = default;
  /// Arrays in the layout of the network's block that ready() will read.
  virtual Companions companions() const = 0;
  /// `gradient` holds the gradient of floats begin … begin+count-1 of the network's block, all of tensor
  /// `tensor`.
  virtual void ready(std::size_t tensor, std::size_t begin, std::size_t count, const float* gradient) = 0;
};

/// What a plan is made for.
struct PlanOptions {
  std::size_t batch = 1;     ///< the largest batch
  bool training = false;     ///< with memory for the backward pass
  float activity_l1 = 0.0f;  ///< weight of Σ|activation| / batch in the loss
  bool count_zeros = false;  ///< count the non-zero outputs of activations that make zeros
  Skipping skipping = Skipping::automatic;
  const float* rest =
      nullptr;  ///< what the input is given less of (InputForm), or null; must outlive the plan
};

/// A network's work laid out for batches up to a size: every buffer allocated, every pointer resolved. A step
/// then neither allocates nor decides anything anew. The network must outlive the plan.
class Plan {
 public:
  Plan(Network& network, const PlanOptions& options, std::size_t layers);
  Plan(Network& network, const PlanOptions& options) : Plan(network, options, network.size()) {}

  /// Where the batch goes: [batch, inputs], input_stride() floats a row.
  float* input() {
    input_noted_ = false;
    return input_;
  }
  std::size_t input_stride() const { return row_stride(network_.inputs()); }
  const float* output() const { return memory_.back().y; }
  std::size_t output_stride() const { return memory_.back().y_stride; }
  std::size_t outputs() const { return network_.layer(layers_ - 1).outputs(); }
  std::size_t layers() const { return layers_; }
  /// Output of one layer after forward(); with training plans only where no later layer works in place on it.
  const float* layer_output(std::size_t layer) const { return memory_[layer].y; }

  /// Fills the input, make(rows) by make(rows), and notes its zeros while it is in the cache. Who fills
  /// input() otherwise leaves the noting to forward().
  template <class Make>
  void make_input(const StepContext& context, int threads, Make&& make) {
    if (input_notes_) begin_input_notes(context);
    make_rows(context.batch, threads, input_, input_stride(), input_notes_, make);
    input_noted_ = true;
  }
  /// The network's tensors are others than in the last forward(). In training they always are.
  void tensors_changed() { prepared_ = false; }
  void forward(const StepContext& context);
  /// One layer of forward(), after those before it.
  void forward_layer(const StepContext& given, std::size_t i);
  /// The gradient of the loss by the output: to be filled before backward().
  float* output_gradient() { return memory_.back().dy; }
  void backward(const StepContext& given, UpdateSink& sink);
  /// As values() of the network, its learned part; whole only after a step that keeps gradients.
  std::span<const float> gradients() const { return gradients_; }

  /// Per unit of a layer: how many outputs were not zero since the last reset; empty where it is not counted.
  std::span<const std::uint32_t> nonzeros(std::size_t layer) const { return nonzeros_[layer]; }
  std::span<std::uint32_t> nonzeros(std::size_t layer) { return nonzeros_[layer]; }

  /// Whether the layer's last forward() skipped zeros.
  bool skips(std::size_t layer) const;

 private:
  void place_buffers(const PlanOptions& options);
  void place_notes(const PlanOptions& options, Placer& placer);
  void begin_input_notes(const StepContext& context);
  StepContext own(StepContext context) const {
    context.skipping = skipping_;
    return context;
  }

  Network& network_;
  std::size_t layers_;
  float activity_l1_;
  Skipping skipping_;
  AlignedVector<float> buffers_, gradients_;
  float* input_ = nullptr;
  std::vector<LayerMemory> memory_;
  std::vector<float*> tensor_pointers_, gradient_pointers_;
  std::vector<std::vector<std::uint32_t>> nonzeros_;  ///< totals, by layer
  std::deque<Nonzeros> notes_;                        ///< of the input and of layers' outputs, by batch
  Nonzeros* input_notes_ = nullptr;
  bool input_noted_ = false, prepared_ = false;
};

}  // namespace halfwave
