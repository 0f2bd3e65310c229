#include "io/database.h"

#include <fmt/format.h>
#include <halfwave/error.h>
#include <sqlite3.h>

#include <cstring>
#include <fstream>
#include <limits>
#include <new>

namespace halfwave {
namespace {

constexpr int kPatience = 60;  // seconds for another program's transaction, which takes a hundredth of one

Error no_sqlite_file(const std::string& name) {
  return input_error(fmt::format("{} is no SQLite file. It is left as it is; name another file.", name));
}

/// Whether a file that is there begins as SQLite's do. One that is shorter than their header SQLite would
/// take for a new one, and write over it.
bool is_foreign(const std::filesystem::path& path) {
  constexpr std::string_view kMagic("SQLite format 3\0", 16);
  std::ifstream file(path, std::ios::binary);
  std::string begin(kMagic.size(), ' ');
  file.read(begin.data(), static_cast<std::streamsize>(begin.size()));
  return file.gcount() > 0 && begin != kMagic;
}

}  // namespace

void Database::Close::operator()(sqlite3* database) const { sqlite3_close_v2(database); }

Database::Database(const std::filesystem::path& path, bool make) : name_(path.string()) {
  if (is_foreign(path)) throw no_sqlite_file(name_);
  // An absolute path is a file's always; SQLite has other names with a meaning.
  const std::string file = std::filesystem::absolute(path).string();
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(file.c_str(), &handle,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (make ? SQLITE_OPEN_CREATE : 0), nullptr);
  handle_.reset(handle);
  if (code != SQLITE_OK) fail();
  sqlite3_busy_timeout(handle, kPatience * 1000);
  run("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON");
}

void Database::run(const std::string& sql) const {
  if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail();
}

void Database::damaged(std::string_view how) const {
  throw input_error(
      fmt::format("{} is damaged ({}). Move it away and begin another; 'sqlite3 FILE .recover' may save what "
                  "is in it.",
                  name_, how));
}

/// Throws what SQLite reported last.
void Database::fail() const {
  if (!handle_) throw std::bad_alloc();
  const std::string reason = sqlite3_errmsg(handle_.get());
  switch (sqlite3_errcode(handle_.get()) & 0xff) {
    case SQLITE_NOMEM:
      throw std::bad_alloc();
    case SQLITE_NOTADB:
      throw no_sqlite_file(name_);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw input_error(
          fmt::format("{}: another program has kept the file to itself for {} seconds. End it, or name "
                      "another file.",
                      name_, kPatience));
    case SQLITE_READONLY:
    case SQLITE_PERM:
      throw input_error(fmt::format(
          "{} cannot be written ({}). Make the file and its folder writable, or name another file.", name_,
          reason));
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
    case SQLITE_FULL: {
      const int number = sqlite3_system_errno(handle_.get());
      throw input_error(
          fmt::format("{} cannot be read or written ({}{}{}). What was kept in it before is safe.", name_,
                      reason, number ? ": " : "", number ? std::strerror(number) : ""));
    }
    default:
      damaged(reason);
  }
}

Transaction::Transaction(const Database& database, Kind kind) : database_(database) {
  // To write it waits for its turn at once: two that read first and then want to write would be in each
  // other's way for ever.
  database.run(kind == Kind::write ? "BEGIN IMMEDIATE" : "BEGIN");
}

Transaction::~Transaction() {
  if (done_) return;
  try {
    database_.run("ROLLBACK");
  } catch (const std::exception&) {  // it is rolled back already, or will be when the file is opened again
  }
}

void Transaction::commit() {
  database_.run("COMMIT");
  done_ = true;
}

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Statement::Statement(const Database& database, const std::string& sql) : database_(database) {
  sqlite3_stmt* handle = nullptr;
  const int code = sqlite3_prepare_v2(database.handle_.get(), sql.c_str(), -1, &handle, nullptr);
  handle_.reset(handle);
  if (code != SQLITE_OK) database.fail();
}

void Statement::bind(const std::string& value) {
  if (sqlite3_bind_text64(handle_.get(), ++bound_, value.data(), value.size(), SQLITE_TRANSIENT,
                          SQLITE_UTF8) != SQLITE_OK)
    database_.fail();
}

void Statement::bind(double value) {
  if (sqlite3_bind_double(handle_.get(), ++bound_, value) != SQLITE_OK) database_.fail();
}

void Statement::bind(std::int64_t value) {
  if (sqlite3_bind_int64(handle_.get(), ++bound_, value) != SQLITE_OK) database_.fail();
}

bool Statement::step() {
  column_ = 0;
  const int code = sqlite3_step(handle_.get());
  if (code != SQLITE_ROW && code != SQLITE_DONE) database_.fail();
  return code == SQLITE_ROW;
}

int Statement::next_column(int type, int other_type) {
  const int column = column_++, found = sqlite3_column_type(handle_.get(), column);
  if (found != type && found != other_type)
    database_.damaged(
        fmt::format("column {} has a wrong kind of value", sqlite3_column_name(handle_.get(), column)));
  return column;
}

void Statement::read(std::string& value) {
  const int column = next_column(SQLITE_TEXT, SQLITE_TEXT);
  const void* text = sqlite3_column_text(handle_.get(), column);
  if (!text) throw std::bad_alloc();
  value.assign(static_cast<const char*>(text),
               static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column)));
}

void Statement::read(double& value) {
  const int column = next_column(SQLITE_FLOAT, SQLITE_NULL);
  value = sqlite3_column_type(handle_.get(), column) == SQLITE_NULL
              ? std::numeric_limits<double>::quiet_NaN()
              : sqlite3_column_double(handle_.get(), column);
}

void Statement::read(std::int64_t& value) { value = read_integer(); }

std::int64_t Statement::read_integer() {
  return sqlite3_column_int64(handle_.get(), next_column(SQLITE_INTEGER, SQLITE_INTEGER));
}

}  // namespace halfwave
