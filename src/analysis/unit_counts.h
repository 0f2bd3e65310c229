#pragma once
#include <halfwave/inspect.h>

#include <optional>

#include "analysis/trace.h"
#include "diagnose/activation_ranges.h"

namespace halfwave {

/// A layer with weights and the activation that it is looked at through, or an activation by itself.
struct Watched {
  std::size_t layer;       ///< that it is named after
  std::size_t activation;  ///< the network's size where there is none
};
/// Of the first `layers` layers every one with weights, and every activation that is behind none of them; in
/// order.
std::vector<Watched> watched_layers(const Network& network, std::size_t layers);

/// What a layer's units do over many examples.
class UnitCounts {
 public:
  UnitCounts(const Network& network, const Watched& watched);

  /// Looks at the examples of the trace's last forward pass.
  void add(const Trace& trace, std::size_t examples);

  /// Verdicts but for duplicates, density, mean, variance and examples on the kink.
  void report(LayerInspection& layer) const;

 private:
  struct Unit {
    std::size_t nonzeros = 0;   ///< outputs
    std::size_t awake = 0;      ///< examples in which it was not zero somewhere
    std::size_t above = 0;      ///< inputs above the kink, where the slope is 1
    std::size_t flat = 0;       ///< inputs where the slope is small
    std::size_t flat_high = 0;  ///< of these, those that do not give zero
    double sum = 0, squares = 0;
  };
  void add_row(const float* z, const float* y, bool* awake, bool& on_kink);
  UnitVerdict verdict(const Unit& unit) const;

  std::size_t input_, output_;  ///< layers whose outputs are looked at
  std::optional<ActivationRanges> ranges_;
  std::vector<Unit> units_;
  std::size_t rows_ = 0, examples_ = 0, on_kink_ = 0;
};

}  // namespace halfwave
