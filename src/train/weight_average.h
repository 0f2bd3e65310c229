#pragma once
#include <cstdint>
#include <span>

#include "core/aligned.h"
#include "graph/network.h"

namespace halfwave {

/// An exponential moving average of a network's numbers, what it keeps (batch norm's statistics) included: a
/// better model than the numbers of the last update (Polyak & Juditsky, "Acceleration of stochastic
/// approximation by averaging", 1992). Its decay rises from 0.1 to the one asked for, min(decay, (1 + n) /
/// (10
/// + n)) in update n (from 0), so that the beginning is soon forgotten.
class WeightAverage {
 public:
  /// decay 0: none, and the network's own numbers stand for it. The network must outlive it.
  WeightAverage(Network& network, double decay, int threads);

  /// Takes in what update `update` (from 0) made.
  void update(std::int64_t update);
  /// Exchanges the network's numbers and their average: before the average is used, and after.
  void exchange();

  /// The average, or the network's numbers where there is none.
  std::span<const float> values() const;
  /// The average, for a checkpoint; empty where there is none.
  std::span<float> state() { return average_; }

 private:
  Network& network_;
  double decay_;
  int threads_;
  AlignedVector<float> average_;
};

}  // namespace halfwave
