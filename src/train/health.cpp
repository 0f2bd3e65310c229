#include "train/health.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "diagnose/activation_ranges.h"
#include "diagnose/flow.h"
#include "kernels/rows.h"

namespace halfwave {
std::vector<LayerHealth> measure_health(const Network& network, const Plan& plan, std::size_t examples) {
  std::vector<LayerHealth> layers;
  for (const NetworkTensor& tensor : network.tensors()) {
    if (!tensor.spec.decays || tensor.layer >= plan.layers()) continue;
    const std::size_t floats = tensor.spec.floats();
    LayerHealth health{.name = network.layer_name(tensor.layer),
                       .units = network.layer(tensor.layer).outputs()};
    health.gradient_norm = std::sqrt(sum_of_squares(plan.gradients().data() + tensor.offset, floats));
    health.weight_norm = std::sqrt(sum_of_squares(network.values().data() + tensor.offset, floats));
    const std::size_t activation = network.activation_behind(tensor.layer);
    if (activation < plan.layers() && !plan.nonzeros(activation).empty() && examples > 0) {
      const auto counts = plan.nonzeros(activation);
      const std::size_t rows = examples * network.layer(activation).output().positions();
      health.units = counts.size();
      health.dead_units = static_cast<std::size_t>(std::ranges::count(counts, 0u));
      const double ones = std::accumulate(counts.begin(), counts.end(), 0.0);
      health.density = ones / (static_cast<double>(rows) * static_cast<double>(counts.size()));
    }
    layers.push_back(std::move(health));
  }
  return layers;
}

std::vector<LayerInspection> inspect_health(const std::vector<LayerHealth>& health) {
  std::vector<LayerInspection> layers;
  const double last = health.empty() ? 0.0 : health.back().gradient_norm;
  for (const LayerHealth& of_layer : health) {
    LayerInspection layer;
    layer.name = of_layer.name;
    layer.units = of_layer.units;
    layer.verdicts.assign(of_layer.units, UnitVerdict::healthy);
    std::fill_n(layer.verdicts.begin(), of_layer.dead_units, UnitVerdict::dead);
    layer.variance = 1.0;  // it is not measured
    if (last > 0.0 && std::isfinite(of_layer.gradient_norm))
      layer.gradient_ratio = of_layer.gradient_norm / last;
    layers.push_back(std::move(layer));
  }
  return layers;
}

std::vector<LayerInspection> inspect_epoch(const Network& network, const Plan& plan, std::size_t examples,
                                           const std::vector<LayerHealth>& health) {
  std::vector<LayerInspection> layers = inspect_health(health);
  auto layer = layers.begin();
  for (const NetworkTensor& tensor : network.tensors()) {
    if (!tensor.spec.decays || tensor.layer >= plan.layers()) continue;
    // Of one or two numbers batch norm leaves only a direction, which hardly has a gradient.
    if (tensor.spec.fan_in() <= 2 && is_normalised(network, tensor.layer)) layer->gradient_ratio = 1.0;
    const std::size_t activation = network.activation_behind(tensor.layer);
    if (activation < plan.layers() && !plan.nonzeros(activation).empty() && examples > 0) {
      const auto ranges = activation_ranges(network.layer(activation));
      // Of these what is not zero is above the kink.
      const bool linear_above =
          ranges && ranges->has_kink() && ranges->never_negative() && !ranges->saturates();
      const std::size_t rows = examples * network.layer(activation).output().positions();
      std::ranges::transform(plan.nonzeros(activation), layer->verdicts.begin(), [&](std::uint64_t count) {
        if (count == 0) return UnitVerdict::dead;
        return linear_above && count == rows ? UnitVerdict::always_on : UnitVerdict::healthy;
      });
    }
    ++layer;
  }
  return layers;
}

}  // namespace halfwave
