#include "graph/network.h"

#include <fmt/format.h>
#include <halfwave/error.h>

#include <algorithm>
#include <map>

namespace halfwave {

Network::Network(std::vector<std::unique_ptr<Layer>> layers, std::size_t inputs)
    : layers_(std::move(layers)), inputs_(inputs) {
  if (layers_.empty()) throw usage_error("The network has no layers.");
  std::map<std::string_view, int> numbers;
  std::size_t width = inputs, kept_floats = 0;
  std::vector<NetworkTensor*> kept;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    Layer& layer = *layers_[i];
    names_.push_back(fmt::format("{}_{}", layer.info().name, ++numbers[layer.info().name]));
    layer.bind(width);
    width = layer.outputs();
    first_tensor_.push_back(tensors_.size());
    std::size_t index = 0;
    for (TensorSpec& spec : layer.tensors())
      tensors_.push_back({names_.back() + "." + spec.name, std::move(spec), i, index++, 0});
  }
  for (NetworkTensor& tensor : tensors_)
    if (tensor.spec.learned) {
      tensor.offset = learned_floats_;
      learned_floats_ += tensor.spec.storage();
    }
  for (NetworkTensor& tensor : tensors_)
    if (!tensor.spec.learned) {
      tensor.offset = learned_floats_ + kept_floats;
      kept_floats += tensor.spec.storage();
    }
  values_.assign(learned_floats_ + kept_floats, 0.0f);
  for (const NetworkTensor& tensor : tensors_)
    if (tensor.spec.start != 0.0f) set(tensor, std::vector<float>(tensor.spec.count(), tensor.spec.start));
}

std::size_t Network::outputs() const { return layers_.back()->outputs(); }

std::size_t Network::behind_identities(std::size_t layer) const {
  while (layer < size() && layers_[layer]->identity()) ++layer;
  return layer;
}

std::size_t Network::activation_behind(std::size_t layer) const {
  for (std::size_t i = layer + 1; i < size(); ++i) {
    if (layers_[i]->is_activation()) return i;
    const std::vector<TensorSpec> own = layers_[i]->tensors();
    if (std::any_of(own.begin(), own.end(), [](const TensorSpec& tensor) { return tensor.decays; })) break;
  }
  return size();
}

std::size_t Network::parameters() const {
  std::size_t n = 0;
  for (const NetworkTensor& tensor : tensors_) n += tensor.spec.learned ? tensor.spec.count() : 0;
  return n;
}

std::vector<float> Network::get(const NetworkTensor& tensor) const {
  const float* from = values_.data() + tensor.offset;
  std::vector<float> numbers(tensor.spec.count());
  if (tensor.spec.panels)
    unpack_panels(from, {tensor.spec.shape[0], tensor.spec.shape[1]}, numbers.data());
  else
    std::copy_n(from, numbers.size(), numbers.data());
  return numbers;
}

void Network::set(const NetworkTensor& tensor, std::span<const float> numbers) {
  if (numbers.size() != tensor.spec.count())
    throw input_error(fmt::format("Tensor '{}' has {} numbers where {} are needed.", tensor.name,
                                  numbers.size(), tensor.spec.count()));
  float* to = values_.data() + tensor.offset;
  if (tensor.spec.panels) {
    const Panels shape{tensor.spec.shape[0], tensor.spec.shape[1]};
    pack_panels(numbers.data(), shape.columns, shape, 0, shape.count(), to);
  } else {
    std::copy(numbers.begin(), numbers.end(), to);
  }
}

std::string Network::line() const {
  std::string text;
  for (const auto& layer : layers_) text += (text.empty() ? "" : ", ") + layer->line();
  return text;
}

}  // namespace halfwave
