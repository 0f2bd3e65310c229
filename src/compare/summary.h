#pragma once
#include <halfwave/compare.h>

#include <string>
#include <string_view>
#include <vector>

namespace halfwave {

/// Whether smaller scores are better: of a Comparison::metric.
bool less_is_better(std::string_view metric);

/// Puts a comparison together from variants[].runs, goal, task and metric: spreads, differences and verdict.
void summarise(Comparison& comparison);

/// A comparison in a sentence or two, from its variants' scores and differences: who is better or worse than
/// the first beyond noise (p < 0.05) and by how much, or that there is "no difference that these seeds can
/// show" and which they could have shown; and whose runs diverged.
std::string verdict_of(const Comparison& comparison);

/// Of the runs that have one.
std::vector<double> scores_of(const ComparedVariant& variant);

/// Comparison::metric of a comparison on these data.
std::string_view metric_of(const Dataset& data);

/// What a run's figures are called and how large an epoch's are; larger is not always better.
double score_of(const EpochReport& epoch, std::string_view metric);

}  // namespace halfwave
