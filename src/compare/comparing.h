#pragma once
#include <halfwave/compare.h>

#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "compare/candidate.h"
#include "compare/kept_runs.h"
#include "compare/watchman.h"
#include "compare/work_list.h"

namespace halfwave {

/// One call of compare(): the searches and runs of all variants as tasks for several threads. A variant's
/// runs begin when its own search is done; nobody waits for the others.
class Comparing {
 public:
  /// Everything that can be wrong is found here, before anything is trained.
  Comparing(const Dataset& data, std::vector<Variant> variants, const CompareOptions& options,
            CompareObserver* observer);

  Comparison compare();

 private:
  struct Entry {
    Variant variant;
    std::optional<Candidate> candidate;  ///< on all data
    std::deque<Candidate> for_search;    ///< [search seeds], on the data of the search
    double search_work = 0.0, run_work = 0.0;
    std::vector<TriedRate> tried;  ///< by rate
    std::vector<std::vector<TriedRate>>
        short_runs;           ///< [rates of the present part of the search, search seeds]
    std::size_t waiting = 0;  ///< those of them that are not done
    std::vector<std::optional<ComparedRun>> runs;
    std::vector<std::string> warnings;  ///< of the search
  };

  void prepare(std::vector<Variant> variants);
  void check_others(const Entry& entry) const;
  void share_threads();
  double work() const;
  void add_search(std::size_t variant, const std::vector<double>& rates);
  void add_runs(std::size_t variant);
  void search(std::size_t variant, std::size_t place, double rate, std::size_t seed);
  void search_went_on(std::size_t variant);
  void search_is_done(std::size_t variant);
  void warn_of_choosing(Entry& entry);
  void warn_of_search(Entry& entry);
  void warn(Entry& entry, const std::string& warning);
  void run(std::size_t variant, std::size_t seed);
  ComparedRun compared_run(TrainResult& result) const;
  Comparison comparison(bool with_runs) const;

  const Dataset& data_;
  const CompareOptions options_;
  CompareObserver* const observer_;
  std::optional<Goal> goal_;
  std::vector<std::string> compared_;
  std::deque<Entry> entries_;
  std::deque<Dataset> search_data_;  ///< [search seeds]; empty: there is no search
  std::int64_t jobs_ = 1, threads_per_run_ = 1;
  std::optional<KeptRuns> kept_runs_;
  WorkList tasks_;
  std::optional<Watchman> watchman_;
  std::mutex mutex_;        ///< of what the tasks change in the entries, and below
  std::mutex store_mutex_;  ///< of what the store is told of the comparison; taken before the other
  std::size_t kept_ = 0;
};

}  // namespace halfwave
