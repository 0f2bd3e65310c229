#include "layers/skipping.h"

#include <fmt/format.h>
#include <halfwave/error.h>
#include <halfwave/train.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "core/suggest.h"

namespace halfwave {
namespace {

constexpr std::array<std::pair<std::string_view, Skipping>, 3> kSkippings{
    {{"auto", Skipping::automatic}, {"on", Skipping::always}, {"off", Skipping::never}}};

/// Where a number lies among ascending points: between two of them, or at the nearest end.
struct Place {
  std::size_t low, high;
  double share;  ///< of the way from low to high, on a logarithmic scale

  double between(double at_low, double at_high) const { return at_low + share * (at_high - at_low); }
};

Place place_among(std::span<const std::size_t> points, std::size_t number) {
  const auto above = std::upper_bound(points.begin(), points.end(), number);
  if (above == points.begin()) return {0, 0, 0.0};
  const auto high = static_cast<std::size_t>(above - points.begin());
  if (above == points.end()) return {high - 1, high - 1, 0.0};
  const auto log_of = [](std::size_t n) { return std::log(static_cast<double>(n)); };
  const double low_log = log_of(points[high - 1]);
  return {high - 1, high, (log_of(number) - low_log) / (log_of(points[high]) - low_log)};
}

Crossovers& current() {
  static Crossovers table = Crossovers::built_in();
  return table;
}

}  // namespace

std::string_view product_name(Product product) {
  constexpr std::array<std::string_view, kProducts.size()> kNames{"forward", "weight_gradient",
                                                                  "input_gradient"};
  return kNames[static_cast<std::size_t>(product)];
}

std::vector<std::string> skipping_names() {
  std::vector<std::string> names;
  names.reserve(kSkippings.size());
  for (const auto& [name, skipping] : kSkippings) names.emplace_back(name);
  return names;
}

Skipping find_skipping(std::string_view name) {
  for (const auto& [known, skipping] : kSkippings)
    if (known == name) return skipping;
  throw usage_error(fmt::format("Zeros cannot be skipped '{}'.{} There are auto, on and off.", name,
                                did_you_mean(name, skipping_names())));
}

double Crossovers::density(Product product, std::size_t batch, std::size_t out) const {
  const auto& rows = densities[static_cast<std::size_t>(product)];
  const Place row = place_among(batches, batch), column = place_among(outputs, out);
  const auto along = [&](const std::vector<double>& numbers) {
    return column.between(numbers[column.low], numbers[column.high]);
  };
  return row.between(along(rows[row.low]), along(rows[row.high]));
}

double conv_crossover(Product product, std::size_t columns) {
  constexpr std::array<std::size_t, 4> kColumns{16, 32, 64, 128};
  constexpr std::array<std::array<double, 4>, kProducts.size()> kDensities{
      {{0.30, 0.55, 0.65, 0.70},  // forward
       {0.30, 0.42, 0.50, 0.55},  // dW
       {0.00, 0.15, 0.50, 0.55}}};
  const Place place = place_among(kColumns, columns);
  const auto& densities = kDensities[static_cast<std::size_t>(product)];
  return place.between(densities[place.low], densities[place.high]);
}

const Crossovers& Crossovers::built_in() {
  // Nine tenths of what was measured: where the two are equal nothing is lost by staying dense.
  static const Crossovers table{
      .batches = {1, 8, 32, 128, 512},
      .outputs = {16, 64, 256, 1024},
      .densities = {{{{0.60, 0.69, 0.76, 0.69},  // forward
                      {0.19, 0.48, 0.57, 0.55},
                      {0.20, 0.52, 0.63, 0.65},
                      {0.19, 0.52, 0.61, 0.67},
                      {0.19, 0.52, 0.63, 0.66}},
                     {{0.00, 0.90, 0.90, 0.90},  // weight gradient
                      {0.04, 0.64, 0.90, 0.90},
                      {0.11, 0.46, 0.69, 0.77},
                      {0.10, 0.42, 0.62, 0.69},
                      {0.10, 0.36, 0.56, 0.64}},
                     {{0.90, 0.90, 0.90, 0.90},  // input gradient
                      {0.81, 0.90, 0.90, 0.90},
                      {0.45, 0.68, 0.66, 0.65},
                      {0.43, 0.68, 0.66, 0.66},
                      {0.40, 0.66, 0.66, 0.65}}}},
      .processor = "",
  };
  return table;
}

const Crossovers& crossovers() { return current(); }

void set_crossovers(Crossovers table) { current() = std::move(table); }

}  // namespace halfwave
