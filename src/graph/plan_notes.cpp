#include <algorithm>

#include "graph/plan.h"
#include "graph/read_line.h"

namespace halfwave {

std::size_t layer_taking_rest(const Network& network) {
  const std::size_t first = network.behind_identities(network.only_user_of(Network::kInput));
  const bool takes = first < network.size() && network.input().rank == 0 && network.layer(first).takes_rest();
  return takes ? first : network.size();
}

/// The layer gains by notes of its input's zeros: smaller products lose more by them.
bool Plan::gains(std::size_t i) const {
  const Layer& layer = network_.layer(i);
  if (!layer.skips_zeros()) return false;
  const std::size_t work = options_.batch * layer.multiply_adds();
  const bool few = !options_.training && options_.batch <= kFewExamples;
  const bool enough =
      few ? work >= std::size_t{1} << 13 : work >= std::size_t{1} << 18 && layer.outputs() >= 32;
  return options_.skipping == Skipping::always || (options_.skipping == Skipping::automatic && enough);
}

/// The gradient by a value comes through an activation that makes zeros, with nothing added to it.
bool Plan::zeros_in_gradient(std::size_t value) const {
  for (std::size_t i = network_.only_user_of(value); i < layers_; i = network_.only_user_of(i)) {
    const Layer& layer = network_.layer(i);
    if (!layer.identity() && !adds_branches(layer)) return layer.zeros_gradient(options_.training);
  }
  return false;
}

void Plan::plan_notes_of(std::size_t value, bool many, Layout& layout) {
  Notes& notes = notes_[value + 1];
  const std::span<const std::size_t> users = layout.users_of(value);
  notes.lists = many && std::ranges::any_of(users, [&](std::size_t user) { return gains(user); });
  notes.wanted = notes.lists || (value != Network::kInput && !nonzeros_[value].empty());
  if (!notes.wanted) return;
  const std::size_t made = value == Network::kInput ? layout.at_input() : layout.at_forward(value);
  std::size_t last = made;
  if (notes.lists)
    for (const std::size_t user : users) {
      if (!network_.layer(user).skips_zeros()) continue;
      notes.users.push_back(user);
      last = std::max(last, layout.at_last(user));
    }
  const Shape& shape = value == Network::kInput ? network_.input() : network_.layer(value).output();
  notes.block = layout.arena().add(
      Nonzeros::floats(options_.batch * shape.positions(), shape.channels, notes.lists), made, last);
}

void Plan::plan_notes(Layout& layout) {
  if (const std::size_t first = layer_taking_rest(network_); first < layers_)
    memory_[first].rest = options_.rest;
  std::vector<Zeros> known(layers_ + 1);
  known[0].many = true;  // the input's own zeros
  plan_notes_of(Network::kInput, true, layout);
  for (std::size_t i = 0; i < layers_; ++i) {
    const Layer& layer = network_.layer(i);
    Zeros input{.many = false, .flat = true};
    for (const std::size_t value : network_.inputs_of(i)) {
      input.many = input.many || known[value + 1].many;
      input.flat = input.flat && known[value + 1].flat;
    }
    memory_[i].x_flat = input.flat;
    memory_[i].dy_zeros = gains(i) && zeros_in_gradient(i);
    known[i + 1] = layer.zeros(input, options_.training);
    if (options_.count_zeros && layer.zero_below()) nonzeros_[i].assign(layer.outputs(), 0);
    plan_notes_of(i, known[i + 1].many, layout);
  }
}

}  // namespace halfwave
