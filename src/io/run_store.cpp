#include "io/run_store.h"

#include <fmt/format.h>
#include <halfwave/error.h>

#include <system_error>

namespace halfwave {
namespace fs = std::filesystem;
namespace {

constexpr std::int64_t kApplication = 0x48575253;  // "HWRS"; `file` and SQLite's own programs show it
constexpr std::int64_t kSchema = 1;

// One file that can be copied and read in a read-only folder: SQLite's rollback journal, not its log (WAL).
// Columns of doubles have no type, since REAL would make 0 of -0; a double that is NaN is NULL. A seed from
// 2^63 on is shown as the negative integer of the same bits.
constexpr const char* kTables = R"(
CREATE TABLE data_sets (
  fingerprint TEXT PRIMARY KEY, name TEXT NOT NULL, task TEXT NOT NULL, train INTEGER NOT NULL,
  test INTEGER NOT NULL, features INTEGER NOT NULL, classes TEXT NOT NULL);
CREATE TABLE comparisons (
  id INTEGER PRIMARY KEY, began TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
  data TEXT NOT NULL REFERENCES data_sets, version TEXT NOT NULL,
  compared TEXT NOT NULL, metric TEXT NOT NULL, goal TEXT NOT NULL, warnings TEXT NOT NULL);
CREATE TABLE variants (
  comparison INTEGER NOT NULL REFERENCES comparisons, place INTEGER NOT NULL, name TEXT NOT NULL,
  options TEXT NOT NULL, other_options TEXT NOT NULL, search TEXT NOT NULL,
  PRIMARY KEY (comparison, place));
CREATE TABLE runs (
  data TEXT NOT NULL REFERENCES data_sets, version TEXT NOT NULL, network TEXT NOT NULL,
  options TEXT NOT NULL, seed INTEGER NOT NULL, learning_rate, score, epochs INTEGER NOT NULL, seconds,
  ended TEXT NOT NULL, message TEXT NOT NULL, parameters INTEGER NOT NULL, warnings TEXT NOT NULL,
  history TEXT NOT NULL, PRIMARY KEY (data, version, options, network, seed));
CREATE TABLE rates (
  data TEXT NOT NULL REFERENCES data_sets, version TEXT NOT NULL, network TEXT NOT NULL,
  options TEXT NOT NULL, seed INTEGER NOT NULL, learning_rate, score, diverged INTEGER NOT NULL, loss,
  PRIMARY KEY (data, version, options, network, seed));
CREATE VIEW results AS
  SELECT DISTINCT d.name AS data_set, v.name AS variant, r.seed, c.metric, r.score, r.learning_rate, r.epochs,
         r.seconds, r.ended, r.network, r.options
  FROM comparisons c JOIN data_sets d ON d.fingerprint = c.data JOIN variants v ON v.comparison = c.id
       JOIN runs r ON r.data = c.data AND r.version = c.version AND r.options = v.options;
)";

/// Whether nothing is in the file yet. Throws Error (input) where what is in it is no store of this version.
bool is_new(const Database& database) {
  const auto application = database.value<std::int64_t>("PRAGMA application_id"),
             schema = database.value<std::int64_t>("PRAGMA user_version"),
             tables = database.value<std::int64_t>("SELECT count(*) FROM sqlite_master");
  if (application == 0 && schema == 0 && tables == 0) return true;
  if (application != kApplication)
    throw input_error(
        fmt::format("{} is no store of runs: it is a database of another program. It is left as it is; "
                    "name another file.",
                    database.name()));
  if (schema > kSchema)
    throw input_error(
        fmt::format("{} is a store of a newer Halfwave (schema {}, this one's is {}). Use that one, or "
                    "name another file.",
                    database.name(), schema, kSchema));
  return false;
}

/// The same of one moment, outside of a transaction: another program may be making its tables.
bool is_new_at_once(const Database& database) {
  Transaction transaction(database, Transaction::Kind::read);
  const bool result = is_new(database);
  transaction.commit();
  return result;
}

std::uintmax_t size_of(const fs::path& path) {
  std::error_code ignored;
  const std::uintmax_t size = fs::file_size(path, ignored);
  return ignored ? 0 : size;
}

/// The path, where it can be that of a store.
const fs::path& checked(const fs::path& path, bool write) {
  if (path.empty()) throw input_error("A store of runs needs the name of a file.");
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  if (fs::exists(status) && !fs::is_regular_file(status))
    throw input_error(fmt::format("{} is no store of runs: it is no file. Name another.", path.string()));
  if (write && !fs::exists(status) && path.has_parent_path() &&
      !fs::is_directory(path.parent_path(), ignored))
    throw input_error(fmt::format("{}: there is no folder {}. Make it, or name another file.", path.string(),
                                  path.parent_path().string()));
  if (!write && status.type() == fs::file_type::not_found)
    throw input_error(fmt::format("{}: there is no such file.", path.string()));
  return path;
}

/// A variant's row with its place in the table.
struct PlacedVariant {
  std::int64_t comparison = 0, place = 0;
  StoredVariant row;

  template <class Self, class Visitor>
  static void visit(Self& self, Visitor&& v) {
    v("comparison", self.comparison);
    v("place", self.place);
    StoredVariant::visit(self.row, v);
  }
};

struct NumberedComparison {
  std::int64_t id = 0;
  StoredComparison row;

  template <class Self, class Visitor>
  static void visit(Self& self, Visitor&& v) {
    v("id", self.id);
    StoredComparison::visit(self.row, v);
  }
};

/// A row by what a run is.
template <class Row>
std::optional<Row> find(const Database& database, const std::string& table, const RunKey& key,
                        std::uint64_t seed) {
  std::vector<Row> found = database.rows<Row>(
      table + " WHERE data = ? AND version = ? AND network = ? AND options = ? AND seed = ?", key.data,
      key.version, key.network, key.options, seed);
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

}  // namespace

RunStore::RunStore(const fs::path& path, Access access)
    : database_(checked(path, access == Access::write), access == Access::write) {
  const bool empty = size_of(path) == 0;
  if (is_new_at_once(database_)) {
    // SQLite takes also the beginning of a file for a new one.
    if (!empty && size_of(path) > 0) database_.damaged("it is cut short");
    if (access == Access::read)
      throw input_error(fmt::format("{} is no store of runs: it is empty.", database_.name()));
    Transaction transaction(database_, Transaction::Kind::write);
    if (is_new(database_)) {  // no other program was quicker
      database_.run(kTables);
      database_.run(
          fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", kApplication, kSchema));
    }
    transaction.commit();
  }
  if (const auto found = database_.value<std::string>("PRAGMA quick_check(1)"); found != "ok")
    database_.damaged(found);
  const auto pages = database_.value<std::uint64_t>("PRAGMA page_count"),
             page_size = database_.value<std::uint64_t>("PRAGMA page_size");
  if (size_of(path) < pages * page_size) database_.damaged("it is cut short");
}

void RunStore::keep(const StoredData& data) {
  const std::lock_guard lock(mutex_);
  database_.insert(
      "INSERT INTO data_sets", data,
      "ON CONFLICT (fingerprint) DO UPDATE SET name = excluded.name, classes = excluded.classes");
}

void RunStore::keep(const StoredRun& run) {
  const std::lock_guard lock(mutex_);
  database_.insert("INSERT OR IGNORE INTO runs", run);
}

void RunStore::keep(const StoredRate& rate) {
  const std::lock_guard lock(mutex_);
  database_.insert("INSERT OR IGNORE INTO rates", rate);
}

std::int64_t RunStore::keep(const StoredComparison& comparison, std::int64_t id) {
  const std::lock_guard lock(mutex_);
  Transaction transaction(database_, Transaction::Kind::write);
  if (id == 0) {
    database_.insert("INSERT INTO comparisons", comparison);
    id = database_.value<std::int64_t>("SELECT last_insert_rowid()");
  } else {
    database_.run(fmt::format("DELETE FROM variants WHERE comparison = {}", id));
  }
  std::int64_t place = 0;
  for (const StoredVariant& variant : comparison.variants)
    database_.insert("INSERT INTO variants", PlacedVariant{id, place++, variant});
  transaction.commit();
  return id;
}

std::optional<StoredRun> RunStore::find_run(const RunKey& key, std::uint64_t seed) const {
  const std::lock_guard lock(mutex_);
  return find<StoredRun>(database_, "runs", key, seed);
}

std::optional<StoredRate> RunStore::find_rate(const RunKey& key, std::uint64_t seed) const {
  const std::lock_guard lock(mutex_);
  return find<StoredRate>(database_, "rates", key, seed);
}

RunStore::Contents RunStore::contents() const {
  const std::lock_guard lock(mutex_);
  Transaction transaction(database_, Transaction::Kind::read);
  Contents contents;
  contents.data = database_.rows<StoredData>("data_sets ORDER BY rowid");
  std::vector<PlacedVariant> variants = database_.rows<PlacedVariant>("variants ORDER BY comparison, place");
  auto next = variants.begin();
  for (NumberedComparison& comparison : database_.rows<NumberedComparison>("comparisons ORDER BY id")) {
    for (; next != variants.end() && next->comparison <= comparison.id; ++next)
      if (next->comparison == comparison.id) comparison.row.variants.push_back(std::move(next->row));
    contents.comparisons.push_back(std::move(comparison.row));
  }
  contents.runs = database_.rows<StoredRun>("runs ORDER BY rowid");
  transaction.commit();
  return contents;
}

}  // namespace halfwave
