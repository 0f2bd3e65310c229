#pragma once
#include <halfwave/compare.h>

#include <memory>
#include <string>

#include "graph/model_parts.h"

namespace halfwave {

/// A variant made ready to be trained with any seed: what does not depend on the seed (the reading of the
/// network, the means of the data) is done once.
class Candidate {
 public:
  /// Throws Error (usage) where the variant does not fit the data.
  Candidate(const Dataset& data, const TrainOptions& options);

  /// With every automatic value filled in; the learning rate, where it is left open, is still 0.
  const TrainOptions& options() const { return options_; }
  /// The optimiser's for this network.
  double usual_rate() const;
  std::string network() const;
  std::size_t parameters() const;
  /// Bytes that a run works in, about.
  double run_bytes() const;

  /// Trains it. options: as options(), with others of seed, learning rate, threads or length.
  TrainResult train(const TrainOptions& options, TrainObserver* observer) const;

 private:
  const Dataset& data_;
  TrainOptions options_;
  std::shared_ptr<ModelParts> model_;
};

}  // namespace halfwave
