#include "analysis/units.h"

#include <algorithm>
#include <numeric>

namespace halfwave {
namespace {

std::size_t units_of(const Network& network, std::size_t layer) { return network.layer(layer).outputs(); }

/// Calls visit(place) for each place of a unit's numbers in a tensor [.., units] or [units, ..].
template <class Visit>
void for_numbers(const NetworkTensor& tensor, std::size_t units, std::size_t unit, Visit&& visit) {
  const std::size_t each = tensor.spec.count() / units;
  const bool last_axis = tensor.spec.storage == TensorSpec::Storage::panels;
  for (std::size_t k = 0; k < each; ++k) visit(last_axis ? k * units + unit : unit * each + k);
}

/// The weights behind a layer that multiply its units alone, one after another; null where there are none.
const NetworkTensor* outgoing(const Network& network, std::size_t layer) {
  for (std::size_t i = network.only_user_of(layer); i < network.size(); i = network.only_user_of(i)) {
    if (network.layer(i).joins()) return nullptr;
    for (const NetworkTensor& tensor : network.tensors())
      if (tensor.layer == i && tensor.spec.decays) return tensor.spec.groups == 1 ? &tensor : nullptr;
  }
  return nullptr;
}

/// Calls visit(place) for the weights that multiply a unit: the rows of a dense layer (position by position
/// after flatten), the input channels of a convolution.
template <class Visit>
void for_outgoing(const NetworkTensor& tensor, std::size_t units, std::size_t unit, Visit&& visit) {
  const auto& shape = tensor.spec.shape;
  if (tensor.spec.storage == TensorSpec::Storage::panels) {
    for (std::size_t row = unit; row < shape[0]; row += units)
      for (std::size_t j = 0; j < shape[1]; ++j) visit(row * shape[1] + j);
    return;
  }
  const std::size_t taps = tensor.spec.count() / (shape[0] * shape[1]);
  for (std::size_t out = 0; out < shape[0]; ++out)
    for (std::size_t in = unit; in < shape[1]; in += units)
      for (std::size_t tap = 0; tap < taps; ++tap) visit((out * shape[1] + in) * taps + tap);
}

/// Weights and bias of each unit in a row.
std::vector<std::vector<double>> rows_of(const Network& network, std::size_t layer) {
  std::vector<std::vector<double>> rows(units_of(network, layer));
  for (const NetworkTensor& tensor : network.tensors()) {
    if (tensor.layer != layer) continue;
    const std::vector<float> all = network.get(tensor);
    for (std::size_t unit = 0; unit < rows.size(); ++unit)
      for_numbers(tensor, rows.size(), unit,
                  [&](std::size_t k) { rows[unit].push_back(static_cast<double>(all[k])); });
  }
  return rows;
}

double product(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

}  // namespace

void take_units(Network& network, const Network& fresh, std::size_t layer,
                std::span<const std::size_t> units) {
  const std::size_t count = units_of(network, layer), behind = network.activation_behind(layer),
                    last = behind < network.size() ? behind : layer;
  for (std::size_t i = layer;; i = network.only_user_of(i)) {
    for (std::size_t t = 0; t < network.tensors().size(); ++t) {
      const NetworkTensor& tensor = network.tensors()[t];
      if (tensor.layer != i || (i != layer && tensor.spec.decays)) continue;
      std::vector<float> numbers = network.get(tensor);
      const std::vector<float> others = fresh.get(fresh.tensors()[t]);
      for (const std::size_t unit : units)
        for_numbers(tensor, count, unit, [&](std::size_t k) { numbers[k] = others[k]; });
      network.set(tensor, numbers);
    }
    if (i == last) return;
  }
}

void move_outgoing(Network& network, std::size_t layer, std::size_t from, std::size_t to, float times) {
  const NetworkTensor* tensor = outgoing(network, layer);
  if (!tensor) return;
  const std::size_t units = units_of(network, layer);
  std::vector<float> weights = network.get(*tensor);
  std::vector<std::size_t> places;
  for_outgoing(*tensor, units, from, [&](std::size_t k) { places.push_back(k); });
  std::size_t next = 0;
  if (to != kNobody)
    for_outgoing(*tensor, units, to, [&](std::size_t k) { weights[k] += times * weights[places[next++]]; });
  for (const std::size_t k : places) weights[k] = 0.0f;
  network.set(*tensor, weights);
}

std::vector<Twin> twins_of(const Network& network, std::size_t layer, std::span<const std::size_t> units) {
  constexpr double kSame = 1e-4;  // of the length
  const std::vector<std::vector<double>> rows = rows_of(network, layer);
  std::vector<Twin> twins(units.size());
  for (std::size_t i = 0; i < units.size(); ++i) {
    const std::vector<double>& row = rows[units[i]];
    const double square = product(row, row);
    for (std::size_t other = 0; other < rows.size() && twins[i].unit == kNobody; ++other) {
      if (std::ranges::find(units, other) != units.end()) continue;
      const double both = product(row, rows[other]), its = product(rows[other], rows[other]);
      if (both > 0.0 && square - both * both / its <= kSame * kSame * square)
        twins[i] = {other, static_cast<float>(both / its)};
    }
  }
  return twins;
}

}  // namespace halfwave
