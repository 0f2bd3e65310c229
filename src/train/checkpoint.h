#pragma once
#include <filesystem>
#include <span>
#include <string>

#include "graph/network.h"
#include "train/optimiser.h"
#include "train/run_state.h"
#include "train/weight_average.h"

namespace halfwave {

/// A run saved in a folder: its state, the network's numbers, their average and the optimiser's arrays, in
/// one file that is replaced whole. `identity` describes what the run is (options, data, network); a
/// checkpoint of another run is refused.
class Checkpoint {
 public:
  Checkpoint(std::filesystem::path folder, std::string identity);

  bool exists() const;
  const std::filesystem::path& file() const { return file_; }
  /// Throws Error (input) where it cannot be written.
  void save(const RunState& state, const Network& network, Optimiser& optimiser,
            WeightAverage& average) const;
  /// Throws Error (input) where the file is damaged, (usage) where it is of another run, naming what differs.
  void load(RunState& state, Network& network, Optimiser& optimiser, WeightAverage& average) const;

 private:
  std::filesystem::path file_;
  std::string identity_;
};

}  // namespace halfwave
