#pragma once
#include <halfwave/error.h>

#include <cstdint>
#include <exception>
#include <filesystem>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "io/database.h"

namespace halfwave {

// The rows of a store. Each visit(self, visitor) calls visitor(column, field) for its columns, for both
// directions. Texts that are JSON are made and read by src/compare.

struct StoredData {
  std::string fingerprint, name, task;
  std::int64_t train = 0, test = 0, features = 0;  ///< examples; numbers per example
  std::string classes;                             ///< JSON, their names

  template <class Self, class Visitor>
  static void visit(Self& self, Visitor&& v);
};

/// What a run is but for its seed.
struct RunKey {
  std::string data;  ///< fingerprint
  std::string version, network;
  std::string options;  ///< JSON, those that shape the result

  template <class Self, class Visitor>
  static void visit(Self& self, Visitor&& v);
};

struct StoredRun {
  RunKey key;
  std::uint64_t seed = 0;
  double learning_rate = 0.0, score = 0.0;
  std::int64_t epochs = 0;
  double seconds = 0.0;
  std::string ended, message;
  std::int64_t parameters = 0;
  std::string warnings, history;  ///< JSON: texts, epochs

  template <class Self, class Visitor>
  static void visit(Self& self, Visitor&& v);
};

/// A short run of a search.
struct StoredRate {
  RunKey key;
  std::uint64_t seed = 0;
  double learning_rate = 0.0, score = 0.0;
  bool diverged = false;
  double loss = 0.0;

  template <class Self, class Visitor>
  static void visit(Self& self, Visitor&& v);
};

struct StoredVariant {
  std::string name;
  std::string options;        ///< JSON, as RunKey has them
  std::string other_options;  ///< JSON, the others
  std::string search;         ///< JSON

  template <class Self, class Visitor>
  static void visit(Self& self, Visitor&& v);
};

/// One time that a comparison was begun.
struct StoredComparison {
  std::string data, version;
  std::string compared;  ///< JSON, names of options
  std::string metric, goal;
  std::string warnings;  ///< JSON
  std::vector<StoredVariant> variants;

  template <class Self, class Visitor>
  static void visit(Self& self, Visitor&& v);  ///< all but the variants
};

/// A file (SQLite) of training runs. Every function that keeps something is one transaction: whatever
/// happens, the file has all of it or nothing; and all may be called from several threads and by several
/// programs on one file. All throw Error (input) that names the file, and says what to do, where it cannot
/// be read or written; what is there is never lost by that.
class RunStore {
 public:
  enum class Access {
    read,  ///< of a file that is there; it need not be writable
    write  ///< makes the file where there is none
  };
  /// Throws Error (input) also for a file that is no store, of a newer Halfwave, or damaged.
  RunStore(const std::filesystem::path& path, Access access);

  void keep(const StoredData& data);
  /// What is there already stays.
  void keep(const StoredRun& run);
  void keep(const StoredRate& rate);
  /// A new one, where the id is 0, or instead of the one of that id. Gives its id.
  std::int64_t keep(const StoredComparison& comparison, std::int64_t id);

  std::optional<StoredRun> find_run(const RunKey& key, std::uint64_t seed) const;
  std::optional<StoredRate> find_rate(const RunKey& key, std::uint64_t seed) const;

  struct Contents {
    std::vector<StoredData> data;
    std::vector<StoredComparison> comparisons;  ///< as they began
    std::vector<StoredRun> runs;                ///< as they were kept
  };
  /// All at one moment.
  Contents contents() const;

  /// What `read` makes of texts of the store; where it cannot, the store is damaged.
  template <class Read>
  auto reading(Read&& read) const {
    try {
      return read();
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& wrong) {
      database_.damaged(wrong.what());
    }
  }

 private:
  Database database_;
  mutable std::mutex mutex_;
};

template <class Self, class Visitor>
void StoredData::visit(Self& self, Visitor&& v) {
  v("fingerprint", self.fingerprint);
  v("name", self.name);
  v("task", self.task);
  v("train", self.train);
  v("test", self.test);
  v("features", self.features);
  v("classes", self.classes);
}

template <class Self, class Visitor>
void RunKey::visit(Self& self, Visitor&& v) {
  v("data", self.data);
  v("version", self.version);
  v("network", self.network);
  v("options", self.options);
}

template <class Self, class Visitor>
void StoredRun::visit(Self& self, Visitor&& v) {
  RunKey::visit(self.key, v);
  v("seed", self.seed);
  v("learning_rate", self.learning_rate);
  v("score", self.score);
  v("epochs", self.epochs);
  v("seconds", self.seconds);
  v("ended", self.ended);
  v("message", self.message);
  v("parameters", self.parameters);
  v("warnings", self.warnings);
  v("history", self.history);
}

template <class Self, class Visitor>
void StoredRate::visit(Self& self, Visitor&& v) {
  RunKey::visit(self.key, v);
  v("seed", self.seed);
  v("learning_rate", self.learning_rate);
  v("score", self.score);
  v("diverged", self.diverged);
  v("loss", self.loss);
}

template <class Self, class Visitor>
void StoredVariant::visit(Self& self, Visitor&& v) {
  v("name", self.name);
  v("options", self.options);
  v("other_options", self.other_options);
  v("search", self.search);
}

template <class Self, class Visitor>
void StoredComparison::visit(Self& self, Visitor&& v) {
  v("data", self.data);
  v("version", self.version);
  v("compared", self.compared);
  v("metric", self.metric);
  v("goal", self.goal);
  v("warnings", self.warnings);
}

}  // namespace halfwave
