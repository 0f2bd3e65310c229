#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <span>
#include <vector>

#include "compare/summary.h"
#include "core/statistics.h"

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

/// A variant's name inside a sentence.
std::string named(const ComparedVariant& variant) {
  const std::string& name = variant.variant.name;
  const bool plain = !name.empty() && std::isalpha(static_cast<unsigned char>(name.front())) &&
                     name.find_first_of(", ") == std::string::npos;
  return plain ? name : fmt::format("'{}'", name);
}

/// A variant without any sound run to its end has a score that says nothing of it.
bool all_diverged(const ComparedVariant& variant) {
  return !variant.runs.empty() && variant.diverged == variant.runs.size();
}

bool can_be_told(const ComparedVariant& variant) {
  return variant.difference && std::isfinite(variant.difference->low) && !all_diverged(variant);
}

/// What can be said of the variants beside the first.
struct Sides {
  std::vector<std::string> better, worse, open;
  double could_show =
      0.0;  ///< a difference in these runs that would have been beyond noise for each open one
};

/// The largest of what the open variants would have needed, each tested as Holm's correction tests the
/// first of so many.
double least_shown(const Comparison& comparison, std::size_t open) {
  const std::vector<double> first = scores_of(comparison.variants.front());
  double largest = 0.0;
  for (const ComparedVariant& variant : comparison.variants)
    if (can_be_told(variant) && variant.difference->p >= kSignificant)
      largest = std::max(
          largest,
          welch_test(scores_of(variant), first).half_width(1.0 - kSignificant / static_cast<double>(open)));
  return largest;
}

Sides sides_of(const Comparison& comparison) {
  const bool points = !comparison.less_is_better();
  Sides sides;
  for (const ComparedVariant& variant : comparison.variants) {
    if (!can_be_told(variant)) continue;
    const Difference& difference = *variant.difference;
    if (difference.p >= kSignificant) {
      sides.open.push_back(named(variant));
      continue;
    }
    const bool better = (difference.mean < 0.0) == comparison.less_is_better();
    (better ? sides.better : sides.worse)
        .push_back(fmt::format("{} by {}", named(variant), amount(std::fabs(difference.mean), points)));
  }
  sides.could_show = least_shown(comparison, sides.open.size());
  return sides;
}

std::string differences_sentence(const Comparison& comparison, const Sides& sides) {
  const std::string first = named(comparison.variants.front());
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
  if (sides.open.empty()) return text;
  if (!text.empty()) text += " ";
  text += fmt::format("Between {} and {}{} there is no difference that these seeds can show", first,
                      sides.open.size() > 1 ? "each of " : "", listing(sides.open));
  if (sides.could_show > 0.0)
    text += fmt::format("; one of {} in {} would have shown", amount(sides.could_show, !less),
                        metric_name(comparison.metric));
  return text + ".";
}

std::string divergence_sentence(const Comparison& comparison) {
  std::vector<std::string> parts;
  for (const ComparedVariant& variant : comparison.variants)
    if (variant.diverged > 0)
      parts.push_back(
          fmt::format("{} of {} runs of {}", variant.diverged, variant.runs.size(), named(variant)));
  if (parts.empty()) return "";
  return fmt::format(" Diverged: {}; their score is that of the last sound epoch.", listing(parts));
}

/// Variants that nothing can be told of, where there are others.
std::string too_few_sentence(const Comparison& comparison) {
  std::vector<std::string> names;
  for (const ComparedVariant& variant : std::span(comparison.variants).subspan(1))
    if (!can_be_told(variant) && !all_diverged(variant)) names.push_back(named(variant));
  return names.empty() ? "" : fmt::format(" Too few runs to tell: {}.", listing(names));
}

}  // namespace

std::string verdict_of(const Comparison& comparison) {
  if (comparison.variants.empty()) return "Nothing was compared.";
  const ComparedVariant& first = comparison.variants.front();
  const std::string divergence = divergence_sentence(comparison);
  if (comparison.variants.size() == 1)
    return fmt::format("{} alone: there is nothing to compare it with.", named(first)) + divergence;
  if (all_diverged(first))
    return fmt::format("Every run of {} diverged, so that nothing can be compared with it.", named(first)) +
           divergence;
  const Sides sides = sides_of(comparison);
  const bool told = !sides.better.empty() || !sides.worse.empty() || !sides.open.empty();
  if (told) return differences_sentence(comparison, sides) + too_few_sentence(comparison) + divergence;
  if (std::ranges::all_of(std::span(comparison.variants).subspan(1), all_diverged))
    return fmt::format("There is no whole run to compare {} with.", named(first)) + divergence;
  const bool one = std::ranges::all_of(comparison.variants, [](const auto& v) { return v.runs.size() < 2; });
  return std::string(one ? "One run of a variant shows nothing: how far runs differ by chance takes several "
                           "seeds (--seeds 5)."
                         : "There are too few runs to tell a difference from chance.") +
         divergence;
}

}  // namespace halfwave
