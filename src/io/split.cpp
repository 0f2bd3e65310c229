#include "io/split.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

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
  Examples &train = data.train, &test = data.test;
  std::visit(
      [&](auto& from) {
        std::remove_reference_t<decltype(from)> to;
        move_rows(from, to, data.schema.features(), marked);
        test.values = std::move(to);
      },
      train.values);
  move_rows(train.labels, test.labels, 1, marked);
  move_rows(train.targets, test.targets, data.schema.outputs, marked);
  test.count = chosen;
  train.count -= chosen;
}

}  // namespace halfwave
