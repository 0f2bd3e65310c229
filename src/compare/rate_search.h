#pragma once
#include <halfwave/compare.h>

#include <cstdint>
#include <span>
#include <vector>

namespace halfwave {

/// The search for a learning rate, the same for every variant: short runs on most of the training part with
/// the usual rate times kMultiples, then with both neighbours of the best of those. Scores are on the rest of
/// the training part; the test part is not looked at. Each rate is tried with several seeds, which also
/// decide what is held out, and the mean counts: by one run alone chance picks the rate, and two variants
/// that are the same then differ "beyond noise" (docs/decisions.md).
inline constexpr double kMultiples[]{1.0 / 16, 1.0 / 4, 1.0, 4.0, 16.0};
inline constexpr double kNeighbours[]{0.5, 2.0};
inline constexpr std::size_t kTriedRates = std::size(kMultiples) + std::size(kNeighbours);
/// Seeds that each rate is tried with, at most: no more than the comparison itself has.
inline constexpr std::int64_t kSearchSeeds = 3;
/// The share of the training part that the short runs are scored on.
inline constexpr double kHeldOut = 0.2;

/// The training part alone, some of it held out as the test part; each class is in both.
Dataset search_data(const Dataset& data, std::uint64_t seed);

/// The options of a short run: a fifth of the epochs, with the same schedule squeezed into them.
TrainOptions short_run(const TrainOptions& options, double learning_rate);

/// What a short run found.
TriedRate tried(const TrainResult& result, Task task);
/// The same rate tried with several seeds; diverged where one of them did. runs: not empty.
TriedRate mean_of(std::span<const TriedRate> runs);

/// The best of the rates; of runs that all diverged the smallest rate. tried: not empty.
const TriedRate& best_of(std::span<const TriedRate> tried);

}  // namespace halfwave
