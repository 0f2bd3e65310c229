// Lost if these fail: runs that took hours, to a kill -9, to two programs at once or to a file that was
// another's.
#include "io/run_store.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <thread>

#include "io/database.h"
#include "io_files.h"

namespace halfwave::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

StoredRun sample_run(std::uint64_t seed) {
  StoredRun run;
  run.key = {"0123456789abcdef", "1.2.3", "dense 64, relu, dense", R"({"activation":"relu"})"};
  run.seed = seed;
  run.learning_rate = 0.1;
  run.score = 1.0 / 3.0;
  run.epochs = 2;
  run.seconds = 1e-9;
  run.ended = "finished";
  run.message = std::string("zero \0 'quoted' \"ü\"", 20);
  run.parameters = 1234567890123;
  run.warnings = "[]";
  run.history = "[{}]";
  return run;
}

StoredData sample_data() { return {"0123456789abcdef", "mnist1d", "classification", 4000, 1000, 40, "[]"}; }

/// All of a row, doubles by their bits.
template <class Row>
std::string bits_of(const Row& row) {
  std::string text;
  Row::visit(row, [&]<class T>(const char* column, const T& value) {
    text += std::string(column) + "=";
    if constexpr (std::is_same_v<T, std::string>)
      text += value;
    else if constexpr (std::is_same_v<T, double>)
      text += std::isnan(value) ? "nan" : std::to_string(std::bit_cast<std::uint64_t>(value));
    else
      text += std::to_string(value);
    text += "\n";
  });
  return text;
}

/// The message of the Error (input) that it throws; "" where it throws none.
template <class Action>
std::string input_error_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::input) << error.what();
    return error.what();
  }
  return "";
}

std::string opening_error(const std::string& file, RunStore::Access access) {
  return input_error_of([&] { RunStore(file, access); });
}

TEST(RunStore, GivesBackWhatItKeptBitForBit) {
  const Folder folder;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  std::vector<double> numbers{0.0, -0.0, 0.1, 3.0, -kInfinity, kInfinity, 5e-324, 1.7976931348623157e308,
                              NAN};
  std::mt19937_64 random(5);
  for (int i = 0; i < 20; ++i) numbers.push_back(std::bit_cast<double>(random()));
  std::uint64_t seed = std::numeric_limits<std::uint64_t>::max();
  for (const double number : numbers) {
    StoredRun run = sample_run(seed);
    StoredRate rate{run.key, seed, number, number, seed % 2 == 0};
    run.learning_rate = run.score = run.seconds = number;
    {
      RunStore store(folder.file("a.db"), RunStore::Access::write);
      EXPECT_FALSE(store.find_run(run.key, seed));
      EXPECT_FALSE(store.find_rate(run.key, seed));
      store.keep(run);
      store.keep(rate);
    }
    const RunStore again(folder.file("a.db"), RunStore::Access::read);
    const auto found = again.find_run(run.key, seed);
    const auto found_rate = again.find_rate(run.key, seed);
    ASSERT_TRUE(found && found_rate);
    EXPECT_EQ(bits_of(*found), bits_of(run));
    EXPECT_EQ(bits_of(*found_rate), bits_of(rate));
    --seed;
  }
}

TEST(RunStore, FindsARunByAllThatItIs) {
  const Folder folder;
  RunStore store(folder.file("a.db"), RunStore::Access::write);
  const StoredRun run = sample_run(3);
  store.keep(run);
  EXPECT_TRUE(store.find_run(run.key, 3));
  EXPECT_FALSE(store.find_run(run.key, 4));
  for (std::string RunKey::*part : {&RunKey::data, &RunKey::version, &RunKey::network, &RunKey::options}) {
    RunKey other = run.key;
    other.*part += " ";
    EXPECT_FALSE(store.find_run(other, 3));
    EXPECT_FALSE(store.find_rate(other, 3));
  }
}

TEST(RunStore, WhatIsThereStays) {
  const Folder folder;
  RunStore store(folder.file("a.db"), RunStore::Access::write);
  StoredRun run = sample_run(3);
  store.keep(run);
  run.score = 99.0;
  store.keep(run);
  EXPECT_EQ(bits_of(*store.find_run(run.key, 3)), bits_of(sample_run(3)));
  EXPECT_EQ(store.contents().runs.size(), 1u);
}

TEST(RunStore, KeepsComparisonsWithTheirVariants) {
  const Folder folder;
  StoredComparison first{"0123456789abcdef",       "1.2.3", "[]", "test_accuracy", "", "[]",
                         {{"a", "{}", "{}", "[]"}}};
  StoredComparison second = first;
  second.variants = {{"x", "{}", "{}", "[]"}, {"y", "{}", "{}", "[1]"}, {"z", "{}", "{}", "[]"}};
  {
    RunStore store(folder.file("a.db"), RunStore::Access::write);
    store.keep(sample_data());
    const std::int64_t id = store.keep(first, 0), other = store.keep(second, 0);
    EXPECT_NE(id, other);
    first.variants.push_back({"b", "{1}", "{2}", "[3]"});
    EXPECT_EQ(store.keep(first, id), id);
  }
  const RunStore::Contents contents = RunStore(folder.file("a.db"), RunStore::Access::read).contents();
  ASSERT_EQ(contents.comparisons.size(), 2u);
  for (const auto& [kept, found] :
       {std::pair(first, contents.comparisons[0]), {second, contents.comparisons[1]}}) {
    EXPECT_EQ(bits_of(kept), bits_of(found));
    ASSERT_EQ(kept.variants.size(), found.variants.size());
    for (std::size_t i = 0; i < kept.variants.size(); ++i)
      EXPECT_EQ(bits_of(kept.variants[i]), bits_of(found.variants[i]));
  }
}

TEST(RunStore, ASetOfDataKeepsItsPlaceUnderANewName) {
  const Folder folder;
  RunStore store(folder.file("a.db"), RunStore::Access::write);
  StoredData first = sample_data(), second = sample_data();
  second.fingerprint = "f";
  store.keep(first);
  store.keep(second);
  first.name = "renamed";
  store.keep(first);
  const auto data = store.contents().data;
  ASSERT_EQ(data.size(), 2u);
  EXPECT_EQ(bits_of(data[0]), bits_of(first));
  EXPECT_EQ(bits_of(data[1]), bits_of(second));
}

// Somebody with SQLite's own program.
TEST(RunStore, TheViewHasARowForEachRunOfAVariant) {
  const Folder folder;
  {
    RunStore store(folder.file("a.db"), RunStore::Access::write);
    store.keep(sample_data());
    const StoredRun run = sample_run(1);
    const StoredComparison comparison{run.key.data,
                                      run.key.version,
                                      "[]",
                                      "test_accuracy",
                                      "",
                                      "[]",
                                      {{"relu", run.key.options, "{}", "[]"}}};
    store.keep(comparison, 0);
    store.keep(comparison, 0);  // begun again
    store.keep(run);
    store.keep(sample_run(2));
  }
  const Database database(folder.file("a.db"), false);
  EXPECT_EQ(database.value<std::int64_t>("SELECT count(*) FROM results"), 2);
  EXPECT_EQ(database.value<std::string>("SELECT data_set || ' ' || variant || ' ' || metric FROM results"),
            "mnist1d relu test_accuracy");
  EXPECT_EQ(database.value<double>("SELECT score FROM results WHERE seed = 2"), 1.0 / 3.0);
}

TEST(RunStore, FilesThatAreNoStoreAreNamedAndLeftAlone) {
  const Folder folder;
  const std::string text = folder.write("notes.txt", "my notes, which are longer than a header of SQLite is" +
                                                         std::string(2000, '.')),
                    short_text = folder.write("short", "x");
  { Database(folder.file("other.db"), true).run("CREATE TABLE mine (a); INSERT INTO mine VALUES (1)"); }
  { Database(folder.file("marked.db"), true).run("PRAGMA application_id = 7; CREATE TABLE a (b)"); }
  { Database(folder.file("numbered.db"), true).run("PRAGMA user_version = 1"); }
  for (const std::string& file :
       {text, short_text, folder.file("other.db"), folder.file("marked.db"), folder.file("numbered.db")}) {
    const std::string before = read_text(file);
    for (const auto access : {RunStore::Access::read, RunStore::Access::write})
      EXPECT_THAT(opening_error(file, access), AllOf(HasSubstr(file), HasSubstr("name another file")));
    EXPECT_TRUE(read_text(file) == before) << file;
  }
}

TEST(RunStore, AStoreOfANewerHalfwaveIsLeftAlone) {
  const Folder folder;
  const std::string file = folder.file("a.db");
  { RunStore(file, RunStore::Access::write).keep(sample_run(1)); }
  { Database(file, false).run("PRAGMA user_version = 99"); }
  const std::string before = read_text(file);
  EXPECT_THAT(opening_error(file, RunStore::Access::write),
              AllOf(HasSubstr(file), HasSubstr("newer"), HasSubstr("99")));
  EXPECT_TRUE(read_text(file) == before);
}

TEST(RunStore, PathsThatCannotBeAStore) {
  const Folder folder;
  const std::string missing = folder.file("missing.db"), deep = folder.file("no/such/a.db");
  EXPECT_THAT(opening_error(missing, RunStore::Access::read), HasSubstr(missing));
  EXPECT_FALSE(fs::exists(missing));
  EXPECT_THAT(opening_error(deep, RunStore::Access::write), HasSubstr(folder.file("no/such")));
  EXPECT_THAT(opening_error(folder.path(), RunStore::Access::write), HasSubstr("no file"));
  EXPECT_THAT(opening_error("/dev/null", RunStore::Access::write), HasSubstr("no file"));
  ASSERT_EQ(::mkfifo(folder.file("pipe").c_str(), 0600), 0);
  EXPECT_THAT(opening_error(folder.file("pipe"), RunStore::Access::write), HasSubstr("no file"));
  EXPECT_THAT(opening_error("", RunStore::Access::write), HasSubstr("name of a file"));
  EXPECT_THAT(opening_error(folder.write("empty.db", ""), RunStore::Access::read), HasSubstr("empty"));
}

// SQLite would take ":memory:" for a store that goes away, "file:…" for an address.
TEST(RunStore, ANameIsAFilesWhateverItLooksLike) {
  const Folder folder;
  const fs::path here = fs::current_path();
  fs::current_path(folder.path());
  for (const char* name : {":memory:", "file:a.db?mode=memory"}) {
    { RunStore(name, RunStore::Access::write).keep(sample_run(1)); }
    EXPECT_TRUE(fs::is_regular_file(folder.path() / name)) << name;
    EXPECT_TRUE(RunStore(name, RunStore::Access::read).find_run(sample_run(1).key, 1)) << name;
  }
  fs::current_path(here);
}

/// For its time this process is nobody, whom permissions hold back.
class Nobody {
 public:
  Nobody() : user_(::geteuid()) {
    if (user_ == 0) works_ = ::seteuid(65534) == 0;
  }
  ~Nobody() {
    if (user_ == 0 && works_ && ::seteuid(user_) != 0) ADD_FAILURE();
  }
  bool works() const { return works_; }

 private:
  uid_t user_;
  bool works_ = true;
};

TEST(RunStore, AReadOnlyFolderCanBeReadAndNotWritten) {
  const Folder folder;
  const std::string file = folder.file("a.db");
  { RunStore(file, RunStore::Access::write).keep(sample_run(1)); }
  fs::permissions(file, fs::perms(0444));
  fs::permissions(folder.path(), fs::perms(0555));
  {
    const Nobody nobody;
    if (!nobody.works()) GTEST_SKIP() << "permissions hold nobody back here";
    EXPECT_EQ(RunStore(file, RunStore::Access::read).contents().runs.size(), 1u);
    EXPECT_THAT(input_error_of([&] { RunStore(file, RunStore::Access::write).keep(sample_run(2)); }),
                AllOf(HasSubstr(file), HasSubstr("writable")));
    EXPECT_THAT(opening_error(folder.file("new.db"), RunStore::Access::write), HasSubstr("new.db"));
  }
  fs::permissions(folder.path(), fs::perms(0755));
  fs::permissions(file, fs::perms(0000));
  {
    const Nobody nobody;
    EXPECT_THAT(opening_error(file, RunStore::Access::read), HasSubstr(file));
  }
  EXPECT_EQ(RunStore(file, RunStore::Access::read).contents().runs.size(), 1u);
}

// Whatever is wrong with a file, it ends in an Error that names it, and reading changes nothing.
TEST(RunStore, DamagedFilesEndInErrors) {
  const Folder folder;
  const std::string file = folder.file("a.db");
  {
    RunStore store(file, RunStore::Access::write);
    store.keep(sample_data());
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
      StoredRun run = sample_run(seed);
      run.history = std::string(900, 'h');
      store.keep(run);
    }
  }
  const std::string whole = read_text(file);
  const auto error_of = [&](const std::string& bytes) {
    folder.write("b.db", bytes);
    const std::string error =
        input_error_of([&] { RunStore(folder.file("b.db"), RunStore::Access::read).contents(); });
    EXPECT_TRUE(read_text(folder.file("b.db")) == bytes);
    EXPECT_TRUE(error.empty() || error.find("b.db") != std::string::npos) << error;
    return error;
  };
  EXPECT_EQ(error_of(whole), "");
  for (std::size_t size = 1; size < whole.size(); size += 997) {
    EXPECT_NE(error_of(whole.substr(0, size)), "") << size;
    EXPECT_NE(opening_error(folder.file("b.db"), RunStore::Access::write), "") << size;
    EXPECT_TRUE(read_text(folder.file("b.db")) == whole.substr(0, size)) << size;
  }
  std::mt19937 random(11);
  int found = 0;
  for (int i = 0; i < 150; ++i) {
    std::string bytes = whole;
    // Where SQLite's own structures are: the header and the beginnings of pages.
    const std::size_t page = random() % (bytes.size() / 4096), at = page * 4096 + random() % 120;
    for (std::size_t j = at; j < at + 8; ++j) bytes[j] = static_cast<char>(random());
    found += error_of(bytes).empty() ? 0 : 1;
  }
  EXPECT_GT(found, 20);
}

TEST(RunStore, RowsOfAWrongKindAreDamage) {
  const Folder folder;
  const std::string file = folder.file("a.db");
  { RunStore(file, RunStore::Access::write).keep(sample_run(1)); }
  { Database(file, false).run("UPDATE runs SET score = 'good'"); }
  EXPECT_THAT(input_error_of([&] { RunStore(file, RunStore::Access::read).contents(); }),
              AllOf(HasSubstr(file), HasSubstr("damaged"), HasSubstr("score")));
  { Database(file, false).run("DROP VIEW results; DROP TABLE runs"); }
  EXPECT_THAT(input_error_of([&] { RunStore(file, RunStore::Access::read).contents(); }),
              AllOf(HasSubstr(file), HasSubstr("damaged")));
}

TEST(RunStore, ThreadsShareOne) {
  const Folder folder;
  RunStore store(folder.file("a.db"), RunStore::Access::write);
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (std::uint64_t seed = 20 * t; seed < 20 * (t + 1); ++seed) {
        store.keep(sample_run(seed));
        EXPECT_TRUE(store.find_run(sample_run(seed).key, seed));
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(store.contents().runs.size(), 80u);
}

/// A process that keeps runs of seeds from `first` on, and writes each to the pipe once it is kept.
pid_t start_writer(const std::string& file, int pipe, std::uint64_t first, std::uint64_t count) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  try {
    RunStore store(file, RunStore::Access::write);
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
      store.keep(sample_run(seed));
      if (::write(pipe, &seed, sizeof(seed)) != sizeof(seed)) ::_exit(1);
    }
  } catch (const std::exception&) {
    ::_exit(2);
  }
  ::_exit(0);
}

TEST(RunStore, TwoProgramsFromTheVeryBeginning) {
  const Folder folder;
  for (int round = 0; round < 5; ++round) {
    const std::string file = folder.file("a" + std::to_string(round));
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    const pid_t one = start_writer(file, pipe[1], 0, 20), other = start_writer(file, pipe[1], 10, 20);
    for (const pid_t child : {one, other}) {
      int status = -1;
      ASSERT_EQ(::waitpid(child, &status, 0), child);
      EXPECT_EQ(status, 0);
    }
    ::close(pipe[0]);
    ::close(pipe[1]);
    EXPECT_EQ(RunStore(file, RunStore::Access::read).contents().runs.size(), 30u);
  }
}

// Whatever was said to be kept is there after kill -9, and nothing is there by half.
TEST(RunStore, KilledAtAnyMoment) {
  const Folder folder;
  const std::string file = folder.file("a.db");
  std::mt19937 random(3);
  std::vector<std::uint64_t> told;
  int killed = 0;
  for (std::uint64_t round = 0; round < 25; ++round) {
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    const pid_t child = start_writer(file, pipe[1], round * 10000, 10000);
    ::close(pipe[1]);
    std::uint64_t seed = 0;
    for (auto more = random() % 4; more > 0; --more) {
      ASSERT_EQ(::read(pipe[0], &seed, sizeof(seed)), static_cast<ssize_t>(sizeof(seed)));
      told.push_back(seed);
    }
    ::usleep(static_cast<useconds_t>(random() % 8000));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    killed += WIFSIGNALED(status) ? 1 : 0;
    while (::read(pipe[0], &seed, sizeof(seed)) == sizeof(seed)) told.push_back(seed);
    ::close(pipe[0]);
  }
  RunStore store(file, RunStore::Access::write);
  for (const std::uint64_t seed : told) {
    const auto found = store.find_run(sample_run(seed).key, seed);
    ASSERT_TRUE(found);
    EXPECT_EQ(bits_of(*found), bits_of(sample_run(seed)));
  }
  EXPECT_EQ(killed, 25);
  EXPECT_GT(told.size(), 25u);
  EXPECT_LE(store.contents().runs.size(), told.size() + 25);  // kept, but killed before it was told
}

}  // namespace
}  // namespace halfwave::testing
