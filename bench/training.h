#pragma once
#include <halfwave/train.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "core/random.h"
#include "core/team.h"
#include "kernels/peak.h"
#include "train/health.h"
#include "train/prepare.h"
#include "train/update_step.h"

// A training whose steps are timed, and the multiply-add peak to compare them with.

namespace halfwave {

/// Times steps of so many floating-point operations and compares them with the peak of the same threads,
/// which is the largest seen: other programs can only lower it.
class Stopwatch {
 public:
  Stopwatch(double operations, int threads) : operations_(operations), threads_(threads) {}

  void measure_peak() {
    double operations = 0;
    const auto start = std::chrono::steady_clock::now();
    run_team(threads_, [&](int thread, int) {
      const double mine = run_multiply_adds(200000);
      if (thread == 0) operations = mine * threads_;
    });
    peak_ = std::max(peak_, operations / since(start));
  }

  template <class Step>
  double time(Step&& step) {
    const auto start = std::chrono::steady_clock::now();
    step();
    const double seconds = since(start);
    busy_ += seconds;
    ++steps_;
    return seconds;
  }

  double seconds() const { return busy_ / static_cast<double>(steps_); }
  double rate() const { return operations_ / seconds(); }
  double peak_rate() const { return peak_; }
  /// Above 1 is out of reach for an engine that multiplies by zeros.
  double of_roofline() const { return rate() / peak_; }

 private:
  static double since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

  double operations_, peak_ = 0, busy_ = 0;
  std::int64_t steps_ = 0;
  int threads_;
};

/// Halfwave's usual training, but that the learning rate stays at the default, as an optimiser's does
/// elsewhere. The last batch of an epoch, which is not whole, is left out.
class Training {
 public:
  Training(const Dataset& data, const TrainOptions& options)
      : data_(data), options_(resolve(options, data_)) {
    model_ = make_model(data_, options_, nullptr);
    rate_ = options_.learning_rate;
    if (rate_ == 0.0) rate_ = Optimiser::usual_rate(options_.optimiser, model_->network);
    step_.emplace(*model_, data_.train, options_);
    order_.resize(data_.train.count);
  }

  const Network& network() const { return model_->network; }
  std::size_t batch() const { return static_cast<std::size_t>(options_.batch); }
  std::int64_t steps_per_epoch() const { return static_cast<std::int64_t>(data_.train.count / batch()); }

  BatchResult step() {
    const std::int64_t within = update_ % steps_per_epoch();
    if (within == 0)
      Random(options_.seed,
             stream_id(Stream::shuffle, static_cast<std::uint64_t>(update_ / steps_per_epoch())))
          .permutation(order_);
    return step_->run(std::span(order_).subspan(static_cast<std::size_t>(within) * batch(), batch()),
                      update_++, rate_);
  }

  /// Zeros are counted from here on.
  void count_zeros() {
    for (std::size_t i = 0; i < step_->plan().layers(); ++i) std::ranges::fill(step_->plan().nonzeros(i), 0u);
    counted_from_ = update_;
  }

  /// By layer, since count_zeros().
  std::vector<LayerHealth> health() {
    return measure_health(model_->network, step_->plan(),
                          static_cast<std::size_t>(update_ - counted_from_) * batch());
  }

  /// Floating-point operations of a step's dense products: three, but that the layer which takes the
  /// network's input needs no gradient by it.
  double dense_operations() const {
    const Network& network = model_->network;
    std::size_t multiply_adds = 3 * network.multiply_adds();
    for (std::size_t i = 0; i < network.size(); ++i)
      if (network.layer(i).multiply_adds() > 0) {
        multiply_adds -= network.layer(i).multiply_adds();
        break;
      }
    return 2.0 * static_cast<double>(batch() * multiply_adds);
  }

 private:
  const Dataset& data_;
  TrainOptions options_;
  std::shared_ptr<ModelParts> model_;
  std::optional<UpdateStep> step_;
  std::vector<std::uint32_t> order_;
  std::int64_t update_ = 0, counted_from_ = 0;
  double rate_ = 0;
};

}  // namespace halfwave
