#pragma once
#include <halfwave/inspect.h>
#include <halfwave/train.h>

#include <set>
#include <string>
#include <vector>

#include "graph/model_parts.h"

namespace halfwave {

/// What the rules of src/diagnose find wrong with a run, as warnings; each finding of some weight once.
class RunWarnings {
 public:
  /// data: the training part.
  RunWarnings(const ModelParts& model, const Dataset& data, const TrainOptions& options);

  /// What is wrong with the network before the first step, and what becomes of its file.
  std::vector<std::string> at_start();
  /// What the epochs so far show; `layers` is of the last one.
  std::vector<std::string> after_epoch(const std::vector<EpochReport>& epochs,
                                       const std::vector<LayerInspection>& layers);

 private:
  std::vector<std::string> news(std::vector<Finding> findings, const std::string& when);

  const ModelParts& model_;
  double
      constant_loss_;  ///< in the units of EpochReport::loss; not a number where the loss is of another kind
  std::set<std::string> told_;  ///< "kind", or "kind where" of those about units
};

}  // namespace halfwave
