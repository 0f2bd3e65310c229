#include "graph/read_layer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/suggest.h"
#include "graph/network.h"
#include "layers/registry.h"

namespace halfwave {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = text.find_first_of(kBlanks);
    if (end != 0) parts.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return parts;
}

const LayerInfo& kind_of(const LayerWords& words, std::string_view name) {
  if (const LayerInfo* info = find_layer_kind(name)) return *info;
  std::vector<std::string> names;
  for (const LayerInfo& kind : layer_kinds()) names.emplace_back(kind.name);
  if (words.alone)
    for (const NamedNetwork& named : named_networks()) names.emplace_back(named.name);
  throw words.wrong(
      fmt::format("there is no layer '{}'.{} See 'halfwave list layers'.", name, did_you_mean(name, names)));
}

double read_number(const LayerWords& words, const LayerField& field, std::string_view text) {
  if (!field.lowest.empty() && text == field.lowest) return field.low;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    throw words.wrong(fmt::format("'{}' is not a number for {}{}.", text, field.name,
                                  field.lowest.empty() ? "" : fmt::format(" (nor '{}')", field.lowest)));
  if (!(value >= field.low && value <= field.high))
    throw words.wrong(
        fmt::format("{} must be from {} to {}, not {}.", field.name, field.low, field.high, text));
  if ((field.whole || field.inferred || field.pair) && value != std::floor(value))
    throw words.wrong(fmt::format("{} must be a whole number, not {}.", field.name, text));
  return value;
}

/// The fields of a kind, filled word by word.
class FieldReader {
 public:
  FieldReader(const LayerWords& words, const LayerInfo& info)
      : words_(words), info_(info), given_(info.fields.size()) {
    for (const LayerField& field : info.fields) {
      values_.push_back(field.value);
      if (!field.second) places_.push_back(values_.size() - 1);
    }
  }

  void read(std::string_view word) {
    const std::size_t equals = word.find('=');
    const bool named = equals != std::string_view::npos;
    const std::size_t at = named ? find(word.substr(0, equals)) : next(word);
    if (given_[at]) throw words_.wrong(fmt::format("{} is given twice.", info_.fields[at].name));
    given_[at] = true;
    set(at, named ? word.substr(equals + 1) : word);
  }

  std::vector<double> values() && { return std::move(values_); }

 private:
  std::size_t find(std::string_view name) const {
    std::vector<std::string> names;
    for (const std::size_t at : places_) {
      if (info_.fields[at].name == name) return at;
      names.emplace_back(info_.fields[at].name);
    }
    throw words_.wrong(fmt::format("{} has no field '{}'.{}", info_.name, name, did_you_mean(name, names)));
  }

  std::size_t next(std::string_view word) {
    if (positional_ < places_.size()) return places_[positional_++];
    throw words_.wrong(
        fmt::format("'{}' is one word too many: {} takes {}.", word, info_.name,
                    places_.empty() ? "no numbers" : fmt::format("{} at most", places_.size())));
  }

  void set(std::size_t at, std::string_view text) {
    const LayerField& field = info_.fields[at];
    const std::size_t cross = field.pair ? text.find('x') : std::string_view::npos;
    values_[at] = read_number(words_, field, text.substr(0, cross));
    if (cross == std::string_view::npos) return;
    values_[at + 1] = read_number(words_, field, text.substr(cross + 1));
    if (values_[at + 1] == info_.fields[at + 1].value &&
        values_[at + 1] != values_[at])  // as if it were not given
      throw words_.wrong(fmt::format("{0} cannot be {1} in the second direction alone.", field.name,
                                     text.substr(cross + 1)));
  }

  const LayerWords& words_;
  const LayerInfo& info_;
  std::vector<double> values_;
  std::vector<bool> given_;
  std::vector<std::size_t> places_;  ///< fields by their place in a line
  std::size_t positional_ = 0;
};

}  // namespace

Error LayerWords::wrong(const std::string& what) const {
  return usage_error(fmt::format("{} ('{}'): {}", place, text, what));
}

std::unique_ptr<Layer> read_layer(const LayerWords& words) {
  const std::vector<std::string_view> parts = split(words.text);
  const LayerInfo& info = kind_of(words, parts.empty() ? std::string_view() : parts[0]);
  FieldReader fields(words, info);
  for (const std::string_view part : std::span(parts).subspan(1)) fields.read(part);
  return info.make(info, std::move(fields).values());
}

std::string_view trimmed(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

const LayerField* open_field(const Layer& layer) {
  for (std::size_t i = 0; i < layer.fields().size(); ++i)
    if (const LayerField& field = layer.info().fields[i]; field.inferred && layer.field(i) < field.low)
      return &field;
  return nullptr;
}

}  // namespace halfwave
