#include "layers/nonzeros.h"

#include <algorithm>
#include <numeric>

#include "kernels/rows.h"

namespace halfwave {
namespace {

std::size_t count_floats(std::size_t batch, std::size_t units) {
  return NonzeroLists::groups_of(batch) * round_up(units, kLineFloats);
}

}  // namespace

std::size_t Nonzeros::floats(std::size_t batch, std::size_t units, bool lists) {
  return count_floats(batch, units) + (lists ? NonzeroLists::floats(batch, units) : 0);
}

Nonzeros::Nonzeros(float* memory, std::size_t batch, std::size_t units, bool lists)
    : units_(units),
      counts_(reinterpret_cast<std::uint32_t*>(memory)),
      list_memory_(lists && memory ? memory + count_floats(batch, units) : nullptr),
      listed_(NonzeroLists::groups_of(batch)),
      ones_(NonzeroLists::groups_of(batch)) {}

void Nonzeros::begin(std::size_t batch, double list_below) {
  lists_ = NonzeroLists(list_memory_, batch, units_);
  list_below_ = list_below;
}

void Nonzeros::note(const float* matrix, std::size_t stride, std::size_t group) {
  const Range rows = lists_.rows_of(group);
  std::uint32_t* const counts = counts_ + group * round_up(units_, kLineFloats);
  std::fill_n(counts, units_, 0u);
  count_nonzeros(matrix + rows.begin * stride, stride, rows.size(), {0, units_}, counts);
  if (!has_lists()) return;  // nobody asks for more than the counts
  ones_[group] = std::accumulate(counts, counts + units_, std::size_t{0});
  const bool list = density(group) < list_below_;
  listed_[group] = list ? 1 : 0;
  if (list) list_rows(matrix, stride, group, lists_);
}

void Nonzeros::end() {
  if (!has_lists()) return;
  const auto groups = static_cast<std::ptrdiff_t>(lists_.groups());
  const std::size_t ones = std::accumulate(ones_.begin(), ones_.begin() + groups, std::size_t{0});
  density_ = static_cast<double>(ones) / static_cast<double>(lists_.rows() * units_);
  listed_groups_ = std::accumulate(listed_.begin(), listed_.begin() + groups, std::size_t{0});
}

void Nonzeros::add_counts(std::span<std::uint64_t> totals) const {
  for (std::size_t group = 0; group < lists_.groups(); ++group) {
    const std::uint32_t* const counts = counts_ + group * round_up(units_, kLineFloats);
    for (std::size_t u = 0; u < units_; ++u) totals[u] += counts[u];
  }
}

}  // namespace halfwave
