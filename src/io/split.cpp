#include "io/split.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

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

/// Moves the marked rows of `from` to `to`; the others close up.
template <class T>
void move_rows(std::vector<T>& from, std::vector<T>& to, std::size_t row_size, const std::vector<bool>& marked) {
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
  std::size_t chosen = 0;
  const auto groups = strata(data);
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const std::size_t n = groups[g].size();
    if (n == 0) continue;
    const auto wanted = static_cast<std::size_t>(std::llround(validation * static_cast<double>(n)));
    std::vector<std::uint32_t> order(n);
    Random(seed, stream_id(Stream::split, g)).permutation(order);
    for (std::size_t i = 0; i < std::min(wanted, n - 1); ++i) marked[groups[g][order[i]]] = true;
    chosen += std::min(wanted, n - 1);
  }
  if (chosen == 0) {
    throw input_error(fmt::format("{}: {} examples are too few to split off a share of {}: give a larger --validation, or "
                                  "a test part",
                                  data.name, data.train.count, validation));
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
