#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "core/grouped.h"
#include "core/suggest.h"
#include "halfwave/error.h"
#include "io/byte_source.h"
#include "io/labels.h"
#include "io/table.h"

namespace halfwave {
namespace {

/// What is done with one column of the file.
struct Role {
  enum class Kind { skip, numeric, text, target };
  Kind kind = Kind::skip;
  std::size_t feature = 0;          ///< its first feature
  TextMap<std::size_t> categories;  ///< text: the feature of each
};

/// The number in "column_7", as columns without a header are called.
std::optional<std::size_t> position_of(std::string_view name) {
  constexpr std::string_view kPrefix = "column_";
  std::size_t position = 0;
  if (!name.starts_with(kPrefix)) return std::nullopt;
  const char *begin = name.data() + kPrefix.size(), *end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(begin, end, position);
  return error == std::errc() && stop == end && begin != end ? std::optional(position) : std::nullopt;
}

/// Positions in the file of the schema's columns, and last of its target (none: npos).
std::vector<std::size_t> match_by_name(const Table& table, const Schema& schema) {
  std::vector<std::size_t> positions;
  for (const Column& column : schema.columns) {
    const auto found = std::find(table.names.begin(), table.names.end(), column.name);
    if (found == table.names.end()) {
      throw input_error(fmt::format("{}: has no column '{}', which the model needs.{}", table.path,
                                    column.name, did_you_mean(column.name, table.names)));
    }
    positions.push_back(static_cast<std::size_t>(found - table.names.begin()));
  }
  const auto target = std::find(table.names.begin(), table.names.end(), schema.target);
  positions.push_back(target == table.names.end() ? std::string::npos
                                                  : static_cast<std::size_t>(target - table.names.begin()));
  return positions;
}

/// The same for names that are positions. A file with one column less than these need has no target.
std::vector<std::size_t> match_by_position(const Table& table, const Schema& schema) {
  std::vector<std::size_t> positions;
  std::size_t needed = 0;
  for (const Column& column : schema.columns) positions.push_back(*position_of(column.name));
  positions.push_back(position_of(schema.target).value_or(std::string::npos));
  for (const std::size_t position : positions) {
    if (position != std::string::npos) needed = std::max(needed, position + 1);
  }
  const std::size_t target = positions.back();
  if (table.names.size() + 1 == needed && target != std::string::npos) {
    for (std::size_t& position : positions) position -= position > target ? 1 : 0;
    positions.back() = std::string::npos;
  } else if (table.names.size() < needed) {
    throw input_error(
        fmt::format("{}: {} columns where the model needs {}", table.path, table.names.size(), needed));
  }
  return positions;
}

std::vector<std::size_t> match(const Table& table, const Schema& schema) {
  const bool positional = std::all_of(schema.columns.begin(), schema.columns.end(), [](const Column& column) {
    return position_of(column.name).has_value();
  });
  if (!table.header && positional) return match_by_position(table, schema);
  if (!table.header) {
    throw input_error(fmt::format("{}: has no header, but the model knows its columns by name ('{}', …)",
                                  table.path, schema.columns.front().name));
  }
  return match_by_name(table, schema);
}

class Encoder {
 public:
  Encoder(const Table& table, const Schema& schema, NoTarget no_target)
      : table_(table),
        schema_(schema),
        no_target_(no_target),
        classes_(schema.classes),
        roles_(table.names.size()) {
    const std::vector<std::size_t> positions = match(table, schema);
    std::size_t feature = 0;
    for (std::size_t c = 0; c < schema.columns.size(); ++c) {
      const Column& column = schema.columns[c];
      Role& role = roles_[positions[c]];
      role.feature = feature;
      role.kind = column.kind == Column::Kind::numeric ? Role::Kind::numeric : Role::Kind::text;
      for (const std::string& category : column.categories) role.categories.emplace(category, feature++);
      if (column.kind == Column::Kind::numeric) ++feature;
    }
    features_ = feature;
    if (feature != schema.features()) {
      throw input_error(
          fmt::format("{}: {} features where the network takes {}", table.path, feature, schema.features()));
    }
    if (positions.back() != std::string::npos) roles_[positions.back()].kind = Role::Kind::target;
  }

  Examples run(std::vector<std::string>& warnings) {
    std::vector<float> values;
    const auto rows =
        static_cast<std::size_t>(std::count(table_.bytes.begin(), table_.bytes.end(), '\n') + 1);
    check_memory(table_.path, std::uint64_t{rows} * features_ * sizeof(float));
    values.reserve(rows * features_);
    TableReader reader(table_);
    while (reader.next()) {
      values.resize(values.size() + features_, 0.0f);
      if (!encode_row(reader, std::span(values).last(features_))) {
        values.resize(values.size() - features_);
        continue;
      }
      ++examples_.count;
    }
    if (examples_.count == 0)
      throw input_error(
          fmt::format("{}: holds no rows{}", table_.path, without_target_ > 0 ? " with a target" : ""));
    if (without_target_ > 0 && no_target_ == NoTarget::no_labels) {
      examples_.labels.clear();
      examples_.targets.clear();
    }
    examples_.values = std::move(values);
    report(warnings);
    return std::move(examples_);
  }

 private:
  Error wrong_field(const TableReader& reader, std::size_t column, const std::string& what) const {
    return input_error(
        fmt::format("{}, line {}, column '{}': {}", table_.path, reader.line(), table_.names[column], what));
  }

  /// False where the row has no target and is left out.
  bool encode_row(const TableReader& reader, std::span<float> out) {
    bool has_target = true;
    for (std::size_t i = 0; i < roles_.size(); ++i) {
      const Role& role = roles_[i];
      const std::string_view field = reader.fields()[i];
      switch (role.kind) {
        case Role::Kind::skip:
          break;
        case Role::Kind::numeric:
          out[role.feature] = number(reader, i);
          break;
        case Role::Kind::text:
          encode_category(role, field, out);
          break;
        case Role::Kind::target:
          has_target = encode_target(reader, i);
          break;
      }
    }
    without_target_ += !has_target;
    return has_target || no_target_ == NoTarget::no_labels;
  }

  float number(const TableReader& reader, std::size_t column) const {
    double value = 0;
    const std::string_view field = reader.fields()[column];
    switch (classify(field, value)) {
      case Field::missing:
        return std::numeric_limits<float>::quiet_NaN();
      case Field::number:
        return static_cast<float>(value);
      case Field::infinite:
        throw wrong_field(reader, column, fmt::format("'{}' is not a finite number", field));
      case Field::text:
        break;
    }
    throw wrong_field(reader, column,
                      fmt::format("text '{}' where numbers were; write ? for a missing value", field));
  }

  void encode_category(const Role& role, std::string_view field, std::span<float> out) {
    const auto found = role.categories.find(field);
    if (found != role.categories.end()) {
      out[found->second] = 1.0f;
      return;
    }
    double value = 0;
    unknown_categories_ += classify(field, value) != Field::missing;
  }

  bool encode_target(const TableReader& reader, std::size_t column) {
    const std::string_view field = reader.fields()[column];
    double value = 0;
    const Field kind = classify(field, value);
    if (kind == Field::missing) return false;
    if (schema_.task == Task::regression) {
      examples_.targets.push_back(number(reader, column));
      return true;
    }
    std::int32_t label = classes_.find(field);
    if (label < 0 && kind == Field::number) label = classes_.find(number_text(value));
    if (label < 0 && field.back() == '.') {
      label = classes_.find(field.substr(0, field.size() - 1));
      ended_in_dot_ += label >= 0;
    }
    if (label < 0)
      throw wrong_field(reader, column, fmt::format("class '{}' {}", field, classes_.why_unknown(field)));
    examples_.labels.push_back(label);
    return true;
  }

  void report(std::vector<std::string>& warnings) const {
    const auto warn = [&](std::size_t n, const char* what) {
      if (n > 0) warnings.push_back(fmt::format("{}: {} {}", table_.path, grouped(n), what));
    };
    if (no_target_ == NoTarget::drop_row) warn(without_target_, "rows without a target left out");
    warn(unknown_categories_, "texts are of no known category and count as missing");
    warn(ended_in_dot_, "classes end in a dot that the model's do not have: read without it");
  }

  const Table& table_;
  const Schema& schema_;
  NoTarget no_target_;
  ClassMap classes_;
  std::vector<Role> roles_;
  std::size_t features_ = 0, without_target_ = 0, unknown_categories_ = 0, ended_in_dot_ = 0;
  Examples examples_;
};

/// Numeric columns come first, so column and feature have the same number.
template <class Value, class Visit>
void for_each_number(const Schema& schema, std::span<Value> values, Visit&& visit) {
  const std::size_t features = schema.features();
  for (std::size_t row = 0; row < values.size(); row += features) {
    for (std::size_t c = 0; c < schema.columns.size() && schema.columns[c].kind == Column::Kind::numeric;
         ++c) {
      visit(c, values[row + c]);
    }
  }
}

}  // namespace

Examples encode(const Table& table, const Schema& schema, NoTarget no_target,
                std::vector<std::string>& warnings) {
  return Encoder(table, schema, no_target).run(warnings);
}

std::size_t repeated_rows(const Examples& examples, std::size_t features) {
  const auto& values = std::get<std::vector<float>>(examples.values);
  std::vector<std::size_t> hashes(examples.count);
  for (std::size_t i = 0; i < examples.count; ++i) {
    const std::string_view row(reinterpret_cast<const char*>(values.data() + i * features),
                               features * sizeof(float));
    const auto label = examples.labels.empty() ? std::hash<float>{}(examples.targets[i])
                                               : std::hash<std::int32_t>{}(examples.labels[i] + 1);
    hashes[i] = std::hash<std::string_view>{}(row) ^
                label * 0x9E3779B97F4A7C15u;  // 2^64 / golden ratio: spreads the bits
  }
  std::sort(hashes.begin(), hashes.end());
  return static_cast<std::size_t>(hashes.end() - std::unique(hashes.begin(), hashes.end()));
}

void measure_fill(Schema& schema, const Examples& training) {
  std::vector<double> sum(schema.columns.size(), 0.0);
  std::vector<std::size_t> count(schema.columns.size(), 0);
  for_each_number(schema, std::span(std::get<std::vector<float>>(training.values)),
                  [&](std::size_t c, float value) {
                    if (std::isnan(value)) return;
                    sum[c] += static_cast<double>(value);
                    ++count[c];
                  });
  for (std::size_t c = 0; c < sum.size(); ++c) {
    if (count[c] > 0) schema.columns[c].fill = static_cast<float>(sum[c] / static_cast<double>(count[c]));
  }
}

std::size_t fill_missing(const Schema& schema, Examples& examples) {
  std::size_t filled = 0;
  for_each_number(schema, std::span(std::get<std::vector<float>>(examples.values)),
                  [&](std::size_t c, float& value) {
                    if (!std::isnan(value)) return;
                    value = schema.columns[c].fill;
                    ++filled;
                  });
  return filled;
}

}  // namespace halfwave
