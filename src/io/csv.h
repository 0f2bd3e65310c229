#pragma once
#include <cstddef>
#include <deque>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/file.h"

namespace halfwave {

/// A text table in memory, with what is known before its values are read.
struct Table {
  std::string path;
  Bytes bytes;
  char separator = ',';
  bool header = true;
  std::vector<std::string> names;  ///< one a column; "column_0", "column_1", … without a header
  std::size_t begin = 0;           ///< where the first row of values starts …
  std::size_t line = 1;            ///< … and its line

  std::string_view text() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
};

/// Splits text into rows of fields as RFC 4180 says, blanks around a field and empty lines left out. Lines
/// end in LF, CRLF or CR. Fields are views into the text, or into the reader for quoted ones with doubled
/// quotes: they hold until the next row.
class RowReader {
 public:
  RowReader(const std::string& path, std::string_view text, char separator, std::size_t begin,
            std::size_t line);
  explicit RowReader(const Table& table)
      : RowReader(table.path, table.text(), table.separator, table.begin, table.line) {}

  /// False at the end. Throws Error (input) where a quote is never closed.
  bool next();
  std::span<const std::string_view> fields() const { return fields_; }
  std::size_t line() const { return line_; }          ///< of the row's first field, from 1
  std::size_t position() const { return position_; }  ///< of the next row
  std::size_t next_line() const { return next_line_; }

 private:
  std::string_view quoted_field();
  std::string_view plain_field();
  bool end_of_field();

  const std::string& path_;
  std::string_view text_;
  char separator_;
  std::size_t position_, next_line_, line_ = 0;
  bool stops_[256] = {};
  std::vector<std::string_view> fields_;
  std::deque<std::string> unescaped_;
};

/// The same, but every row must have as many fields as the table has columns: Error (input) with file and
/// line else.
class TableReader : public RowReader {
 public:
  explicit TableReader(const Table& table) : RowReader(table), table_(table) {}
  bool next();

 private:
  const Table& table_;
};

/// Reads the file, inflates it where it is compressed, finds the separator (',', ';' or tab) from the first
/// lines and reads the header. Throws Error (input): not text, no rows, duplicate column names.
Table open_table(const std::filesystem::path& path, bool header);

/// Makes a table whose first row was taken for a header one without.
void forget_header(Table& table);

/// What a field is. Missing: nothing, ?, NA, N/A, nan or null, in either case.
enum class Field { missing, number, infinite, text };

/// Finds out, and the number's value; `infinite` is what float cannot hold.
Field classify(std::string_view field, double& value);

}  // namespace halfwave
