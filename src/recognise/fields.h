#pragma once
#include <string_view>
#include <vector>

#include "layers/layer.h"
#include "layers/registry.h"

namespace halfwave {

/// The fields of a layer to be, by name.
class Fields {
 public:
  explicit Fields(std::string_view kind) : kind_(*find_layer_kind(kind)) {
    for (const LayerField& field : kind_.fields) values_.push_back(field.value);
  }

  Fields& set(std::string_view name, double value) {
    values_[index(name)] = value;
    return *this;
  }
  template <class Integer>
  Fields& set(std::string_view name, Integer value) {
    return set(name, static_cast<double>(value));
  }
  /// Both numbers of a pair, {height, width}; or the one of a signal.
  template <class Integers>
  Fields& set_pair(std::string_view name, const Integers& numbers) {
    const std::size_t i = index(name);
    values_[i] = static_cast<double>(numbers[0]);
    if (numbers.size() > 1 && numbers[1] != numbers[0]) values_[i + 1] = static_cast<double>(numbers[1]);
    return *this;
  }

  operator std::vector<double>() const { return values_; }  // NOLINT(google-explicit-constructor)

 private:
  std::size_t index(std::string_view name) const {
    std::size_t i = 0;
    while (kind_.fields[i].name != name) ++i;
    return i;
  }

  const LayerInfo& kind_;
  std::vector<double> values_;
};

}  // namespace halfwave
