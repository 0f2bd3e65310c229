#include "analysis/network_edit.h"

#include <algorithm>

#include "graph/read_layer.h"
#include "graph/read_line.h"

namespace halfwave {
namespace {

/// In the order in which a network has its layers: those of the branches before the layer that joins them.
void list_layers(const NetworkLine& line, std::vector<const Layer*>& to) {
  for (const NetworkLine::Item& item : line.items) {
    for (const NetworkLine& branch : item.branches) list_layers(branch, to);
    to.push_back(item.layer.get());
  }
}

std::unique_ptr<Layer> layer_of(std::string_view words) { return read_layer({"The new layer", words}); }

}  // namespace

NetworkEdit::NetworkEdit(const Network& network) : from_(network), line_(read_network_line(network.line())) {
  list_layers(line_, layers_);
}

NetworkEdit::Place NetworkEdit::find(NetworkLine& line, const Layer* layer) const {
  for (std::size_t i = 0; i < line.items.size(); ++i) {
    if (line.items[i].layer.get() == layer) return {&line, i};
    for (NetworkLine& branch : line.items[i].branches)
      if (const Place place = find(branch, layer); place.line) return place;
  }
  return {nullptr, 0};
}

void NetworkEdit::replace(std::size_t layer, std::string_view with) {
  const Place place = place_of(layer);
  place.line->items[place.item].layer = layer_of(with);
  layers_[layer] = nullptr;
}

void NetworkEdit::insert_before(std::size_t layer, std::string_view what) {
  const Place place = place_of(layer);
  auto& items = place.line->items;
  items.insert(items.begin() + static_cast<std::ptrdiff_t>(place.item),
               NetworkLine::Item{layer_of(what), {}});
}

void NetworkEdit::remove(std::size_t layer) {
  const Place place = place_of(layer);
  auto& items = place.line->items;
  items.erase(items.begin() + static_cast<std::ptrdiff_t>(place.item));
  layers_[layer] = nullptr;
}

NetworkEdit::Edited NetworkEdit::build() && {
  Edited edited{Network(std::move(line_), from_.input()), {}};
  Network& network = edited.network;
  for (std::size_t i = 0; i < network.size(); ++i) {
    const auto was = std::ranges::find(layers_, &network.layer(i));
    edited.was.push_back(was == layers_.end() ? Edited::kNew
                                              : static_cast<std::size_t>(was - layers_.begin()));
  }
  for (const NetworkTensor& tensor : network.tensors()) {
    std::size_t& was = edited.was[tensor.layer];
    if (was == Edited::kNew) continue;
    const NetworkTensor& before = from_.tensors()[from_.first_tensor(was) + tensor.index];
    if (before.spec.shape == tensor.spec.shape)
      network.set(tensor, from_.get(before));
    else
      was = Edited::kNew;
  }
  return edited;
}

std::shared_ptr<ModelParts> with_network(const ModelParts& model, Network network) {
  return std::make_shared<ModelParts>(
      ModelParts{std::move(network), model.schema, model.preprocessing, model.facts, {}, {}, nullptr});
}

}  // namespace halfwave
