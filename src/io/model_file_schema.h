#pragma once
#include <map>
#include <string>
#include <string_view>

#include "halfwave/dataset.h"

namespace halfwave {

// The parts of a model's metadata that are JSON (docs/onnx.md has their keys). Texts that are not UTF-8
// (categories of a table in Latin-1) become lists of bytes, so that every text comes back as it was.

std::string schema_to_json(const Schema& schema);
/// Throws Error (input) naming the key. What comes back is consistent in itself: shape, columns and outputs
/// fit.
Schema schema_from_json(std::string_view text);

std::string facts_to_json(const std::map<std::string, std::string>& facts);
/// Throws Error (input).
std::map<std::string, std::string> facts_from_json(std::string_view text);

/// The class names alone, for other programs: a list of texts.
std::string classes_to_json(const std::vector<std::string>& classes);

/// The text, with '?' for every byte that is not UTF-8.
std::string valid_utf8(std::string_view text);

/// Throws Error (input) where the schema contradicts itself: empty shape, columns that do not make up the
/// features, …
void check_schema(const Schema& schema);
/// Throws Error (input) unless a network with these outputs can predict the schema's target: one output a
/// class (or one for two classes: that of class 1), or one a target.
void check_outputs(const Schema& schema, std::size_t outputs);

}  // namespace halfwave
