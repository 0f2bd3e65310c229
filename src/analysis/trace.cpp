#include "analysis/trace.h"

#include <algorithm>

namespace halfwave {
namespace {

/// The gradients are left where the layers put them.
class NoSink final : public GradientSink {
 public:
  Companions companions(std::size_t) const override { return {}; }
  void ready(std::size_t, std::size_t, std::size_t, const float*) override {}
};

std::size_t floats_of(const Shape& shape) { return shape.positions() * row_stride(shape.channels); }

}  // namespace

std::size_t Trace::floats_of_example(const Network& network, std::size_t layers) {
  std::size_t floats = 0;
  for (std::size_t i = 0; i < layers; ++i) floats += 2 * floats_of(network.layer(i).output());
  return floats;
}

Trace::Trace(const Network& network, std::size_t layers, std::size_t batch, int threads, bool with_gradients)
    : network_(network), batch_(batch), values_(network.values().begin(), network.values().end()) {
  context_.threads = threads;
  context_.skipping = Skipping::never;
  if (with_gradients) gradients_.assign(network.learned_floats(), 0.0f);
  for (const NetworkTensor& tensor : network.tensors()) {
    tensors_.push_back(values_.data() + tensor.offset);
    tensor_gradients_.push_back(with_gradients && tensor.spec.learned ? gradients_.data() + tensor.offset
                                                                      : nullptr);
  }
  std::size_t scratch = 0, inputs = 0;
  for (std::size_t i = 0; i < layers; ++i) {
    const Layer& layer = network.layer(i);
    const std::size_t floats = batch * floats_of(layer.output());
    outputs_.emplace_back(floats, 0.0f);
    if (with_gradients) output_gradients_.emplace_back(floats, 0.0f);
    workspaces_.emplace_back(std::max(layer.workspace(batch, false), layer.workspace(batch, true)), 0.0f);
    scratch = std::max({scratch, layer.scratch(batch, false, false), layer.scratch(batch, true, false)});
    inputs = std::max(inputs, network.inputs_of(i).size());
  }
  scratch_.assign(scratch, 0.0f);
  more_gradients_.resize(inputs);
}

LayerMemory Trace::memory_of(std::size_t i) {
  const Layer& layer = network_.layer(i);
  const std::span<const std::size_t> inputs = network_.inputs_of(i);
  const std::size_t first = network_.first_tensor(i), count = layer.tensors().size();
  LayerMemory memory;
  memory.y = outputs_[i].data();
  memory.y_stride = row_stride(layer.outputs());
  memory.x_stride = row_stride(layer.inputs());
  memory.tensors = std::span(tensors_).subspan(first, count);
  memory.gradients = std::span(tensor_gradients_).subspan(first, count);
  memory.workspace = workspaces_[i].data();
  memory.scratch = scratch_.data();
  memory.batch = batch_;
  memory.layer = i;
  if (!layer.joins()) {
    memory.x = output(inputs[0]);
    return memory;
  }
  joined_.clear();
  for (const std::size_t from : inputs)
    joined_.push_back({output(from), row_stride(shape(from).channels), shape(from).channels, nullptr});
  memory.joined = joined_;
  return memory;
}

void Trace::forward(const float* input, std::size_t batch, bool training) {
  input_ = input;
  context_.batch = batch;
  context_.training = training;
  if (training) ++context_.step;
  for (std::size_t i = 0; i < layers(); ++i) {
    const LayerMemory memory = memory_of(i);
    if (!training) network_.layer(i).prepare(context_, memory);
    network_.layer(i).forward(context_, memory);
  }
}

void Trace::backward(const std::function<void(std::size_t layer, const float* gradient)>& look) {
  NoSink sink;
  std::vector<bool> has(layers());
  has.back() = true;
  for (std::size_t i = layers(); i-- > 0;) {
    AlignedVector<float>& dy = output_gradients_[i];
    if (!has[i]) std::ranges::fill(dy, 0.0f);
    look(i, dy.data());
    LayerMemory memory = memory_of(i);
    memory.dy = dy.data();
    // The first gradient by a value goes where it belongs, others are added to it afterwards.
    const std::span<const std::size_t> inputs = network_.inputs_of(i);
    std::vector<std::size_t> later;
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      const std::size_t from = inputs[k];
      if (from == Network::kInput) continue;
      float* to = output_gradients_[from].data();
      if (has[from]) {
        more_gradients_[k].resize(output_gradients_[from].size());
        to = more_gradients_[k].data();
        later.push_back(k);
      }
      has[from] = true;
      (network_.layer(i).joins() ? joined_[k].dx : memory.dx) = to;
    }
    network_.layer(i).backward(context_, memory, sink);
    for (const std::size_t k : later) {
      AlignedVector<float>& sum = output_gradients_[inputs[k]];
      std::ranges::transform(sum, more_gradients_[k], sum.begin(), std::plus());
    }
  }
}

}  // namespace halfwave
