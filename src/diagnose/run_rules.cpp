#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "diagnose/flow.h"
#include "diagnose/kinds.h"
#include "diagnose/rules.h"

namespace halfwave {
namespace {

/// How many times as large a layer's weights are as He initialisation makes them.
double growth_of(const Network& network, const NetworkTensor& tensor) {
  double squares = 0;
  const std::vector<float> numbers = network.get(tensor);
  for (const float x : numbers) squares += static_cast<double>(x) * static_cast<double>(x);
  return std::sqrt(squares / static_cast<double>(numbers.size()) * static_cast<double>(tensor.spec.fan_in()) /
                   2.0);
}

Finding rate_finding(std::string what, double number, std::string unit, double weight) {
  return make_finding({.kind = "learning_rate_too_high",
                       .where = "",
                       .what = std::move(what),
                       .number = number,
                       .unit = std::move(unit),
                       .weight = weight});
}

/// The largest share of a hidden layer's units that are dead.
double dead_share(const EpochReport& epoch) {
  double share = 0;
  for (const LayerHealth& layer : epoch.layers)
    if (layer.units > 1)
      share = std::max(share, static_cast<double>(layer.dead_units) / static_cast<double>(layer.units));
  return share;
}

}  // namespace

double constant_loss(const Examples& examples, const Schema& schema, std::span<const float> scales) {
  const auto n = static_cast<double>(examples.count);
  if (schema.task == Task::classification) {
    std::map<std::int32_t, double> counts;
    for (const std::int32_t label : examples.labels) ++counts[label];
    double entropy = 0;
    for (const auto& [label, count] : counts) entropy -= count / n * std::log(count / n);
    return entropy;
  }
  double all = 0;
  for (std::size_t j = 0; j < schema.outputs; ++j) {
    double mean = 0, squares = 0;
    for (std::size_t i = j; i < examples.targets.size(); i += schema.outputs)
      mean += static_cast<double>(examples.targets[i]) / n;
    for (std::size_t i = j; i < examples.targets.size(); i += schema.outputs) {
      const double off = static_cast<double>(examples.targets[i]) - mean;
      squares += off * off;
    }
    const double scale = scales.empty() ? 1.0 : static_cast<double>(scales[j]);
    all += squares / n / (scale * scale);
  }
  return all / static_cast<double>(schema.outputs);
}

double constant_accuracy(const Examples& examples) {
  std::map<std::int32_t, std::size_t> counts;
  std::size_t most = 0;
  for (const std::int32_t label : examples.labels) most = std::max(most, ++counts[label]);
  return static_cast<double>(most) / static_cast<double>(std::max<std::size_t>(examples.count, 1));
}

std::vector<Finding> judge_result(const Network& network, std::span<const LayerInspection> layers,
                                  const Performance& performance) {
  constexpr double kLearned = 0.97, kGrown = 3.0, kRight = 0.1;
  // A few wrong answers given with much confidence make a large loss of a network that is mostly right.
  if (performance.loss < kLearned * performance.constant_loss ||
      performance.accuracy > performance.constant_accuracy + kRight)
    return {};
  std::vector<Finding> findings;
  double growth = 0;
  std::string where;
  for (const NetworkTensor& tensor : network.tensors()) {
    if (!tensor.spec.decays || !has_weights(network, tensor.layer) || is_normalised(network, tensor.layer))
      continue;
    const double its = growth_of(network, tensor);
    if (its <= growth) continue;
    growth = its;
    where = network.layer_name(tensor.layer);
  }
  const bool dead = std::ranges::any_of(layers, [](const LayerInspection& layer) {
    return 2 * std::ranges::count(layer.verdicts, UnitVerdict::dead) >=
           static_cast<std::ptrdiff_t>(layer.units);
  });
  // Weights grow like this under updates that are too large, and either nothing passes any more or the loss
  // is worse than that of no network at all.
  if (growth > kGrown && (dead || performance.loss > 1.2 * performance.constant_loss))
    findings.push_back(rate_finding(
        fmt::format(
            "the loss, {:.3g}, is no better than the {:.3g} of a constant answer, and updates have made "
            "the weights of {} {:.0f} times as large as they begin",
            performance.loss, performance.constant_loss, where, growth),
        growth, "times as large weights", 0.98));
  findings.push_back(
      make_finding({.kind = "not_learned",
                    .where = "",
                    .what = fmt::format("the loss, {:.3g}, is no better than the {:.3g} of a constant answer",
                                        performance.loss, performance.constant_loss),
                    .number = performance.loss / performance.constant_loss,
                    .unit = "of the constant answer's loss",
                    .weight = 0.5}));
  return findings;
}

std::vector<Finding> judge_run(std::span<const EpochReport> epochs, double constant) {
  // The mean over the first epoch has the loss of the beginning in it.
  const double above = epochs.size() < 2 ? 10.0 : 1.5;
  constexpr double kRise = 2.0, kHigh = 0.5, kNotLearned = 0.99, kManyDead = 0.5;
  constexpr std::size_t kPatience = 3;
  std::vector<Finding> findings;
  if (epochs.empty()) return findings;
  const EpochReport& now = epochs.back();
  const double best = std::ranges::min(epochs, {}, &EpochReport::loss).loss;
  const std::string rate = fmt::format("at a learning rate of {:.3g} ", now.learning_rate);
  if (now.loss > above * constant) {
    findings.push_back(rate_finding(
        fmt::format("{}the loss is {:.3g}, above the {:.3g} of a constant answer", rate, now.loss, constant),
        now.loss / constant, "of the constant answer's loss", 0.98));
  } else if (now.loss > kRise * best && now.loss > kHigh * constant) {
    findings.push_back(
        rate_finding(fmt::format("{}the loss rises: {:.3g} after {:.3g}", rate, now.loss, best),
                     now.loss / best, "times the best loss", 0.6));
  } else if (epochs.size() >= 2 && dead_share(now) >= kManyDead && dead_share(epochs.front()) < 1.0 &&
             now.loss > kNotLearned * constant) {
    findings.push_back(
        rate_finding(fmt::format("{}{:.0f} % of a layer's units are dead and the loss does not fall", rate,
                                 100 * dead_share(now)),
                     dead_share(now), "of a layer's units", 0.8));
  }
  if (epochs.size() >= kPatience && best > kNotLearned * constant)
    findings.push_back(make_finding(
        {.kind = "not_learned",
         .where = "",
         .what = fmt::format(
             "after {} epochs the loss, {:.3g}, is no better than the {:.3g} of a constant answer",
             epochs.size(), best, constant),
         .number = best / constant,
         .unit = "of the constant answer's loss",
         .weight = 0.5}));
  return findings;
}

}  // namespace halfwave
