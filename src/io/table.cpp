#include "io/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>
#include <unordered_set>

#include "core/grouped.h"
#include "core/suggest.h"
#include "halfwave/error.h"
#include "io/labels.h"

namespace halfwave {
namespace {

constexpr std::size_t kMostCategories = 1000;

/// What the first pass finds in one column of the file.
struct Findings {
  std::size_t numbers = 0, texts = 0, missing = 0;
  double low = std::numeric_limits<double>::infinity(), high = -low;
  std::size_t text_line = 0, infinite_line = 0;  ///< of the first; 0: none
  std::string first_text, first_infinite;
  std::set<std::string, std::less<>> categories;  ///< of text columns, from the second pass

  bool numeric() const { return texts == 0 && numbers > 0; }
  bool empty() const { return texts == 0 && numbers == 0; }
  bool constant() const { return numeric() ? low == high : categories.size() == 1 && missing == 0; }
};

std::vector<Findings> find_kinds(const Table& table) {
  std::vector<Findings> findings(table.names.size());
  TableReader reader(table);
  while (reader.next()) {
    for (std::size_t i = 0; i < findings.size(); ++i) {
      Findings& f = findings[i];
      double value = 0;
      switch (classify(reader.fields()[i], value)) {
        case Field::missing:
          ++f.missing;
          break;
        case Field::infinite:
          if (f.infinite_line == 0) f.first_infinite = reader.fields()[i], f.infinite_line = reader.line();
          [[fallthrough]];
        case Field::number:
          ++f.numbers;
          f.low = std::min(f.low, value);
          f.high = std::max(f.high, value);
          break;
        case Field::text:
          if (f.texts++ == 0) f.first_text = reader.fields()[i], f.text_line = reader.line();
          break;
      }
    }
  }
  return findings;
}

/// A few texts among numbers are a slip of the file, not a category.
void check_kinds(const Table& table, const std::vector<Findings>& findings) {
  constexpr std::size_t kShare = 20;  // one in twenty
  for (std::size_t i = 0; i < findings.size(); ++i) {
    const Findings& f = findings[i];
    if (f.texts > 0 && f.texts * kShare < f.numbers) {
      throw input_error(
          fmt::format("{}, line {}, column '{}': text '{}' where numbers were ({} of {} fields are numbers); "
                      "write ? for a missing value",
                      table.path, f.text_line, table.names[i], f.first_text, f.numbers, f.numbers + f.texts));
    }
    if (f.texts == 0 && f.infinite_line > 0) {
      throw input_error(fmt::format("{}, line {}, column '{}': '{}' is not a finite number", table.path,
                                    f.infinite_line, table.names[i], f.first_infinite));
    }
  }
}

/// Fills the categories of text columns: up to one more than the most that a feature may have, all of the
/// target's.
void find_categories(const Table& table, std::size_t target, std::vector<Findings>& findings) {
  std::vector<std::size_t> columns;
  for (std::size_t i = 0; i < findings.size(); ++i) {
    if (findings[i].texts > 0) columns.push_back(i);
  }
  if (columns.empty()) return;
  TableReader reader(table);
  while (reader.next()) {
    for (const std::size_t i : columns) {
      std::set<std::string, std::less<>>& categories = findings[i].categories;
      const std::string_view field = reader.fields()[i];
      double value = 0;
      if (classify(field, value) == Field::missing) continue;
      if (i != target && categories.size() > kMostCategories) continue;
      if (categories.find(field) == categories.end()) categories.emplace(field);
    }
  }
}

std::set<double> distinct_numbers(const Table& table, std::size_t column, std::size_t most) {
  std::set<double> distinct;
  TableReader reader(table);
  while (distinct.size() <= most && reader.next()) {
    double value = 0;
    if (classify(reader.fields()[column], value) == Field::number) distinct.insert(value);
  }
  return distinct;
}

void survey_target(const Table& table, std::size_t target, const Findings& f, const std::string& task,
                   Survey& result) {
  constexpr std::size_t kMostClasses = 10000;
  Schema& schema = result.schema;
  schema.target = table.names[target];
  const std::string place = fmt::format("{}: target column '{}'", table.path, schema.target);
  if (f.empty()) throw input_error(place + " holds no values");
  if (f.numeric()) {
    const std::set<double> distinct = distinct_numbers(table, target, kMostClasses);
    schema.task = task == "classification" || (task == "auto" && look_like_classes(distinct))
                      ? Task::classification
                      : Task::regression;
    for (const double value : distinct) {
      if (schema.task == Task::classification) schema.classes.push_back(number_text(value));
    }
  } else {
    if (task == "regression") {
      throw input_error(fmt::format("{}, line {}, column '{}': text '{}' where regression needs numbers",
                                    table.path, f.text_line, schema.target, f.first_text));
    }
    schema.task = Task::classification;
    schema.classes.assign(f.categories.begin(), f.categories.end());
  }
  if (schema.task == Task::classification) check_classes(place, schema.classes.size());
}

void survey_features(const Table& table, std::size_t target, const std::vector<Findings>& findings,
                     Survey& result) {
  const auto leave_out = [&](std::size_t i, const std::string& why) {
    result.warnings.push_back(fmt::format("{}: column '{}' left out: {}", table.path, table.names[i], why));
  };
  for (const Column::Kind kind : {Column::Kind::numeric, Column::Kind::text}) {
    for (std::size_t i = 0; i < findings.size(); ++i) {
      const Findings& f = findings[i];
      if (i == target || (f.texts > 0) != (kind == Column::Kind::text)) continue;
      if (f.empty()) {
        leave_out(i, "it holds no values");
      } else if (f.constant()) {
        leave_out(i, "all its values are the same");
      } else if (f.categories.size() > kMostCategories) {
        leave_out(i, fmt::format("more than {} different texts, so rather an identifier than a category",
                                 grouped(kMostCategories)));
      } else {
        result.schema.columns.push_back(
            {table.names[i], kind, 0.0f, {f.categories.begin(), f.categories.end()}});
        result.missing.push_back(f.missing);
      }
    }
  }
  for (const Column& column : result.schema.columns) {
    if (column.kind == Column::Kind::numeric) result.feature_names.push_back(column.name);
    for (const std::string& category : column.categories)
      result.feature_names.push_back(column.name + "=" + category);
  }
  if (result.feature_names.empty()) {
    throw input_error(fmt::format("{}: no column is left to learn from besides the target '{}'", table.path,
                                  table.names[target]));
  }
  result.schema.shape = {static_cast<std::int64_t>(result.feature_names.size())};
}

void check_names(const Table& table) {
  std::unordered_set<std::string> seen;
  for (const std::string& name : table.names) {
    if (!seen.insert(name).second) {
      throw input_error(fmt::format(
          "{}: two columns are called '{}': rename one, or say that there is no header", table.path, name));
    }
  }
}

}  // namespace

bool header_is_data(const Table& table) {
  constexpr std::size_t kRows = 1000;
  const std::size_t columns = table.names.size();
  std::vector<std::size_t> texts(columns, 0);
  std::vector<bool> occurs(columns, false);
  TableReader reader(table);
  for (std::size_t row = 0; row < kRows && reader.next(); ++row) {
    for (std::size_t i = 0; i < columns; ++i) {
      double value = 0;
      texts[i] += classify(reader.fields()[i], value) == Field::text;
      if (reader.fields()[i] == table.names[i]) occurs[i] = true;
    }
  }
  bool fraction = false, repeated = false, text_columns = false, all_texts_occur = true;
  std::unordered_set<std::string_view> seen;
  for (std::size_t i = 0; i < columns; ++i) {
    double value = 0;
    if (texts[i] > 0) {
      text_columns = true;
      all_texts_occur = all_texts_occur && occurs[i];
      continue;
    }
    const Field name = classify(table.names[i], value);
    if (name != Field::number && name != Field::missing) return false;
    fraction = fraction || table.names[i].find('.') != std::string::npos;
    repeated = repeated || !seen.insert(table.names[i]).second;
  }
  return fraction || repeated || (text_columns && all_texts_occur);
}

std::size_t find_column(const Table& table, const std::string& wanted) {
  const auto found = std::find(table.names.begin(), table.names.end(), wanted);
  if (found != table.names.end()) return static_cast<std::size_t>(found - table.names.begin());
  const auto columns = static_cast<long>(table.names.size());
  long number = wanted.empty() ? -1 : 0;
  const auto [end, error] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), number);
  if (wanted.empty() || (error == std::errc() && end == wanted.data() + wanted.size())) {
    if (number >= -columns && number < columns)
      return static_cast<std::size_t>(number < 0 ? number + columns : number);
    throw usage_error(
        fmt::format("{} has no column {}: it has columns 0 … {}", table.path, number, columns - 1));
  }
  std::string suggestion = did_you_mean(wanted, table.names);
  if (suggestion.empty())
    suggestion = fmt::format(" Its columns: '{}' … '{}'.", table.names.front(), table.names.back());
  throw usage_error(fmt::format("{} has no column '{}'.{}", table.path, wanted, suggestion));
}

Survey survey(const Table& table, const DataOptions& options) {
  check_names(table);
  Survey result;
  const std::size_t target = find_column(table, options.target);
  std::vector<Findings> findings = find_kinds(table);
  if (findings[0].numbers + findings[0].texts + findings[0].missing == 0) {
    throw input_error(fmt::format("{}: holds no rows below its header", table.path));
  }
  check_kinds(table, findings);
  find_categories(table, target, findings);
  survey_target(table, target, findings[target], options.task, result);
  survey_features(table, target, findings, result);
  return result;
}

}  // namespace halfwave
