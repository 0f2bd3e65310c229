#pragma once
#include <string>
#include <vector>

#include "io/run_store.h"

namespace halfwave {

/// A variant of a store, which may be one of several comparisons.
struct StoredMember {
  std::string version;
  StoredVariant row;

  bool operator==(const StoredMember& other) const {
    return version == other.version && row.options == other.row.options;
  }
};

/// The comparisons on one data set as one.
struct StoredGroup {
  std::vector<StoredMember> members;  ///< in the order in which they were first compared
  std::vector<std::string> compared;  ///< options
  std::vector<std::string> names;     ///< of the members, each another
};

/// Puts comparisons on one data set together. Variants with equal options are one, and one whose learning
/// rate was still unknown is the same one of a comparison that knew it. A comparison by itself, also one that
/// was begun several times, keeps its names; others are told apart by the options in which they differ.
StoredGroup put_together(const std::vector<StoredComparison>& comparisons);

}  // namespace halfwave
