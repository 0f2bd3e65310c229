#pragma once
#include <cstddef>
#include <functional>
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

/// A network's line, read: layers in a row. One that joins has branches, each a line that begins with the
/// joining layer's place in the row: with the output of what stands before it. An empty branch ("input") is
/// that output itself.
struct NetworkLine {
  struct Item {
    std::unique_ptr<Layer> layer;
    std::vector<NetworkLine> branches;
  };
  std::vector<Item> items;

  /// "dense 512, relu, residual(dense 512, relu), dense 10".
  std::string text() const;
  /// Some layer works on a grid that no layer before it makes of a row.
  bool needs_grid() const;
};

/// Layers and their numbers. Every layer takes the output of one before it (or the network's input), a
/// joining layer several of them. Learned tensors stand first in the block, kept ones after them.
class Network {
 public:
  /// Index of the network's input, among the inputs of a layer.
  static constexpr std::size_t kInput = ~std::size_t{0};

  /// Binds the layers to an example's shape; throws Error (usage) naming the layer that does not fit.
  /// Numbers are allocated only after `check`, where given, has seen the bound network, names and tensors.
  Network(NetworkLine line, const Shape& input,
          const std::function<void(const Network& bound)>& check = nullptr);

  std::size_t size() const { return layers_.size(); }
  /// In an order in which every layer comes after those it takes.
  const Layer& layer(std::size_t i) const { return *layers_[i]; }
  /// "dense_1": the kind and its number among the layers of that kind.
  const std::string& layer_name(std::size_t i) const { return names_[i]; }
  /// Names the layers otherwise, and their tensors with them; one name a layer, no two alike.
  void rename(std::vector<std::string> names);
  /// What a layer takes: one layer or kInput, several where it joins.
  std::span<const std::size_t> inputs_of(std::size_t layer) const { return inputs_of_[layer]; }
  /// The layers that take a layer's output; users_of(kInput): those that take the network's input.
  std::span<const std::size_t> users_of(std::size_t layer) const;
  /// The only layer that takes a layer's output, or size() where there is none or there are several.
  std::size_t only_user_of(std::size_t layer) const;
  const Shape& input() const { return input_; }
  /// Numbers of an example, and of the result.
  std::size_t inputs() const { return input_.numbers(); }
  std::size_t outputs() const;
  /// Multiply-adds of a forward pass for one example.
  std::size_t multiply_adds() const;

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
  /// Binds the layers of a line that begins with the output of layer `from`; returns the last one's index.
  std::size_t add(NetworkLine& line, std::size_t from, const std::string& before);
  void name_tensors();
  void allocate();

  std::vector<std::unique_ptr<Layer>> layers_;
  std::vector<std::string> names_;
  std::vector<std::vector<std::size_t>> inputs_of_;
  std::vector<std::vector<std::size_t>> users_of_;  ///< by layer + 1: first those of the input
  Shape input_;
  std::string line_;
  std::vector<NetworkTensor> tensors_;
  std::vector<std::size_t> first_tensor_;
  std::size_t learned_floats_ = 0;
  AlignedVector<float> values_;
};

/// Where a layer stands, for messages: "Layer 3", or "Layer 3, branch 2, layer 1". `before` is "" or the
/// place of the branch; layers are counted from 1 along their line, with repeats written out.
std::string layer_place(const std::string& before, std::size_t number);
std::string branch_place(const std::string& layer, std::size_t number);

/// What a network is made for: the shape that its line takes examples of the data's shape as. {C, H, W} is an
/// image of C channels, {H, W} one of 1, {L} a signal; where no layer works on a grid everything is a row.
/// Throws Error (usage) where examples of this shape are no images.
Shape input_shape(const NetworkLine& line, std::span<const std::int64_t> example_shape);

/// A network from its line, e.g. "dense 512, relu, dropout 0.5, dense", or the name of a known one. Where the
/// units (or filters) of the last layer that has them are left out they are `outputs`. The word `activation`
/// stands for `activation`. Throws Error (usage) with layer number, name and near names.
Network parse_network(std::string_view line, std::span<const std::int64_t> example_shape, std::size_t outputs,
                      std::string_view activation = "relu");
/// The same for examples that are rows of numbers (or signals).
Network parse_network(std::string_view line, std::size_t inputs, std::size_t outputs,
                      std::string_view activation = "relu");

/// The line of an MLP: the hidden widths, each followed by the activation.
std::string mlp_line(std::span<const std::int64_t> hidden, std::string_view activation);

/// A network with a name.
struct NamedNetwork {
  std::string_view name, line, help;
};
std::span<const NamedNetwork> named_networks();

}  // namespace halfwave
