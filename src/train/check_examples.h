#pragma once
#include <halfwave/dataset.h>

#include <string_view>

namespace halfwave {

enum class Labels { needed, unused };

/// Throws Error (usage) where sizes or labels do not fit the schema. Data sets made by hand come through here
/// before any kernel, which trusts them. `what` names the examples: "the training part".
void check_examples(const Examples& examples, const Schema& schema, Labels labels, std::string_view what);

}  // namespace halfwave
