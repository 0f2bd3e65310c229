#pragma once
#include <algorithm>
#include <cstddef>

#include "core/team.h"

namespace halfwave {

/// The tasks of a product over panels: one a panel, or several, each with a part of the panel's rows, where
/// the panels alone are too few to keep all threads busy to the end.
class PanelTasks {
 public:
  /// work: multiply-adds of the whole product. Cuts of the rows fall on multiples of `grain`.
  PanelTasks(std::size_t panels, std::size_t rows, std::size_t work, int threads, std::size_t grain = 1)
      : panels_(panels), rows_(rows), grain_(grain) {
    constexpr std::size_t kLeastWork = std::size_t{1} << 18;  // of a task: some five microseconds
    const std::size_t wanted =
        threads > 1 ? std::min(4 * static_cast<std::size_t>(threads), work / kLeastWork) : 1;
    parts_ = std::clamp<std::size_t>((wanted + panels - 1) / panels, 1, (rows + grain - 1) / grain);
  }

  /// Calls body(panel, rows) for every pair; a task has several of them where there are very many.
  template <class Body>
  void run(int threads, Body&& body) const {
    constexpr std::size_t kMostTasks = 4096;
    const std::size_t pairs = panels_ * parts_, tasks = std::min(pairs, kMostTasks);
    run_tasks(threads, static_cast<int>(tasks), [&](int task) {
      const Range mine = share(pairs, task, static_cast<int>(tasks));
      for (std::size_t i = mine.begin; i < mine.end; ++i)
        body(i / parts_, share(rows_, static_cast<int>(i % parts_), static_cast<int>(parts_), grain_));
    });
  }

 private:
  std::size_t panels_, rows_, grain_, parts_;
};

}  // namespace halfwave
