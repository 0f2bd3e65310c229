#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace halfwave {

/// An SQLite file. Its rows are structs with `static visit(self, visitor)` that calls visitor(column, field)
/// for each column: texts, doubles, integers. A NaN is NULL in the file. All functions throw Error (input)
/// that names the file and says what to do; SQLite has then left the file as it was.
class Database {
 public:
  /// Opened for writing where the file allows it, to undo what a killed program left half done; made where it
  /// is not there and `make` says so.
  Database(const std::filesystem::path& path, bool make);

  const std::string& name() const { return name_; }

  /// Statements without arguments or rows, one after the other.
  void run(const std::string& sql) const;
  template <class Value>
  Value value(const std::string& sql) const;
  /// "SELECT (the row's columns) FROM " + rest.
  template <class Row, class... Arguments>
  std::vector<Row> rows(const std::string& rest, const Arguments&... arguments) const;
  /// into + " (the row's columns) VALUES (its values) " + rest.
  template <class Row>
  void insert(const std::string& into, const Row& row, const std::string& rest = "") const;

  [[noreturn]] void damaged(std::string_view how) const;

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  friend class Statement;
  [[noreturn]] void fail() const;

  std::string name_;
  std::unique_ptr<sqlite3, Close> handle_;
};

/// All between is done at commit(), or not at all.
class Transaction {
 public:
  enum class Kind { read, write };
  Transaction(const Database& database, Kind kind);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  const Database& database_;
  bool done_ = false;
};

class Statement {
 public:
  Statement(const Database& database, const std::string& sql);

  /// The next argument, the next column.
  void bind(const std::string& value);
  void bind(double value);
  void bind(std::int64_t value);
  void bind(std::uint64_t value) { bind(static_cast<std::int64_t>(value)); }
  void bind(bool value) { bind(std::int64_t{value}); }
  void read(std::string& value);
  void read(double& value);
  void read(std::int64_t& value);
  void read(std::uint64_t& value) { value = static_cast<std::uint64_t>(read_integer()); }
  void read(bool& value) { value = read_integer() != 0; }

  /// Whether there is a row; the first step runs what is no query.
  bool step();

 private:
  std::int64_t read_integer();
  int next_column(int type, int other_type);

  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  const Database& database_;
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
  int bound_ = 0, column_ = 0;
};

template <class Row>
std::string columns_of() {
  std::string list;
  const Row row;
  Row::visit(row, [&](const char* column, const auto&) {
    if (!list.empty()) list += ", ";
    list += column;
  });
  return list;
}

template <class Value>
Value Database::value(const std::string& sql) const {
  Statement query(*this, sql);
  Value value{};
  if (query.step()) query.read(value);
  return value;
}

template <class Row, class... Arguments>
std::vector<Row> Database::rows(const std::string& rest, const Arguments&... arguments) const {
  Statement query(*this, "SELECT " + columns_of<Row>() + " FROM " + rest);
  (query.bind(arguments), ...);
  std::vector<Row> rows;
  while (query.step()) Row::visit(rows.emplace_back(), [&](const char*, auto& value) { query.read(value); });
  return rows;
}

template <class Row>
void Database::insert(const std::string& into, const Row& row, const std::string& rest) const {
  std::string marks;
  Row::visit(row, [&](const char*, const auto&) { marks += marks.empty() ? "?" : ", ?"; });
  Statement insertion(*this, into + " (" + columns_of<Row>() + ") VALUES (" + marks + ") " + rest);
  Row::visit(row, [&](const char*, const auto& value) { insertion.bind(value); });
  insertion.step();
}

}  // namespace halfwave
