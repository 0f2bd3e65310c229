#include "recognise/steps.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <set>

#include "recognise/spread.h"

namespace halfwave {

std::vector<float> StepTensor::numbers() const {
  const std::vector<float> elements = spread(constant, dims);
  std::vector<float> numbers(elements.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const float c = elements[places.empty() ? i : places[i]];
    numbers[i] = reciprocal ? factor / c : factor * c;
  }
  return numbers;
}

std::size_t InputStep::numbers() const {
  return static_cast<std::size_t>(
      std::accumulate(dims.begin(), dims.end(), std::int64_t{1}, std::multiplies<>()));
}

namespace {

/// Finds lines from their ends, behind a step that all begin with. Steps are in an order in which each comes
/// after those that it takes; they are counted from that step on, which is 0.
class Lines {
 public:
  Lines(const std::vector<Step>& steps, std::size_t from)
      : steps_(steps), first_(from + 1), dominators_(steps.size() + 1 - first_, 0) {
    for (std::size_t i = 1; i < dominators_.size(); ++i) {
      const std::vector<std::size_t>& inputs = step(i).inputs;
      dominators_[i] = number(inputs[0]);
      for (const std::size_t input : inputs) dominators_[i] = common(dominators_[i], number(input));
    }
  }

  /// From step `from` to step `to`.
  std::optional<StepLine> line(std::size_t from, std::size_t to, int depth = 0) {
    constexpr int kDeepest = 60;  // as network lines may be written
    StepLine line;
    while (to != from) {
      if (depth > kDeepest || to == kOutside || to < from || !seen_.insert(to).second) return std::nullopt;
      StepLine::Item item{to - 1 + first_, {}};
      const std::size_t before = dominators_[to];
      if (before == kOutside || before < from) return std::nullopt;
      if (step(to).inputs.size() > 1)
        for (const std::size_t input : step(to).inputs) {
          std::optional<StepLine> branch = this->line(before, number(input), depth + 1);
          if (!branch) return std::nullopt;
          item.branches.push_back(std::move(*branch));
        }
      line.items.push_back(std::move(item));
      to = before;
    }
    std::ranges::reverse(line.items);
    return line;
  }

  /// What the lines count a step as.
  std::size_t number(std::size_t step) const {
    const std::size_t counted = step + 1;  // the input is 0
    return counted < first_ ? kOutside : counted - first_;
  }

 private:
  static constexpr std::size_t kOutside = ~std::size_t{0};

  const Step& step(std::size_t number) const { return steps_[number - 1 + first_]; }
  /// The last step that is on all ways to both.
  std::size_t common(std::size_t a, std::size_t b) const {
    while (a != b && a != kOutside && b != kOutside) (a > b ? a : b) = dominators_[std::max(a, b)];
    return a == b ? a : kOutside;
  }

  const std::vector<Step>& steps_;
  const std::size_t first_;  ///< counted from 1, 0 being the input
  std::vector<std::size_t> dominators_;
  std::set<std::size_t> seen_;
};

}  // namespace

std::optional<StepLine> line_of(const std::vector<Step>& steps, std::size_t from, std::size_t to) {
  Lines lines(steps, from);
  return lines.line(0, lines.number(to));
}

}  // namespace halfwave
