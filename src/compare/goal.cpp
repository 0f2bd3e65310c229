#include <fmt/format.h>
#include <fmt/ranges.h>
#include <halfwave/compare.h>
#include <halfwave/error.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <vector>

#include "compare/goal.h"
#include "core/suggest.h"

namespace halfwave {
namespace {

/// A figure of an epoch that can be a goal.
struct Measure {
  std::string_view name;
  double (*value)(const EpochReport&);
  bool reached_from_above;  ///< errors fall to the bound, accuracies rise to it
  bool of_test, of_classes, of_numbers;
};

constexpr std::array<Measure, 7> kMeasures{{
    {"train_error", [](const EpochReport& e) { return 1.0 - e.train_accuracy; }, true, false, true, false},
    {"train_accuracy", [](const EpochReport& e) { return e.train_accuracy; }, false, false, true, false},
    {"loss", [](const EpochReport& e) { return e.loss; }, true, false, true, true},
    {"test_error", [](const EpochReport& e) { return 1.0 - e.test_accuracy; }, true, true, true, false},
    {"test_accuracy", [](const EpochReport& e) { return e.test_accuracy; }, false, true, true, false},
    {"test_loss", [](const EpochReport& e) { return e.test_loss; }, true, true, true, true},
    {"test_rmse", [](const EpochReport& e) { return e.test_rmse; }, true, true, false, true},
}};

const Measure& find_measure(const std::string& name) {
  const auto* found = std::ranges::find(kMeasures, name, &Measure::name);
  if (found != kMeasures.end()) return *found;
  std::vector<std::string> names;
  for (const Measure& measure : kMeasures) names.emplace_back(measure.name);
  throw usage_error(fmt::format("--until: there is no measure '{}'.{} There are {}.", name,
                                did_you_mean(name, names), fmt::join(names, ", ")));
}

}  // namespace

bool Goal::reached(const EpochReport& epoch) const {
  const Measure& of = find_measure(measure);
  const double value = of.value(epoch);
  // 1 - accuracy is not exact: an error of 0.25 is 0.25 though the subtraction may give a hair more.
  const double slack = 1e-12 * std::max(1.0, std::fabs(bound));
  return of.reached_from_above ? value <= bound + slack : value >= bound - slack;
}

Goal parse_goal(std::string_view text) {
  const std::size_t sign = text.find('=');
  if (sign == std::string_view::npos)
    throw usage_error(
        fmt::format("--until needs a measure and a bound, e.g. train_error=0.25, not '{}'.", text));
  Goal goal{std::string(text.substr(0, sign)), 0.0};
  find_measure(goal.measure);
  const std::string_view number = text.substr(sign + 1);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), goal.bound);
  if (error != std::errc() || end != number.data() + number.size() || !std::isfinite(goal.bound))
    throw usage_error(fmt::format("--until: '{}' is not a number.", number));
  return goal;
}

void check_goal(const Goal& goal, Task task, bool has_test) {
  const Measure& measure = find_measure(goal.measure);
  if (measure.of_test && !has_test)
    throw usage_error(fmt::format("--until {}: the data have no test part.", goal.measure));
  if (!(task == Task::classification ? measure.of_classes : measure.of_numbers))
    throw usage_error(fmt::format(
        "--until {}: the data are {}; take {}.", goal.measure,
        task == Task::classification ? "classes" : "numbers to be predicted",
        task == Task::classification ? "train_error or test_error" : "loss, test_loss or test_rmse"));
}

}  // namespace halfwave
