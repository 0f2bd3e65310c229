#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/aligned.h"
#include "layers/layer.h"

namespace halfwave {

/// A tensor of a network, in the network's one block of numbers.
struct NetworkTensor {
  std::string name;  ///< "dense_1.weight"
  TensorSpec spec;
  std::size_t layer;   ///< which it belongs to
  std::size_t index;   ///< among the tensors of that layer
  std::size_t offset;  ///< floats into the block
};

/// Layers in a row and their numbers. Learned tensors stand first in the block, kept ones after them.
class Network {
 public:
  /// Binds the layers to an input of `inputs` numbers; throws Error (usage) naming the layer that does not
  /// fit.
  Network(std::vector<std::unique_ptr<Layer>> layers, std::size_t inputs);

  std::size_t size() const { return layers_.size(); }
  const Layer& layer(std::size_t i) const { return *layers_[i]; }
  /// "dense_1": the kind and its number among the layers of that kind.
  const std::string& layer_name(std::size_t i) const { return names_[i]; }
  std::size_t inputs() const { return inputs_; }
  std::size_t outputs() const;

  std::span<const NetworkTensor> tensors() const { return tensors_; }
  /// Index of the first tensor of a layer; its others follow.
  std::size_t first_tensor(std::size_t layer) const { return first_tensor_[layer]; }
  std::span<float> values() { return values_; }
  std::span<const float> values() const { return values_; }
  std::size_t learned_floats() const { return learned_floats_; }
  /// The first layer from `layer` on that changes its input; size() where there is none.
  std::size_t behind_identities(std::size_t layer) const;
  /// The activation behind a layer with weights, before the next such layer; size() where there is none.
  std::size_t activation_behind(std::size_t layer) const;
  /// Numbers that training learns.
  std::size_t parameters() const;

  /// A tensor as people and files see it: row-major, without padding.
  std::vector<float> get(const NetworkTensor& tensor) const;
  void set(const NetworkTensor& tensor, std::span<const float> numbers);

  /// The line that makes this network again: "dense 512, relu, dense 10".
  std::string line() const;

 private:
  std::vector<std::unique_ptr<Layer>> layers_;
  std::vector<std::string> names_;
  std::size_t inputs_;
  std::vector<NetworkTensor> tensors_;
  std::vector<std::size_t> first_tensor_;
  std::size_t learned_floats_ = 0;
  AlignedVector<float> values_;
};

/// A network from its line, e.g. "dense 512, relu, dropout 0.5, dense", or the name of a known one. The units
/// of the last dense layer may be left out: they are `outputs`. Throws Error (usage) with layer number, name
/// and near names.
Network parse_network(std::string_view line, std::size_t inputs, std::size_t outputs);

/// The line of an MLP: the hidden widths, each followed by the activation.
std::string mlp_line(std::span<const std::int64_t> hidden, std::string_view activation);

/// A network with a name.
struct NamedNetwork {
  std::string_view name, line, help;
};
std::span<const NamedNetwork> named_networks();

}  // namespace halfwave
