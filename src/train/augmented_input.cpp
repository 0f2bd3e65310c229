#include "train/augmented_input.h"

#include <algorithm>
#include <system_error>

#include "core/team.h"

namespace halfwave {
namespace {

/// Fewer numbers in a batch are made before another thread has begun with them.
constexpr std::size_t kWorthAThread = std::size_t{1} << 15;

/// An example as its map says, in the form that the network is given.
template <class Number>
void augment_example(const Number* x, std::span<const std::int32_t> map, const InputForm& form,
                     std::span<const float> mean, float* out) {
  for (std::size_t channel = 0; channel < mean.size(); channel += map.size())
    for (std::size_t p = 0; p < map.size(); ++p) {
      const std::size_t j = channel + p;
      const auto value = static_cast<float>(x[channel + static_cast<std::size_t>(std::max(map[p], 0))]);
      out[j] = map[p] == kMean ? mean[j] : (value - form.mean[j]) * form.scale[j];
    }
}

}  // namespace

AugmentedInput::AugmentedInput(const Examples& examples, const InputForm& form, Augment augment,
                               std::size_t batch, std::uint64_t seed, int threads)
    : examples_(examples),
      form_(form),
      augment_(std::move(augment)),
      seed_(seed),
      threads_(threads),
      mean_(form.mean.size(), 0.0f),
      made_(batch * mean_.size()),
      maps_(static_cast<std::size_t>(threads) * 2 * augment_.positions()) {
  rows_.reserve(batch);
  for (std::size_t j = 0; j < mean_.size() && !form.rest.empty(); ++j) mean_[j] = -form.rest[j];
}

void AugmentedInput::make(Range places, int part) {
  const std::size_t positions = augment_.positions(), features = mean_.size();
  const std::span maps =
      std::span(maps_).subspan(static_cast<std::size_t>(part) * 2 * positions, 2 * positions);
  const std::span map = maps.first(positions);
  std::visit(
      [&](const auto& values) {
        for (std::size_t i = places.begin; i < places.end; ++i) {
          augment_.draw(seed_, first_ + i, map, maps.last(positions));
          augment_example(values.data() + rows_[i] * features, map, form_, mean_,
                          made_.data() + i * features);
        }
      },
      examples_.values);
}

void AugmentedInput::begin(std::span<const std::uint32_t> rows, std::uint64_t first) {
  if (threads_ == 1 || rows.size() * mean_.size() < kWorthAThread) return;
  rows_.assign(rows.begin(), rows.end());
  first_ = first;
  try {
    coming_ = std::async(std::launch::async, [this] { make({0, rows_.size()}, 0); });
  } catch (const std::system_error&) {  // no thread to be had: fill() makes it
    rows_.clear();
  }
}

void AugmentedInput::fill(std::span<const std::uint32_t> rows, std::uint64_t first,
                          std::span<const std::uint32_t> next, const StepContext& context, Plan& plan) {
  if (coming_.valid()) coming_.get();
  if (first != first_ || !std::ranges::equal(rows, rows_)) {
    rows_.assign(rows.begin(), rows.end());
    first_ = first;
    const int team = rows.size() * mean_.size() < kWorthAThread ? 1 : threads_;
    run_team(team, [&](int part, int all) { make(share(rows_.size(), part, all), part); });
  }
  lay_out(made_.data(), form_, context, plan);
  begin(next, first + rows.size());
}

}  // namespace halfwave
