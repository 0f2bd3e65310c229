#pragma once
#include <string>
#include <vector>

#include "halfwave/dataset.h"
#include "io/csv.h"

namespace halfwave {

/// What training needs to know of a table besides its schema.
struct Survey {
  Schema schema;  ///< Column::fill still 0: the mean needs the training part
  std::vector<std::string> feature_names;
  std::vector<std::size_t> missing;  ///< by column of the schema
  std::vector<std::string> warnings;
};

/// Finds the kinds of the columns, the categories, the target and the task; leaves out constant columns and
/// identifiers. Throws Error (input) for data that do not fit, (usage) for a target that is not there.
Survey survey(const Table& table, const DataOptions& options);

/// True where what was taken for a header is rather a row of values: numbers wherever the column holds
/// numbers, and among them a fraction or the same twice, or in every column of texts one that occurs there
/// again.
bool header_is_data(const Table& table);

/// The index of a column given by name or number (from 0; negative: from the end). Throws Error (usage).
std::size_t find_column(const Table& table, const std::string& wanted);

enum class NoTarget {
  drop_row,   ///< training and its test part: the row is left out, and a warning says how many
  no_labels,  ///< predictions: every row stays, and no row has a label
};

/// Reads the rows of a table for a schema: columns matched by name (by position without a header), unknown
/// categories zeros, missing numbers `NaN` (see fill_missing). Throws Error (input) with line and column.
Examples encode(const Table& table, const Schema& schema, NoTarget no_target,
                std::vector<std::string>& warnings);

/// The means of the numeric columns over the examples, missing values left out, become Column::fill.
void measure_fill(Schema& schema, const Examples& training);

/// Puts Column::fill where a number is missing; how many they were.
std::size_t fill_missing(const Schema& schema, Examples& examples);

/// How many examples have the same features and the same label or target as an earlier one.
std::size_t repeated_rows(const Examples& examples, std::size_t features);

}  // namespace halfwave
