#include <fmt/format.h>
#include <halfwave/error.h>

#include <algorithm>

#include "graph/network.h"
#include "graph/read_layer.h"
#include "graph/read_line.h"

namespace halfwave {
namespace {

/// Calls visit(item, place) for every layer, those of the branches before the layer that joins them.
template <class Visit>
void for_items(NetworkLine& line, const std::string& before, Visit&& visit) {
  for (std::size_t i = 0; i < line.items.size(); ++i) {
    NetworkLine::Item& item = line.items[i];
    const std::string place = layer_place(before, i + 1);
    for (std::size_t b = 0; b < item.branches.size(); ++b)
      for_items(item.branches[b], branch_place(place, b + 1), visit);
    visit(item, place);
  }
}

/// Makes the number that was left out `outputs`; only the last layer that has such a number may do so.
void infer(NetworkLine& line, std::size_t outputs) {
  NetworkLine::Item* last = nullptr;
  for_items(line, "", [&](NetworkLine::Item& item, const std::string&) {
    if (std::ranges::any_of(item.layer->info().fields, &LayerField::inferred)) last = &item;
  });
  for_items(line, "", [&](NetworkLine::Item& item, const std::string& place) {
    const LayerInfo& info = item.layer->info();
    const LayerField* const open = open_field(*item.layer);
    if (!open) return;
    if (&item != last)
      throw LayerWords{place, item.layer->line()}.wrong(
          fmt::format("{} needs its number of {}, e.g. '{} 256'; only the last one's follows from the data.",
                      info.name, open->name, info.name));
    std::vector<double> fields(item.layer->fields().begin(), item.layer->fields().end());
    fields[static_cast<std::size_t>(open - info.fields.data())] = static_cast<double>(outputs);
    item.layer = info.make(info, std::move(fields));
  });
}

}  // namespace

Shape input_shape(const NetworkLine& line, std::span<const std::int64_t> example_shape) {
  std::vector<std::size_t> axes;
  std::size_t numbers = 1;
  for (const std::int64_t axis : example_shape) {
    axes.push_back(static_cast<std::size_t>(axis));
    numbers *= axes.back();
  }
  if (!line.needs_grid()) return Shape::row(numbers);
  switch (axes.size()) {
    case 1:
      return {.rank = 1, .height = 1, .width = axes[0], .channels = 1};
    case 2:
      return {.rank = 2, .height = axes[0], .width = axes[1], .channels = 1};
    case 3:
      return {.rank = 2, .height = axes[1], .width = axes[2], .channels = axes[0]};
    default:
      throw usage_error(fmt::format(
          "The network works on images or signals, but an example of the data has {} axes, not 1 to 3.",
          axes.size()));
  }
}

Network parse_network(std::string_view text, std::span<const std::int64_t> example_shape, std::size_t outputs,
                      std::string_view activation) {
  for (const NamedNetwork& named : named_networks())
    if (named.name == trimmed(text)) text = named.line;
  NetworkLine line = read_network_line(text, activation);
  infer(line, outputs);
  const Shape input = input_shape(line, example_shape);
  Network network(std::move(line), input);
  if (network.outputs() != outputs)
    throw usage_error(
        fmt::format("The network ends with {} outputs (layer {}, '{}'), but the data need {}. Leave out the "
                    "last layer's number of units and it follows from the data.",
                    network.outputs(), network.size(), network.layer(network.size() - 1).line(), outputs));
  return network;
}

Network parse_network(std::string_view line, std::size_t inputs, std::size_t outputs,
                      std::string_view activation) {
  const auto shape = static_cast<std::int64_t>(inputs);
  return parse_network(line, std::span(&shape, 1), outputs, activation);
}

}  // namespace halfwave
