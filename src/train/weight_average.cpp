#include "train/weight_average.h"

#include <algorithm>
#include <utility>

#include "core/team.h"
#include "kernels/optimisers.h"

namespace halfwave {

WeightAverage::WeightAverage(Network& network, double decay, int threads)
    : network_(network), decay_(decay), threads_(threads) {
  const std::span<const float> values = std::as_const(network).values();
  if (decay > 0.0) average_.assign(values.begin(), values.end());
}

void WeightAverage::update(std::int64_t update) {
  if (average_.empty()) return;
  const auto n = static_cast<double>(update);
  const auto share_of_new = static_cast<float>(1.0 - std::min(decay_, (1.0 + n) / (10.0 + n)));
  const float* const values = std::as_const(network_).values().data();
  const StepContext context{.threads = threads_};
  run_team(context.team(average_.size()), [&](int part, int all) {
    const Range mine = share(average_.size(), part, all, kLineFloats);
    average_update(share_of_new, average_.data() + mine.begin, values + mine.begin, mine.size());
  });
}

void WeightAverage::exchange() {
  if (!average_.empty()) std::ranges::swap_ranges(average_, network_.values());
}

std::span<const float> WeightAverage::values() const {
  return average_.empty() ? std::as_const(network_).values() : std::span<const float>(average_);
}

}  // namespace halfwave
