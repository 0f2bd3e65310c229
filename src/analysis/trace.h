#pragma once
#include <functional>
#include <span>
#include <vector>

#include "graph/network.h"

namespace halfwave {

/// A network's passes with every value kept: what a Plan lets layers write over or do in one go stands here
/// by itself, to be looked at. It works on weights of its own, so that training statistics do not change the
/// network, and skips no zeros.
class Trace {
 public:
  /// Of the first `layers` layers, for batches up to `batch`; with_gradients: backward() will be called.
  Trace(const Network& network, std::size_t layers, std::size_t batch, int threads, bool with_gradients);

  std::size_t layers() const { return outputs_.size(); }
  /// `input` is laid out as Plan::input() and must hold until the last look at it. training: batch norm goes
  /// by the batch, and dropout drops by the number of this call.
  void forward(const float* input, std::size_t batch, bool training);

  /// [batch · positions, row_stride(channels)]; of Network::kInput the input.
  const float* output(std::size_t layer) const {
    return layer == Network::kInput ? input_ : outputs_[layer].data();
  }
  const Shape& shape(std::size_t layer) const {
    return layer == Network::kInput ? network_.input() : network_.layer(layer).output();
  }

  /// The gradient of the loss by the last output: to be filled before backward().
  float* output_gradient() { return output_gradients_.back().data(); }
  /// After a training forward(). look(layer, gradient by its output) is called for each layer, the last
  /// first.
  void backward(const std::function<void(std::size_t layer, const float* gradient)>& look);
  /// As the learned part of the network's values.
  std::span<const float> gradients() const { return gradients_; }

  /// Floats that an example takes, both passes together.
  static std::size_t floats_of_example(const Network& network, std::size_t layers);

 private:
  LayerMemory memory_of(std::size_t layer);

  const Network& network_;
  std::size_t batch_;
  StepContext context_;
  const float* input_ = nullptr;
  AlignedVector<float> values_, gradients_, scratch_;
  std::vector<float*> tensors_, tensor_gradients_;
  std::vector<AlignedVector<float>> outputs_, output_gradients_, workspaces_;
  std::vector<AlignedVector<float>> more_gradients_;  ///< of a value that several layers take: those to add
  std::vector<JoinInput> joined_;                     ///< of the layer at work
};

}  // namespace halfwave
