#pragma once
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "graph/layout.h"
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
  std::size_t batch = 1;          ///< the largest batch
  bool training = false;          ///< with memory for the backward pass
  float activity_l1 = 0.0f;       ///< weight of Σ|activation| / batch in the loss
  bool count_zeros = false;       ///< count the non-zero outputs of activations that make zeros
  bool hold_activations = false;  ///< training: until backward() layer_output() holds what they made
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

  /// Where the batch goes: [batch · positions, channels], input_stride() floats a row.
  float* input() {
    input_noted_ = false;
    return input_;
  }
  std::size_t input_stride() const { return row_stride(network_.input().channels); }
  const float* output() const { return memory_.back().y; }
  std::size_t output_stride() const { return memory_.back().y_stride; }
  std::size_t outputs() const { return network_.layer(layers_ - 1).outputs(); }
  std::size_t layers() const { return layers_; }
  /// Floats of all buffers; the gradients of tensors are not counted.
  std::size_t floats() const { return buffers_.size(); }
  /// Output of one layer, after its forward_layer() until that of the last layer that takes it; where a layer
  /// leads others (Layout::leader), only what the last of them made is sure to hold.
  const float* layer_output(std::size_t layer) const { return memory_[layer].y; }
  /// Between forward() and backward(): layer_output() holds what the layer made, or what a later one made of
  /// it in place.
  bool holds_output(std::size_t layer) const { return !went_back_ && holds_output_[layer]; }

  /// Fills the input, make(rows) by make(rows) (rows of the matrix: positions of examples), and notes its
  /// zeros while it is in the cache. Who fills input() otherwise leaves the noting to forward().
  template <class Make>
  void make_input(const StepContext& context, int threads, Make&& make) {
    if (notes_[0].nonzeros) begin_notes(own(context), Network::kInput);
    make_rows(context.batch * network_.input().positions(), threads, input_, input_stride(),
              notes_[0].nonzeros, make);
    input_noted_ = true;
  }
  /// The network's tensors are others than in the last forward(). In training they always are.
  void tensors_changed() { prepared_ = false; }
  void forward(const StepContext& context);
  /// One layer of forward(), after those before it, with all layers that follow on its rows while they are in
  /// the cache; for those it does nothing more.
  void forward_layer(const StepContext& given, std::size_t i);
  /// The gradient of the loss by the output: to be filled before backward().
  float* output_gradient() { return memory_.back().dy; }
  void backward(const StepContext& given, UpdateSink& sink);
  /// As values() of the network, its learned part; whole only after a step that keeps gradients.
  std::span<const float> gradients() const { return gradients_; }

  /// Per unit (channel) of a layer: how many outputs were not zero since the last reset; empty where it is
  /// not counted.
  std::span<const std::uint64_t> nonzeros(std::size_t layer) const { return nonzeros_[layer]; }
  std::span<std::uint64_t> nonzeros(std::size_t layer) { return nonzeros_[layer]; }

  /// Whether backward() computes the gradient by the (only) input of a layer.
  bool hands_back(std::size_t layer) const { return memory_[layer].dx != nullptr; }
  /// Whether the layer's last forward() skipped zeros.
  bool skips(std::size_t layer) const;

 private:
  /// What is noted of a value's zeros.
  struct Notes {
    bool wanted = false, lists = false;
    std::size_t block = 0;
    std::vector<std::size_t> users;  ///< whom the lists are for
    Nonzeros* nonzeros = nullptr;    ///< where wanted
  };
  /// Gradients that are added after a layer's backward pass.
  struct Sum {
    float* to;
    const float* from;
    std::size_t floats;  ///< of one example
  };
  /// The layers that do their forward pass on the rows of another one as they come; the last may only observe
  /// them.
  class Followers final : public RowSink {
   public:
    void ready(Range rows) const override;
    std::vector<std::pair<const Layer*, const LayerMemory*>> layers;
    bool last_observes = false;
    const StepContext* context = nullptr;  ///< of this pass
  };
  /// Blocks that a layer works in, apart from the values and their gradients.
  struct WorkBlocks {
    std::size_t workspace, forward_scratch, backward_scratch;
  };

  bool gains(std::size_t layer) const;
  bool zeros_in_gradient(std::size_t value) const;
  void plan_notes(Layout& layout);
  void plan_notes_of(std::size_t value, bool many, Layout& layout);
  std::vector<WorkBlocks> plan_work(Arena& arena, const Layout& layout) const;
  void set_pointers(Layout& layout, const std::vector<WorkBlocks>& work);
  void set_followers(const Layout& layout);
  void begin_layer(const StepContext& context, std::size_t i);
  void end_layer(std::size_t i);
  void begin_notes(const StepContext& context, std::size_t value);
  StepContext own(StepContext context) const {
    context.skipping = options_.skipping;
    return context;
  }

  Network& network_;
  std::size_t layers_;
  PlanOptions options_;
  AlignedVector<float> buffers_, gradients_;
  float* input_ = nullptr;
  std::vector<LayerMemory> memory_;
  std::vector<float*> backward_scratch_;
  std::vector<std::vector<JoinInput>> joined_;
  std::vector<std::vector<Sum>> sums_;
  std::vector<bool> runs_backward_, holds_output_;
  std::vector<float*> tensor_pointers_, gradient_pointers_;
  std::vector<std::vector<std::uint64_t>> nonzeros_;  ///< totals, by layer
  std::vector<Notes> notes_;                          ///< by layer + 1: first those of the input
  std::deque<Nonzeros> noted_;
  std::vector<Followers> followers_;  ///< by layer
  std::vector<std::size_t> leader_;   ///< by layer: the one in whose forward pass its own is done, or itself
  std::vector<Affine> affine_;        ///< by layer: what it has taken over
  bool input_noted_ = false, prepared_ = false, went_back_ = false;
};

/// The layer that puts back what the input is given less of (LayerMemory::rest), or size().
std::size_t layer_taking_rest(const Network& network);

}  // namespace halfwave
