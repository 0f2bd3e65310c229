#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace halfwave::cli {

enum class Align { left, right };

/// Rows under aligned columns, for people.
class TextTable {
 public:
  struct Column {
    std::string header;
    Align align = Align::left;
  };
  explicit TextTable(std::vector<Column> columns, std::string indent = "")
      : columns_(std::move(columns)), indent_(std::move(indent)) {}

  /// One cell a column.
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.empty(); }

  /// Lines of at most `width` columns: where the table is wider, its widest columns are wrapped. A row of
  /// headers comes first unless all of them are empty.
  std::string text(std::size_t width) const;

 private:
  std::vector<std::size_t> fitting_widths(std::size_t width) const;
  std::vector<Column> columns_;
  std::string indent_;
  std::vector<std::vector<std::string>> rows_;
};

/// A table whose rows appear one by one: its widths are fixed and its columns are aligned to the right.
class LiveTable {
 public:
  static constexpr std::size_t kNarrowest = 8;
  explicit LiveTable(std::vector<std::string> headers) : headers_(std::move(headers)) {}
  std::string header() const { return row(headers_); }
  std::string row(const std::vector<std::string>& cells) const;

 private:
  std::vector<std::string> headers_;
};

}  // namespace halfwave::cli
