#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "graph/arena.h"
#include "graph/network.h"

namespace halfwave {

struct PlanOptions;

/// Which blocks of an arena the values between the layers are in, and their gradients, and how long each is
/// needed. The moments of a step are the forward passes of the layers, the loss, their backward passes.
class Layout {
 public:
  static constexpr std::size_t kNone = ~std::size_t{0};

  /// The gradient of a value that several layers take is a sum: block `from` is added to block `to` after the
  /// backward pass of the layer.
  struct Sum {
    std::size_t to, from;
    std::size_t floats;  ///< of one example
  };
  struct Backward {
    std::size_t dy = kNone;
    std::vector<std::size_t> dx;  ///< one an input, or kNone
    std::vector<Sum> sums;
  };

  /// For the first `layers` layers of a network.
  Layout(const Network& network, std::size_t layers, const PlanOptions& options);

  Arena& arena() { return arena_; }
  /// Block of a layer's output, or of the network's input.
  std::size_t value(std::size_t layer) const { return values_[layer + 1]; }
  /// The layer learns something or hands a gradient on, so that its backward pass runs.
  bool runs_backward(std::size_t layer) const { return runs_[layer]; }
  const Backward& backward(std::size_t layer) const { return backward_[layer]; }
  /// The layers, of those that there are, that take a value.
  std::span<const std::size_t> users_of(std::size_t value) const;

  /// The layer in whose forward pass this one's is done, on its rows as they come; often itself.
  std::size_t leader(std::size_t layer) const { return leaders_[layer]; }
  /// The layer sees its input in the forward pass of the one before it.
  bool observes(std::size_t layer) const { return observes_[layer]; }
  /// The layer does what the next one does as well, which does nothing more.
  bool folds(std::size_t layer) const { return layer + 1 < layers_ && folded_[layer + 1]; }
  bool folded(std::size_t layer) const { return folded_[layer]; }

  std::size_t at_input() const { return 0; }
  std::size_t at_forward(std::size_t layer) const { return leaders_[layer] + 1; }
  std::size_t at_loss() const { return layers_ + 1; }
  std::size_t at_backward(std::size_t layer) const { return 2 * layers_ + 1 - layer; }
  /// The last moment at which a layer is at work.
  std::size_t at_last(std::size_t layer) const { return training_ ? at_backward(layer) : at_forward(layer); }

 private:
  std::size_t floats(std::size_t value) const;
  void find_learners();
  void find_leaders();
  void place_values();
  std::size_t last_read(std::size_t value, std::size_t except) const;
  bool may_overwrite(std::size_t block, std::size_t layer) const;
  void place_gradients();
  void place_gradient(std::size_t layer, std::size_t slot);
  bool may_share(std::size_t value, std::size_t layer, std::size_t slot) const;
  std::size_t modified(std::size_t value, std::size_t after) const;
  bool read_later(std::size_t block, std::size_t layer) const;
  bool penalised(std::size_t layer) const { return penalised_ && network_.layer(layer).is_activation(); }
  bool held(std::size_t layer) const { return hold_activations_ && network_.layer(layer).is_activation(); }

  const Network& network_;
  std::size_t layers_, batch_;
  bool training_, penalised_, hold_activations_;
  Arena arena_;
  std::vector<bool> runs_, observes_, folded_;
  std::vector<std::size_t> leaders_;
  std::vector<std::size_t> values_;                ///< blocks, by layer + 1
  std::vector<std::size_t> gradients_;             ///< blocks, by layer
  std::vector<std::vector<std::size_t>> holders_;  ///< by block: the values, or gradients of values, in it
  std::vector<Backward> backward_;
};

}  // namespace halfwave
