#include "train/health.h"

#include <algorithm>
#include <cmath>
#include <numeric>

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

}  // namespace halfwave
