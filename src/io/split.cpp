#include "io/split.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/grouped.h"
#include "core/random.h"
#include "halfwave/error.h"

namespace halfwave {
namespace {

/// The examples of each class; of a regression all in one.
std::vector<std::vector<std::uint32_t>> strata(const Dataset& data) {
  const Examples& all = data.train;
  std::vector<std::vector<std::uint32_t>> members(std::max<std::size_t>(1, data.schema.classes.size()));
  for (std::uint32_t i = 0; i < all.count; ++i) {
    members[all.labels.empty() ? 0 : static_cast<std::size_t>(all.labels[i])].push_back(i);
  }
  return members;
}

/// How many examples of each stratum to move: the share rounded down, then one more where the fraction left
/// is largest.
std::vector<std::size_t> shares(const std::vector<std::vector<std::uint32_t>>& groups, double validation,
                                std::size_t count) {
  const auto total = std::max<std::size_t>(
      1, static_cast<std::size_t>(std::llround(validation * static_cast<double>(count))));
  std::vector<std::size_t> sizes(groups.size(), 0), order(groups.size());
  std::vector<double> fraction(groups.size(), 0.0);
  std::size_t chosen = 0;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const double exact = validation * static_cast<double>(groups[g].size());
    sizes[g] = std::min(static_cast<std::size_t>(exact), groups[g].empty() ? 0 : groups[g].size() - 1);
    fraction[g] = exact - std::floor(exact);
    chosen += sizes[g];
  }
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return fraction[a] > fraction[b]; });
  for (const std::size_t g : order) {
    if (chosen >= total || sizes[g] + 1 >= groups[g].size()) continue;
    ++sizes[g];
    ++chosen;
  }
  return sizes;
}

/// Moves the marked rows of `from` to `to`; the others close up.
template <class T>
void move_rows(std::vector<T>& from, std::vector<T>& to, std::size_t row_size,
               const std::vector<bool>& marked) {
  if (from.empty()) return;
  to.reserve(static_cast<std::size_t>(std::count(marked.begin(), marked.end(), true)) * row_size);
  std::size_t kept = 0;
  for (std::size_t row = 0; row < marked.size(); ++row) {
    const auto begin = from.begin() + static_cast<std::ptrdiff_t>(row * row_size);
    const auto end = begin + static_cast<std::ptrdiff_t>(row_size);
    if (marked[row]) {
      to.insert(to.end(), begin, end);
    } else {
      std::move(begin, end, from.begin() + static_cast<std::ptrdiff_t>(kept++ * row_size));
    }
  }
  from.resize(kept * row_size);
}

/// The marked examples of `from`, which it loses.
Examples take_out(Examples& from, const Schema& schema, const std::vector<bool>& marked) {
  Examples taken;
  std::visit(
      [&](auto& values) {
        std::remove_reference_t<decltype(values)> to;
        move_rows(values, to, schema.features(), marked);
        taken.values = std::move(to);
      },
      from.values);
  move_rows(from.labels, taken.labels, 1, marked);
  move_rows(from.targets, taken.targets, schema.outputs, marked);
  taken.count = static_cast<std::size_t>(std::count(marked.begin(), marked.end(), true));
  from.count -= taken.count;
  return taken;
}

/// All training examples, such that the first ones are stratified, however many of them: the one that is
/// r-th of n in a random order of its class (from 0) stands at (r + 1/2) / n, the first of each class at 0.
std::vector<std::uint32_t> stratified_order(const Dataset& data, std::uint64_t seed) {
  std::vector<std::pair<double, std::uint32_t>> places;
  places.reserve(data.train.count);
  const auto groups = strata(data);
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const std::size_t n = groups[g].size();
    std::vector<std::uint32_t> order(n);
    Random(seed, stream_id(Stream::subset, g)).permutation(order);
    for (std::size_t r = 0; r < n; ++r)
      places.emplace_back(r == 0 ? 0.0 : (static_cast<double>(r) + 0.5) / static_cast<double>(n),
                          groups[g][order[r]]);
  }
  std::stable_sort(places.begin(), places.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::uint32_t> order;
  order.reserve(places.size());
  for (const auto& place : places) order.push_back(place.second);
  return order;
}

}  // namespace

void split_off_test(Dataset& data, double validation, std::uint64_t seed) {
  if (!(validation >= 0.0 && validation < 1.0)) {
    throw usage_error(fmt::format("the validation share must be in [0, 1), not {}", validation));
  }
  if (validation == 0.0) return;
  std::vector<bool> marked(data.train.count, false);
  const auto groups = strata(data);
  const std::vector<std::size_t> sizes = shares(groups, validation, data.train.count);
  std::size_t chosen = 0;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    std::vector<std::uint32_t> order(groups[g].size());
    Random(seed, stream_id(Stream::split, g)).permutation(order);
    for (std::size_t i = 0; i < sizes[g]; ++i) marked[groups[g][order[i]]] = true;
    chosen += sizes[g];
  }
  if (chosen == 0) {
    throw input_error(fmt::format(
        "{}: no test part can be split off, as every class has a single example: give one", data.name));
  }
  data.test = take_out(data.train, data.schema, marked);
}

void keep_examples(Dataset& data, std::int64_t count, std::uint64_t seed) {
  if (count < 0) throw usage_error(fmt::format("the number of training examples cannot be {}", count));
  const auto wanted = static_cast<std::size_t>(count);
  if (wanted > data.train.count)
    data.warnings.push_back(
        fmt::format("{}: {} training examples were asked for, and there are {}: all are used", data.name,
                    grouped(wanted), grouped(data.train.count)));
  if (wanted == 0 || wanted >= data.train.count) return;
  const std::vector<std::uint32_t> order = stratified_order(data, seed);
  std::vector<bool> kept(data.train.count, false);
  for (std::size_t i = 0; i < wanted; ++i) kept[order[i]] = true;
  data.train = take_out(data.train, data.schema, kept);
}

}  // namespace halfwave
