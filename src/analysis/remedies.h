#pragma once
#include <halfwave/heal.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/model_parts.h"

namespace halfwave {

/// What a remedy goes by.
struct RemedyCase {
  const ModelParts& model;
  const Dataset& data;
  const TrainOptions& options;
  std::vector<const Finding*> findings;  ///< those that it answers, the heaviest first
  std::uint64_t seed;                    ///< fixes its random numbers
};

/// What training begins with.
struct Variant {
  std::shared_ptr<ModelParts> start;
  TrainOptions options;
  std::string what;  ///< was changed, in words
};

/// A remedy, declared once: `heal`, `list remedies` and the documentation go by this.
struct RemedyKind {
  std::string_view name, help;
  std::vector<std::string_view> answers;  ///< kinds of findings
  /// Nothing where the model has nothing that it could change.
  std::optional<Variant> (*apply)(const RemedyCase& its);
};
std::span<const RemedyKind> remedy_kinds();

/// The table of docs/inspect.md, which is made of the declarations; a test compares.
std::string remedy_table_markdown();

}  // namespace halfwave
