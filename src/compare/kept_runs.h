#pragma once
#include <halfwave/compare.h>

#include <memory>
#include <optional>
#include <string>

namespace halfwave {

/// The store (CompareOptions::store) as a comparison on one data set uses it. What was kept is found again by
/// everything that shapes a result: the version of Halfwave, the data, the options and the network's line;
/// not by the number of threads. Any number of threads may use it at once, and any number of programs the
/// same file. Each function is one transaction, so a program that is killed leaves what was kept whole.
/// Functions throw Error (input) that names the file where it cannot be read or written.
class KeptRuns {
 public:
  /// Opens the file, or makes it; with path "" nothing is kept and nothing found. Throws Error (input) for a
  /// file that is no store, of a newer Halfwave, damaged or not writable, and leaves it as it is.
  KeptRuns(const std::string& path, const Dataset& data);
  KeptRuns(KeptRuns&&) noexcept;
  ~KeptRuns();

  /// The run of these options, every automatic value filled in, the seed included; none where it is not kept.
  std::optional<ComparedRun> find_run(const TrainOptions& resolved, const std::string& network) const;
  /// One that was interrupted is not kept.
  void keep_run(const TrainOptions& resolved, const std::string& network, const ComparedRun& run);

  /// The same for a short run of the search for a learning rate, by the options of that run.
  std::optional<TriedRate> find_rate(const TrainOptions& resolved, const std::string& network) const;
  void keep_rate(const TrainOptions& resolved, const std::string& network, const TriedRate& rate);

  /// What is compared, with the searches, without its runs; before the runs begin, and again when rates are
  /// found. Runs belong to a comparison by their options, whichever comparison made them.
  void keep_comparison(const Comparison& comparison);

 private:
  struct State;
  std::unique_ptr<State> state_;  ///< none: nothing is kept
};

}  // namespace halfwave
