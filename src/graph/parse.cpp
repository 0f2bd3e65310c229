#include <fmt/format.h>
#include <halfwave/error.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "core/suggest.h"
#include "graph/network.h"
#include "layers/registry.h"

namespace halfwave {
namespace {

constexpr NamedNetwork kNamed[] = {
    {"logistic", "dense", "no hidden layer: (multinomial) logistic or linear regression"},
    {"mlp", "dense 512, relu, dense 512, relu, dense", "two hidden layers of 512 rectifiers"},
};

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = text.find_first_of(separators);
    if (end != 0) parts.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return parts;
}

/// One layer's words, with the place for error messages.
struct LayerWords {
  std::size_t number;
  std::string_view text;
  bool alone;  ///< the line has no other layer, so it may be meant as a network's name
  Error wrong(const std::string& what) const {
    return usage_error(fmt::format("Layer {} ('{}'): {}", number, text, what));
  }
};

const LayerInfo& kind_of(const LayerWords& words, std::string_view name) {
  if (const LayerInfo* info = find_layer_kind(name)) return *info;
  std::vector<std::string> names;
  for (const LayerInfo& kind : layer_kinds()) names.emplace_back(kind.name);
  for (const NamedNetwork& named : kNamed)
    if (words.alone) names.emplace_back(named.name);
  throw words.wrong(
      fmt::format("there is no layer '{}'.{} See 'halfwave list layers'.", name, did_you_mean(name, names)));
}

double number(const LayerWords& words, const LayerField& field, std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    throw words.wrong(fmt::format("'{}' is not a number for {}.", text, field.name));
  if (!(value >= field.low && value <= field.high))
    throw words.wrong(
        fmt::format("{} must be from {} to {}, not {}.", field.name, field.low, field.high, text));
  if (field.inferred && value != std::floor(value))
    throw words.wrong(fmt::format("{} must be a whole number, not {}.", field.name, text));
  return value;
}

std::vector<double> fields_of(const LayerWords& words, const LayerInfo& info,
                              std::span<const std::string_view> tokens) {
  std::vector<double> values;
  for (const LayerField& field : info.fields) values.push_back(field.value);
  std::vector<bool> given(values.size());
  std::size_t positional = 0;
  for (const std::string_view token : tokens) {
    const std::size_t equals = token.find('=');
    std::size_t at = positional;
    if (equals != std::string_view::npos) {
      const std::string_view name = token.substr(0, equals);
      std::vector<std::string> names;
      for (const LayerField& field : info.fields) names.emplace_back(field.name);
      at = static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
      if (at == names.size())
        throw words.wrong(fmt::format("{} has no field '{}'.{}", info.name, name, did_you_mean(name, names)));
    } else if (positional++ >= info.fields.size()) {
      throw words.wrong(
          fmt::format("'{}' is one word too many: {} takes {}.", token, info.name,
                      info.fields.empty() ? "no numbers" : fmt::format("{} at most", info.fields.size())));
    }
    if (given[at]) throw words.wrong(fmt::format("{} is given twice.", info.fields[at].name));
    given[at] = true;
    values[at] =
        number(words, info.fields[at], equals == std::string_view::npos ? token : token.substr(equals + 1));
  }
  return values;
}

/// Where a field must be inferred and was left out.
bool left_open(const LayerInfo& info, const std::vector<double>& values) {
  return !info.fields.empty() && info.fields[0].inferred && values[0] < info.fields[0].low;
}

}  // namespace

std::span<const NamedNetwork> named_networks() { return kNamed; }

std::string mlp_line(std::span<const std::int64_t> hidden, std::string_view activation) {
  std::string line;
  for (const std::int64_t units : hidden) line += fmt::format("dense {}, {}, ", units, activation);
  return line + "dense";
}

Network parse_network(std::string_view line, std::size_t inputs, std::size_t outputs) {
  if (const auto words = split(line, " \t\n"); words.size() == 1)
    for (const NamedNetwork& named : kNamed)
      if (named.name == words[0]) line = named.line;

  struct Parsed {
    const LayerInfo* info;
    std::vector<double> fields;
    LayerWords words;
  };
  std::vector<Parsed> parsed;
  const std::vector<std::string_view> parts = split(line, ",\n;");
  for (const std::string_view part : parts) {
    const std::vector<std::string_view> tokens = split(part, " \t");
    if (tokens.empty()) continue;
    const LayerWords words{parsed.size() + 1, part.substr(part.find_first_not_of(" \t")), parts.size() == 1};
    const LayerInfo& info = kind_of(words, tokens[0]);
    parsed.push_back({&info, fields_of(words, info, std::span(tokens).subspan(1)), words});
  }

  std::vector<std::unique_ptr<Layer>> layers;
  for (std::size_t i = 0; i < parsed.size(); ++i) {
    Parsed& layer = parsed[i];
    if (left_open(*layer.info, layer.fields)) {
      const bool last = std::none_of(parsed.begin() + static_cast<std::ptrdiff_t>(i) + 1, parsed.end(),
                                     [&](const Parsed& later) { return later.info == layer.info; });
      if (!last)
        throw layer.words.wrong(fmt::format(
            "{} needs its number of {}, e.g. '{} 256'; only the last one's follows from the data.",
            layer.info->name, layer.info->fields[0].name, layer.info->name));
      layer.fields[0] = static_cast<double>(outputs);
    }
    layers.push_back(layer.info->make(*layer.info, layer.fields));
  }
  Network network(std::move(layers), inputs);
  if (network.outputs() != outputs)
    throw usage_error(
        fmt::format("The network ends with {} outputs (layer {}, '{}'), but the data need {}. Leave out the "
                    "last layer's number of units and it follows from the data.",
                    network.outputs(), network.size(), network.layer(network.size() - 1).line(), outputs));
  return network;
}

}  // namespace halfwave
