#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "compare/summary.h"

namespace halfwave {
namespace {

constexpr double kSignificant = 0.05;

std::string metric_name(const std::string& metric) {
  if (metric == "test_rmse") return "test RMSE";
  if (metric == "loss") return "training loss";
  return metric == "test_accuracy" ? "test accuracy" : "training accuracy";
}

/// "1.20 points" of an accuracy, "0.0312" of an error.
std::string amount(double difference, bool points) {
  return points ? fmt::format("{:.2f} points", 100.0 * difference) : fmt::format("{:.3g}", difference);
}

/// "a", "a and b", "a, b and c"; of many the first ones and how many more.
std::string listing(std::vector<std::string> words) {
  constexpr std::size_t kMost = 6;
  if (words.size() > kMost) {
    const std::size_t more = words.size() - (kMost - 1);
    words.resize(kMost - 1);
    words.push_back(fmt::format("{} others", more));
  }
  if (words.size() < 2) return words.empty() ? "" : words.front();
  const std::string last = words.back();
  words.pop_back();
  return fmt::format("{} and {}", fmt::join(words, ", "), last);
}

/// What can be said of the variants beside the first.
struct Sides {
  std::vector<std::string> better, worse, open;
  double could_show = 0.0;  ///< of the open ones, half of the widest interval
};

Sides sides_of(const Comparison& comparison) {
  const bool points = !comparison.less_is_better();
  Sides sides;
  for (const ComparedVariant& variant : comparison.variants) {
    if (!variant.difference || !std::isfinite(variant.difference->low)) continue;
    const Difference& difference = *variant.difference;
    if (difference.p >= kSignificant) {
      sides.open.push_back(variant.variant.name);
      sides.could_show = std::max(sides.could_show, 0.5 * (difference.high - difference.low));
      continue;
    }
    const bool better = (difference.mean < 0.0) == comparison.less_is_better();
    (better ? sides.better : sides.worse)
        .push_back(fmt::format("{} by {}", variant.variant.name, amount(std::fabs(difference.mean), points)));
  }
  return sides;
}

std::string differences_sentence(const Comparison& comparison, const Sides& sides) {
  const std::string& first = comparison.variants.front().variant.name;
  const bool less = comparison.less_is_better();
  std::vector<std::string> parts;
  const auto add = [&](const char* verb, const std::vector<std::string>& variants) {
    if (!variants.empty()) parts.push_back(fmt::format("{} than {}: {}", verb, first, listing(variants)));
  };
  add(less ? "lower (better)" : "better", sides.better);
  add(less ? "higher (worse)" : "worse", sides.worse);
  std::string text;
  if (!parts.empty())
    text = fmt::format("By {}, beyond noise (p < {}), {}.", metric_name(comparison.metric), kSignificant,
                       fmt::join(parts, "; "));
  if (!sides.open.empty()) {
    if (!text.empty()) text += " ";
    text += fmt::format("Against {}, {} {} no difference that these seeds can show", first,
                        listing(sides.open), sides.open.size() == 1 ? "makes" : "make");
    text += sides.could_show > 0.0
                ? fmt::format("; about {} of {} would show.", amount(sides.could_show, !less),
                              metric_name(comparison.metric))
                : ".";
  }
  return text;
}

std::string divergence_sentence(const Comparison& comparison) {
  std::vector<std::string> parts;
  for (const ComparedVariant& variant : comparison.variants)
    if (variant.diverged > 0)
      parts.push_back(
          fmt::format("{} of {} runs of {}", variant.diverged, variant.runs.size(), variant.variant.name));
  if (parts.empty()) return "";
  return fmt::format(" Diverged: {}; their score is that of the last sound epoch.", listing(parts));
}

/// Variants that no interval can be told of, where there are others.
std::string too_few_sentence(const Comparison& comparison) {
  std::vector<std::string> names;
  for (const ComparedVariant& variant : comparison.variants)
    if (variant.difference && !std::isfinite(variant.difference->low)) names.push_back(variant.variant.name);
  return names.empty() ? "" : fmt::format(" Too few runs to tell: {}.", listing(names));
}

}  // namespace

std::string verdict_of(const Comparison& comparison) {
  if (comparison.variants.empty()) return "Nothing was compared.";
  const ComparedVariant& first = comparison.variants.front();
  if (comparison.variants.size() == 1)
    return fmt::format("{} alone: there is nothing to compare it with.", first.variant.name) +
           divergence_sentence(comparison);
  const Sides sides = sides_of(comparison);
  const bool told = !sides.better.empty() || !sides.worse.empty() || !sides.open.empty();
  if (!told) {
    const bool one =
        std::ranges::all_of(comparison.variants, [](const auto& v) { return v.runs.size() < 2; });
    return std::string(
               one ? "One seed shows nothing: how far runs differ by chance takes several (--seeds 5)."
                   : "There are too few runs to tell a difference from chance.") +
           divergence_sentence(comparison);
  }
  return differences_sentence(comparison, sides) + too_few_sentence(comparison) +
         divergence_sentence(comparison);
}

}  // namespace halfwave
