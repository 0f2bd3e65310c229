#include "graph/network.h"

#include <fmt/format.h>
#include <halfwave/error.h>

#include <algorithm>
#include <map>

#include "graph/read_line.h"

namespace halfwave {

std::string NetworkLine::text() const {
  std::string text;
  for (const Item& item : items) {
    text.append(text.empty() ? "" : ", ").append(item.layer->line());
    if (!item.layer->joins()) continue;
    text += '(';
    const std::size_t written = item.branches.size() - (joins_its_input(item) ? 1 : 0);
    for (std::size_t b = 0; b < written; ++b) {
      const NetworkLine& branch = item.branches[b];
      text.append(b > 0 ? " | " : "").append(branch.items.empty() ? "input" : branch.text());
    }
    text += ')';
  }
  return text;
}

namespace {
bool makes_grid(const Layer& layer) { return layer.info().name == "unflatten"; }
}  // namespace

bool NetworkLine::needs_grid() const {
  for (const Item& item : items) {
    if (makes_grid(*item.layer)) return false;  // those behind it have theirs from it
    if (item.layer->needs_grid() || std::ranges::any_of(item.branches, &NetworkLine::needs_grid)) return true;
  }
  return false;
}

std::string layer_place(const std::string& before, std::size_t number) {
  return before.empty() ? fmt::format("Layer {}", number) : fmt::format("{}, layer {}", before, number);
}
std::string branch_place(const std::string& layer, std::size_t number) {
  return fmt::format("{}, branch {}", layer, number);
}

Network::Network(NetworkLine line, const Shape& input, const std::function<void(const Network& bound)>& check)
    : users_of_(1), input_(input), line_(line.text()) {
  if (line.items.empty()) throw usage_error("The network has no layers.");
  add(line, kInput, "");
  if (const Shape& end = layers_.back()->output(); end.positions() > 1)
    throw usage_error(fmt::format(
        "The network ends with {}, not with a row of numbers: put 'flatten' or a global pool behind '{}'.",
        describe(end), layers_.back()->line()));
  name_tensors();
  if (check) check(*this);
  allocate();
}

std::size_t Network::add(NetworkLine& line, std::size_t from, const std::string& before) {
  for (std::size_t i = 0; i < line.items.size(); ++i) {
    NetworkLine::Item& item = line.items[i];
    const std::string place = layer_place(before, i + 1);
    std::vector<std::size_t> inputs;
    for (std::size_t b = 0; b < item.branches.size(); ++b)
      inputs.push_back(add(item.branches[b], from, branch_place(place, b + 1)));
    if (!item.layer->joins()) inputs.push_back(from);

    std::vector<Shape> shapes;
    for (const std::size_t k : inputs) shapes.push_back(k == kInput ? input_ : layers_[k]->output());
    try {
      item.layer->bind(shapes);
    } catch (const Error& error) {
      throw Error(error.kind(), fmt::format("{} ('{}'): {}", place, item.layer->line(), error.what()));
    }
    from = layers_.size();
    for (const std::size_t k : inputs) users_of_[k + 1].push_back(from);
    users_of_.emplace_back();
    inputs_of_.push_back(std::move(inputs));
    layers_.push_back(std::move(item.layer));
  }
  return from;
}

void Network::name_tensors() {
  std::map<std::string_view, int> numbers;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const std::string_view kind = layers_[i]->info().name;
    names_.push_back(fmt::format("{}_{}", kind, ++numbers[kind]));
    first_tensor_.push_back(tensors_.size());
    std::size_t index = 0;
    for (TensorSpec& spec : layers_[i]->tensors())
      tensors_.push_back({names_.back() + "." + spec.name, std::move(spec), i, index++, 0});
  }
}

void Network::rename(std::vector<std::string> names) {
  names_ = std::move(names);
  for (NetworkTensor& tensor : tensors_) tensor.name = names_[tensor.layer] + "." + tensor.spec.name;
}

void Network::allocate() {
  std::size_t floats = 0;
  for (const bool learned : {true, false}) {
    for (NetworkTensor& tensor : tensors_) {
      if (tensor.spec.learned != learned) continue;
      tensor.offset = floats;
      floats += tensor.spec.floats();
    }
    if (learned) learned_floats_ = floats;
  }
  values_.assign(floats, 0.0f);
  for (const NetworkTensor& tensor : tensors_)
    if (tensor.spec.start != 0.0f) set(tensor, std::vector<float>(tensor.spec.count(), tensor.spec.start));
}

std::span<const std::size_t> Network::users_of(std::size_t layer) const { return users_of_[layer + 1]; }

std::size_t Network::only_user_of(std::size_t layer) const {
  const std::span<const std::size_t> users = users_of(layer);
  return users.size() == 1 ? users[0] : size();
}

std::size_t Network::outputs() const { return layers_.back()->output().numbers(); }

std::size_t Network::multiply_adds() const {
  std::size_t sum = 0;
  for (const auto& layer : layers_) sum += layer->multiply_adds();
  return sum;
}

std::size_t Network::behind_identities(std::size_t layer) const {
  while (layer < size() && layers_[layer]->identity()) layer = only_user_of(layer);
  return layer;
}

std::size_t Network::activation_behind(std::size_t layer) const {
  for (std::size_t i = only_user_of(layer); i < size(); i = only_user_of(i)) {
    if (layers_[i]->is_activation()) return i;
    if (std::ranges::any_of(layers_[i]->tensors(), &TensorSpec::decays)) break;
  }
  return size();
}

std::size_t Network::parameters() const {
  std::size_t n = 0;
  for (const NetworkTensor& tensor : tensors_) n += tensor.spec.learned ? tensor.spec.count() : 0;
  return n;
}

std::vector<float> Network::get(const NetworkTensor& tensor) const {
  return tensor.spec.load(values_.data() + tensor.offset);
}

void Network::set(const NetworkTensor& tensor, std::span<const float> numbers) {
  if (numbers.size() != tensor.spec.count())
    throw input_error(fmt::format("Tensor '{}' has {} numbers where {} are needed.", tensor.name,
                                  numbers.size(), tensor.spec.count()));
  tensor.spec.store(numbers, values_.data() + tensor.offset);
}

std::string Network::line() const { return line_; }

}  // namespace halfwave
