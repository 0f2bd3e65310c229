#include "graph/layout.h"

#include <fmt/format.h>
#include <halfwave/error.h>

#include <algorithm>

#include "graph/plan.h"
#include "graph/read_line.h"

namespace halfwave {

Layout::Layout(const Network& network, std::size_t layers, const PlanOptions& options)
    : network_(network),
      layers_(layers),
      batch_(options.batch),
      training_(options.training),
      penalised_(options.activity_l1 > 0.0f),
      hold_activations_(options.hold_activations),
      runs_(layers, false),
      observes_(layers, false),
      folded_(layers, false),
      values_(layers + 1, kNone),
      gradients_(layers, kNone),
      backward_(layers) {
  if (training_) find_learners();
  find_leaders();
  place_values();
  if (training_) place_gradients();
}

std::span<const std::size_t> Layout::users_of(std::size_t value) const {
  const std::span<const std::size_t> users = network_.users_of(value);
  return users.first(static_cast<std::size_t>(std::ranges::lower_bound(users, layers_) - users.begin()));
}

std::size_t Layout::floats(std::size_t value) const {
  const Shape& shape = value == Network::kInput ? network_.input() : network_.layer(value).output();
  return shape.positions() * row_stride(shape.channels);
}

void Layout::find_learners() {
  for (std::size_t i = 0; i < layers_; ++i) {
    const std::vector<TensorSpec> tensors = network_.layer(i).tensors();
    runs_[i] = std::ranges::any_of(tensors, &TensorSpec::learned) ||
               std::ranges::any_of(network_.inputs_of(i), [&](std::size_t input) {
                 return input != Network::kInput && runs_[input];
               });
    if (runs_[i] && !network_.layer(i).has_backward())
      throw usage_error(
          fmt::format("Layer '{}' hands no gradient back, so nothing before it can be trained: it runs "
                      "operators of a model "
                      "file that have no layer.",
                      network_.layer_name(i)));
  }
}

/// Chains of layers that work row by row, each the only one that takes the output of the one before, and the
/// next in order, so that its other inputs are there already.
void Layout::find_leaders() {
  for (std::size_t i = 0; i < layers_; ++i) {
    const Layer& layer = network_.layer(i);
    leaders_.push_back(i);
    if (i == 0 || network_.only_user_of(i - 1) != i) continue;
    const Layer& before = network_.layer(i - 1);
    const Layer& leader = network_.layer(leaders_[i - 1]);
    folded_[i] = !training_ && layer.is_affine() && before.fold_floats() > 0;
    const bool rows = leader.tells_rows();
    if (folded_[i] || (rows && layer.follows_rows(training_)))
      leaders_[i] = leaders_[i - 1];
    else
      observes_[i] = rows && layer.observes_rows(training_);
  }
}

/// The last moment at which somebody reads a value, but for the forward pass of layer `except`, and of those
/// before it that do theirs on the same rows: they are done with them.
std::size_t Layout::last_read(std::size_t value, std::size_t except) const {
  std::size_t last = value == layers_ - 1 ? at_last(0) : 0;  // the output holds after the step
  for (const std::size_t user : users_of(value)) {
    const bool same_rows =
        except != kNone && leader(user) == leader(except) && user != leader(user) && user < except;
    if (user != except && !same_rows) last = std::max(last, at_forward(user));
    if (runs_[user] && network_.layer(user).keeps_input()) last = std::max(last, at_backward(user));
  }
  if (value != Network::kInput && runs_[value] && (network_.layer(value).keeps_output() || penalised(value)))
    last = std::max(last, at_backward(value));
  if (value != Network::kInput && held(value)) last = std::max(last, at_loss());
  return last;
}

/// Nobody else reads what is in the block when the layer writes its output or later.
bool Layout::may_overwrite(std::size_t block, std::size_t layer) const {
  const auto others = network_.inputs_of(layer).subspan(1);
  return std::ranges::none_of(others, [&](std::size_t other) { return value(other) == block; }) &&
         std::ranges::all_of(holders_[block],
                             [&](std::size_t value) { return last_read(value, layer) < at_forward(layer); });
}

void Layout::place_values() {
  const auto place = [&](std::size_t value, std::size_t first) {
    holders_.push_back({});
    return arena_.add(batch_ * floats(value), first, first);
  };
  values_[0] = place(Network::kInput, at_input());
  holders_[values_[0]].push_back(Network::kInput);
  for (std::size_t i = 0; i < layers_; ++i) {
    const Layer& layer = network_.layer(i);
    const std::size_t x = value(network_.inputs_of(i)[0]);
    const bool in_place = layer.in_place() || adds_branches(layer);
    // The identity writes nothing, so it does not matter who else reads its input.
    const bool over_input = folded_[i] || (in_place && (layer.identity() || may_overwrite(x, i)));
    values_[i + 1] = over_input ? x : place(i, at_forward(i));
    holders_[values_[i + 1]].push_back(i);
  }
  for (std::size_t value = 0; value <= layers_; ++value)
    arena_.extend(values_[value], last_read(value - 1, kNone));
}

void Layout::place_gradients() {
  const std::size_t end = layers_ - 1;
  gradients_[end] = arena_.add(batch_ * floats(end), at_loss(), at_backward(end));
  holders_.resize(gradients_[end] + 1);
  holders_[gradients_[end]].push_back(end);
  for (std::size_t i = layers_; i-- > 0;) {
    backward_[i].dy = gradients_[i];
    if (!runs_[i]) continue;
    for (std::size_t slot = 0; slot < network_.inputs_of(i).size(); ++slot) place_gradient(i, slot);
  }
}

/// What a layer hands back to one of its inputs. The first one to do so, in the order of the backward passes,
/// makes the gradient of the value; what others make is added.
void Layout::place_gradient(std::size_t i, std::size_t slot) {
  const Layer& layer = network_.layer(i);
  const std::size_t value = network_.inputs_of(i)[slot], dy = gradients_[i], now = at_backward(i);
  const auto add = [&](std::size_t floats, std::size_t last) {
    const std::size_t block = arena_.add(batch_ * floats, now, last);
    holders_.resize(block + 1);
    return block;
  };
  std::size_t& dx = backward_[i].dx.emplace_back(kNone);
  const bool needed = read_later(dy, i);
  if (value == Network::kInput || !runs_[value]) {
    // A layer that works in place may do so for want of a dx.
    if (layer.in_place() && needed) dx = add(floats(value), now);
    return;
  }
  std::size_t& gradient = gradients_[value];
  const bool first = gradient == kNone, sum = adds_branches(layer),
             same = sum || (layer.identity() && layer.in_place());
  const bool shares = !same   ? layer.in_place() && !needed
                      : first ? may_share(value, i, slot)
                              : gradient != dy;
  const std::size_t made = shares ? dy : add(floats(value), first ? at_backward(value) : now);
  dx = sum && shares ? kNone : made;
  if (first) {
    gradient = made;
    arena_.extend(made, at_backward(value));
    holders_[made].push_back(value);
    return;
  }
  backward_[i].sums.push_back({gradient, made, floats(value)});
}

/// Some other layer will still read the gradient in this block after layer i has.
bool Layout::read_later(std::size_t block, std::size_t i) const {
  return std::ranges::any_of(holders_[block],
                             [&](std::size_t other) { return at_backward(other) > at_backward(i); });
}

/// The first moment after `after` at which something is added to the gradient of a value.
std::size_t Layout::modified(std::size_t value, std::size_t after) const {
  std::size_t first = penalised(value) ? at_backward(value) : kNone;
  for (const std::size_t user : users_of(value))
    if (at_backward(user) > after) first = std::min(first, at_backward(user));
  return first;
}

/// dy of layer i may itself be the gradient of its input `value`, without a copy: nothing is added to it
/// while another still reads it.
bool Layout::may_share(std::size_t value, std::size_t i, std::size_t slot) const {
  const std::size_t dy = gradients_[i], now = at_backward(i);
  const auto holds_dy = [&](std::size_t other) {
    return other == value || std::ranges::find(holders_[dy], other) != holders_[dy].end();
  };
  if (std::ranges::any_of(network_.inputs_of(i).subspan(slot + 1), holds_dy) ||
      std::ranges::any_of(backward_[i].sums, [&](const Sum& sum) { return sum.to == dy; }))
    return false;
  return std::ranges::all_of(holders_[dy], [&](std::size_t other) {
    return at_backward(other) <= now ||
           (modified(value, now) >= at_backward(other) && modified(other, now) >= at_backward(value));
  });
}

}  // namespace halfwave
