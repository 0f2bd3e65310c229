#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "diagnose/rules.h"

namespace halfwave {
namespace {

/// Where an effect shows, seen from its cause.
enum class Place { anywhere, same, from_there };

/// What one kind of finding brings about of another.
struct Effect {
  std::string_view cause, effect;
  Place place = Place::anywhere;
  double heavier_than = kWeightOfRemark;  ///< the cause
};

constexpr double kWhole = 0.85;  // all, or nearly all, of a layer

constexpr Effect kEffects[] = {
    {"not_finite_weights", "dead_units"},
    {"not_finite_weights", "almost_dead_units"},
    {"not_finite_weights", "always_on_units"},
    {"not_finite_weights", "saturated_units"},
    {"not_finite_weights", "vanishing_gradient"},
    {"not_finite_weights", "not_learned"},
    {"learning_rate_too_high", "huge_weights"},
    {"learning_rate_too_high", "negative_bias"},
    {"learning_rate_too_high", "dead_units"},
    {"learning_rate_too_high", "almost_dead_units"},
    {"learning_rate_too_high", "always_on_units"},
    {"learning_rate_too_high", "saturated_units"},
    {"learning_rate_too_high", "vanishing_gradient"},
    {"learning_rate_too_high", "exploding_gradient"},
    {"learning_rate_too_high", "vanishing_signal"},
    {"learning_rate_too_high", "not_learned"},
    {"output_range", "dead_units", Place::same},
    {"output_range", "almost_dead_units", Place::same},
    {"output_range", "vanishing_gradient"},
    {"output_range", "not_learned"},
    {"double_softmax", "vanishing_gradient"},
    {"double_softmax", "not_learned"},
    {"sigmoid_before_relu", "always_on_units", Place::same},
    {"sigmoid_before_relu", "vanishing_gradient"},
    {"he_missing", "vanishing_gradient"},
    {"he_missing", "vanishing_signal"},
    {"he_missing", "not_learned"},
    {"zero_scale", "dead_units", Place::from_there, kWhole},
    {"zero_scale", "always_on_units", Place::from_there, kWhole},
    {"zero_scale", "vanishing_gradient", Place::anywhere, kWhole},
    {"zero_scale", "vanishing_signal", Place::anywhere, kWhole},
    {"huge_weights", "dead_units", Place::from_there},
    {"huge_weights", "saturated_units", Place::from_there},
    {"huge_weights", "exploding_gradient"},
    {"dead_units", "dead_units", Place::from_there, kWhole},
    {"dead_units", "always_on_units", Place::from_there, kWhole},
    {"dead_units", "saturated_units", Place::from_there, kWhole},
    {"dead_units", "vanishing_gradient", Place::anywhere, kWhole},
    {"dead_units", "vanishing_signal", Place::anywhere, kWhole},
    {"dead_units", "not_learned", Place::anywhere, 0.4},
    {"saturated_units", "vanishing_gradient", Place::anywhere, 0.4},
    {"saturated_units", "not_learned", Place::anywhere, 0.4},
    {"always_on_units", "not_learned", Place::anywhere, 0.4},
    {"duplicate_units", "not_learned", Place::anywhere, 0.4},
    {"duplicate_units", "vanishing_signal", Place::anywhere, 0.4},
    {"vanishing_gradient", "vanishing_signal"},
    {"vanishing_gradient", "not_learned"},
    {"vanishing_signal", "not_learned"},
    {"exploding_gradient", "not_learned"},
};

constexpr std::array<std::string_view, 2> kHints{"negative_bias", "no_outgoing_weights"};

class Ordering {
 public:
  Ordering(std::vector<Finding> findings, const Network& network)
      : findings_(std::move(findings)), network_(network) {}

  std::vector<Finding> run() && {
    drop_hints();
    std::ranges::stable_sort(findings_, std::greater(), &Finding::weight);
    // A cause may be lighter than what follows from it; so weights are judged as they were found.
    const std::vector<Finding> found = findings_;
    for (Finding& finding : findings_) {
      const Finding* const cause = heaviest_cause(finding, found);
      if (!cause) continue;
      finding.weight = std::min(kOfEffect * finding.weight, kOfEffect * cause->weight);
      finding.follows_from = cause->kind;
    }
    std::ranges::stable_sort(findings_, std::greater(), &Finding::weight);
    return std::move(findings_);
  }

 private:
  static constexpr double kOfEffect = 0.3;

  /// A layer's place, or that of the layer whose activation it is; the number of layers where there is none.
  std::size_t place(const Finding& finding) const {
    for (std::size_t i = 0; i < network_.size(); ++i)
      if (network_.layer_name(i) == finding.where) return i;
    return network_.size();
  }

  /// The same layer, or one of them is the activation behind the other.
  bool same(std::size_t a, std::size_t b) const {
    const auto [first, second] = std::minmax(a, b);
    return first == second || (first < network_.size() && second < network_.size() &&
                               network_.activation_behind(first) == second);
  }

  bool brings_about(const Effect& effect, const Finding& cause, const Finding& finding) const {
    if (effect.cause != cause.kind || effect.effect != finding.kind || cause.weight < effect.heavier_than)
      return false;
    const std::size_t from = place(cause), to = place(finding);
    switch (effect.place) {
      case Place::anywhere:
        return true;
      case Place::same:
        return same(from, to);
      case Place::from_there:
        // The same kind is no cause of itself.
        return cause.kind == finding.kind ? from < to : from <= to;
    }
    return false;
  }

  const Finding* heaviest_cause(const Finding& finding, const std::vector<Finding>& found) const {
    for (const Finding& cause : found)
      for (const Effect& effect : kEffects)
        if (brings_about(effect, cause, finding)) return &cause;
    return nullptr;
  }

  /// Numbers that hint at dead units are no finding of their own beside these; they say why.
  void drop_hints() {
    for (Finding& dead : findings_) {
      if (dead.kind != "dead_units") continue;
      for (const Finding& hint : findings_)
        if (hint.kind == kHints[0] && hint.where == dead.where)
          dead.why = fmt::format("{}: {}. {}", "Their biases keep them off", hint.what, dead.why);
    }
    const auto repeats = [this](const Finding& hint) {
      return std::ranges::find(kHints, hint.kind) != kHints.end() &&
             std::ranges::any_of(findings_, [&](const Finding& dead) {
               return dead.kind == "dead_units" && dead.where == hint.where && !hint.units.empty() &&
                      std::ranges::includes(dead.units, hint.units);
             });
    };
    std::vector<Finding> kept;
    for (const Finding& finding : findings_)
      if (!repeats(finding)) kept.push_back(finding);
    findings_ = std::move(kept);
  }

  std::vector<Finding> findings_;
  const Network& network_;
};

}  // namespace

std::vector<Finding> in_order(std::vector<Finding> findings, const Network& network) {
  return Ordering(std::move(findings), network).run();
}

}  // namespace halfwave
