#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "diagnose/flow.h"
#include "diagnose/kinds.h"
#include "diagnose/lint.h"

namespace halfwave {
namespace {

bool is_softmax(const Layer& layer) {
  return layer.info().name == "softmax" || layer.info().name == "log_softmax";
}

std::string range_words(const ActivationRanges& range) {
  if (range.highest == ActivationRanges::kInfinity) return fmt::format("{:.3g} and above", range.lowest);
  if (range.lowest == -ActivationRanges::kInfinity) return fmt::format("{:.3g} and below", range.highest);
  return fmt::format("{:.3g} to {:.3g}", range.lowest, range.highest);
}

/// Share of standard normal numbers that lie outside of a range.
double normal_share_outside(const ActivationRanges& range) {
  const auto below = [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); };
  return below(range.lowest) + 1.0 - below(range.highest);
}

double share_outside(const ActivationRanges& range, const TargetRange& targets) {
  // The very bounds can be reached or nearly so.
  constexpr double kMargin = 1e-3;
  const auto low = std::ranges::lower_bound(targets.sorted, static_cast<float>(range.lowest - kMargin));
  const auto high = std::ranges::upper_bound(targets.sorted, static_cast<float>(range.highest + kMargin));
  const auto outside = (low - targets.sorted.begin()) + (targets.sorted.end() - high);
  return static_cast<double>(outside) / static_cast<double>(std::max<std::size_t>(1, targets.sorted.size()));
}

bool is_standardised(const Preprocessing& preprocessing) {
  return std::ranges::any_of(preprocessing.target_mean, [](float mean) { return mean != 0.0f; }) ||
         std::ranges::any_of(preprocessing.target_scale, [](float scale) { return scale != 1.0f; });
}

/// Collects the findings about one model.
class StructureLint {
 public:
  StructureLint(const ModelParts& parts, const TargetRange* targets)
      : parts_(parts), network_(parts.network), targets_(targets) {}

  std::vector<Finding> run() && {
    output_range();
    for (std::size_t i = 0; i < network_.size(); ++i) {
      if (is_softmax(network_.layer(i))) double_softmax(i);
      if (network_.layer(i).is_activation()) second_activation(i);
      if (has_weights(network_, i)) linear_pair(i);
    }
    unused_nodes();
    return std::move(findings_);
  }

 private:
  void add(Found found) { findings_.push_back(make_finding(std::move(found))); }
  const std::string& name(std::size_t layer) const { return network_.layer_name(layer); }

  void output_range() {
    const bool classes = parts_.schema.task == Task::classification;
    const std::size_t end = logit_layers(parts_);
    std::size_t last = end - 1;
    while (last < network_.size() && !network_.layer(last).joins() &&
           is_one_of(network_.layer(last), kSameNumbers))
      last = network_.inputs_of(last)[0];
    if (last >= network_.size()) return;
    std::optional<ActivationRanges> range = activation_ranges(network_.layer(last));
    if (!classes && network_.layer(last).info().name == "softmax")
      range = ActivationRanges{.lowest = 0.0, .highest = 1.0};
    if (!range ||
        (range->lowest == -ActivationRanges::kInfinity && range->highest == ActivationRanges::kInfinity))
      return;
    if (classes)
      logit_range(last, *range, end < network_.size());
    else
      target_range(last, *range);
  }

  void target_range(std::size_t last, const ActivationRanges& range) {
    const std::string begin =
        fmt::format("{} is the last layer and gives only numbers from {}", name(last), range_words(range));
    const bool standardised = is_standardised(parts_.preprocessing);
    if (targets_ == nullptr && !standardised) {
      // A bound on both sides is a choice; a rectifier may suit targets that are never negative.
      const bool open = range.highest == ActivationRanges::kInfinity;
      add({.kind = "output_range",
           .where = name(last),
           .what = fmt::format("{}: targets {} are out of its reach, if there are any", begin,
                               open ? "below" : "outside"),
           .number = range.lowest,
           .unit = "the lowest output",
           .weight = open ? 0.3 : 0.05});
      return;
    }
    const double share = targets_ ? share_outside(range, *targets_) : normal_share_outside(range);
    if (share == 0.0) return;
    const std::string scale =
        standardised ? ", in units in which the targets have mean 0 and deviation 1" : "";
    add({.kind = "output_range",
         .where = name(last),
         .what = fmt::format("{}{}: {}{:.0f} % of the targets {} out of its reach", begin, scale,
                             targets_ ? "" : "about ", std::ceil(100 * share), targets_ ? "are" : "will be"),
         .number = share,
         .unit = "of the targets",
         .weight = std::min(0.97, 0.3 + 1.5 * share)});
  }

  void logit_range(std::size_t last, const ActivationRanges& range, bool closed) {
    const auto outputs = static_cast<double>(network_.outputs());
    const bool one = network_.outputs() == 1;
    // A file's probabilities, one by one, are what they should be.
    if (!closed && range.lowest >= 0.0 && range.highest <= 1.0 && parts_.facts.count("loss") == 0) return;
    std::string what;
    double number = 0.0, weight = 0.4;
    if (range.highest == ActivationRanges::kInfinity) {
      number = one ? 0.5 : range.lowest;
      what = one ? fmt::format("{} gives numbers from {}: the probability is never below 50 %", name(last),
                               range_words(range))
                 : fmt::format(
                       "{} gives numbers from {}: no class can be told to be unlikely, and a class "
                       "whose output is at the bound gets no gradient",
                       name(last), range_words(range));
      weight = one ? 0.95 : 0.5;
    } else if (range.lowest > -ActivationRanges::kInfinity) {
      number = 1.0 / (1.0 + (one ? 1.0 : outputs - 1.0) *
                                std::exp(one ? -range.highest : range.lowest - range.highest));
      if (number > 0.99) return;
      what = fmt::format("{} gives numbers from {}: no class can get a probability above {:.0f} %",
                         name(last), range_words(range), 100 * number);
    } else {
      return;
    }
    add({.kind = "output_range",
         .where = name(last),
         .what = std::move(what),
         .number = number,
         .unit = one || range.highest < ActivationRanges::kInfinity ? "the bound of the probability"
                                                                    : "the lowest output",
         .weight = weight});
  }

  void double_softmax(std::size_t second) {
    const std::size_t first = source_through(network_, second, kSameNumbers);
    if (first >= network_.size() || !is_softmax(network_.layer(first))) return;
    // The softmax of logarithms of probabilities is the probabilities: no harm done.
    const bool harmless = network_.layer(first).info().name == "log_softmax";
    add({.kind = "double_softmax",
         .where = name(second),
         .what = fmt::format("{} takes the output of {}: softmax is applied twice{}", name(second),
                             name(first), harmless ? ", though it changes nothing here" : ""),
         .number = 2,
         .unit = "softmax layers",
         .weight = harmless ? 0.02 : 0.6});
  }

  /// A rectifier that gets nothing negative.
  void second_activation(std::size_t second) {
    const std::optional<ActivationRanges> its = activation_ranges(network_.layer(second));
    if (!its || !its->has_kink() || its->kink > 0.0) return;
    const std::size_t first = source_through(network_, second, kSameSign);
    if (first >= network_.size()) return;
    const std::optional<ActivationRanges> before = activation_ranges(network_.layer(first));
    const bool softmax = is_softmax(network_.layer(first)) && network_.layer(first).info().name == "softmax";
    if (!softmax && !(before && before->never_negative() && before->highest <= its->steep_high)) return;
    // One rectifier behind another is only one too many.
    const bool same = before && before->has_kink();
    add({.kind = "sigmoid_before_relu",
         .where = name(second),
         .what =
             fmt::format("{} gets the output of {}, which is never negative: {}", name(second), name(first),
                         same ? "it changes nothing" : "it is always on and changes nothing"),
         .number = static_cast<double>(network_.layer(second).outputs()),
         .unit = "units",
         .weight = same ? 0.02 : 0.6});
  }

  void linear_pair(std::size_t second) {
    const std::size_t first = source_through(network_, second, kAffine);
    if (first >= network_.size() || !has_weights(network_, first) ||
        network_.only_user_of(first) == network_.size())
      return;
    const Layer &a = network_.layer(first), &b = network_.layer(second);
    // A narrow layer between two is a factorisation, with fewer numbers than one layer in their place.
    const bool narrow = a.output().numbers() < std::min(a.input().numbers(), b.output().numbers());
    if (narrow || is_partial(first) || is_partial(second)) return;
    add({.kind = "linear_pair",
         .where = name(second),
         .what = fmt::format("nothing but linear steps between {} and {}: together they are one linear layer",
                             name(first), name(second)),
         .number = 2,
         .unit = "layers",
         .weight = 0.3});
  }

  /// Part of a convolution taken apart on purpose: by channel and by place, or by rows and by columns.
  bool is_partial(std::size_t layer) const {
    const NetworkTensor& weight = network_.tensors()[network_.first_tensor(layer)];
    const std::vector<std::size_t>& shape = weight.spec.shape;
    if (weight.spec.groups > 1) return true;
    return shape.size() == 4 && (shape[2] == 1) != (shape[3] == 1);
  }

  void unused_nodes() {
    const std::vector<std::string>& nodes = parts_.unused_nodes;
    if (nodes.empty()) return;
    constexpr std::size_t kShown = 5;
    const std::span shown(nodes.data(), std::min(nodes.size(), kShown));
    add({.kind = "unused_nodes",
         .where = nodes[0],
         .what = fmt::format("no result depends on {}{}", fmt::join(shown, ", "),
                             nodes.size() > kShown ? fmt::format(" and {} more", nodes.size() - kShown) : ""),
         .number = static_cast<double>(nodes.size()),
         .unit = nodes.size() == 1 ? "node" : "nodes",
         .weight = 0.02});
  }

  const ModelParts& parts_;
  const Network& network_;
  const TargetRange* targets_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> lint_structure(const ModelParts& parts, const TargetRange* targets) {
  return StructureLint(parts, targets).run();
}

std::vector<Finding> lint(const ModelParts& parts, const TargetRange* targets) {
  std::vector<Finding> all = lint_structure(parts, targets);
  std::ranges::move(lint_weights(parts), std::back_inserter(all));
  std::ranges::move(lint_initialisation(parts.network), std::back_inserter(all));
  return all;
}

}  // namespace halfwave
