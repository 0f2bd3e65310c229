#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/nonzero_lists.h"

namespace halfwave {

/// What is noted of a matrix [batch, units] in the pass that makes it: how many numbers of each unit are not
/// zero, and, of groups of 32 rows that are sparse enough, the lists that the next layer's products go over.
/// The counts are what the plan chooses those products by, and what the health figures are made of.
class Nonzeros {
 public:
  /// Floats of memory for batches up to a size; the lists are most of it and may be left out.
  static std::size_t floats(std::size_t batch, std::size_t units, bool lists);
  Nonzeros(float* memory, std::size_t batch, std::size_t units, bool lists);

  bool has_lists() const { return list_memory_ != nullptr; }
  /// Before each pass. Groups with a density below `list_below` will be listed.
  void begin(std::size_t batch, double list_below);
  /// Notes one group of rows that has just been made. Several threads may note different groups at once.
  void note(const float* matrix, std::size_t stride, std::size_t group);
  /// The groups of some rows, which are whole groups.
  void note_rows(const float* matrix, std::size_t stride, Range rows) {
    const Range groups = NonzeroLists::groups_of(rows);
    for (std::size_t group = groups.begin; group < groups.end; ++group) note(matrix, stride, group);
  }
  /// After the pass.
  void end();

  /// Share of the numbers that are not zero. This and what follows only where there is memory for lists.
  double density() const { return density_; }
  double density(std::size_t group) const {
    return static_cast<double>(ones_[group]) / static_cast<double>(lists_.rows_of(group).size() * units_);
  }
  bool listed(std::size_t group) const { return listed_[group] != 0; }
  bool all_listed() const { return listed_groups_ == lists_.groups(); }
  bool any_listed() const { return listed_groups_ > 0; }
  const NonzeroLists& lists() const { return lists_; }
  /// Adds each unit's count; always.
  void add_counts(std::span<std::uint64_t> totals) const;

 private:
  std::size_t units_;
  std::uint32_t* counts_;         ///< [groups, units rounded up to a line]
  float* list_memory_ = nullptr;  ///< null: no lists
  double list_below_ = 0.0, density_ = 1.0;
  std::size_t listed_groups_ = 0;
  NonzeroLists lists_;
  std::vector<std::uint8_t> listed_;  ///< by group
  std::vector<std::size_t> ones_;     ///< numbers that are not zero, by group
};

}  // namespace halfwave
