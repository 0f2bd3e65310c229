#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "graph/network.h"

namespace halfwave {

/// What each unit of a dense layer, or filter of a convolution, multiplies its inputs by, and its bias; what
/// a batch norm behind it does to them is in the numbers already.
struct UnitVectors {
  std::size_t units = 0, inputs = 0;  ///< numbers of a unit, without the bias
  std::vector<float> values;          ///< [units, inputs + 1], the bias last

  std::span<const float> unit(std::size_t u) const {
    return std::span(values).subspan(u * (inputs + 1), inputs + 1);
  }
  std::span<const float> weights(std::size_t u) const { return unit(u).first(inputs); }
  float bias(std::size_t u) const { return unit(u).back(); }
};

/// Of a dense layer or a convolution; of any other layer no units.
UnitVectors unit_vectors(const Network& network, std::size_t layer);

/// The units that compute the same as an earlier one of the layer; where `up_to_a_factor` holds, with a
/// positive factor. Units without weights are not among them.
std::vector<std::size_t> duplicate_units(const UnitVectors& vectors, bool up_to_a_factor);
/// The same of a layer whose units go through an activation each by itself; none where they do not.
std::vector<std::size_t> duplicate_units(const Network& network, std::size_t layer);

/// The units of a layer that the next layer with weights multiplies by nothing but zeros.
std::vector<std::size_t> units_without_use(const Network& network, std::size_t layer);

}  // namespace halfwave
