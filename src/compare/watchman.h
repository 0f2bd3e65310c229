#pragma once
#include <halfwave/compare.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <string>

namespace halfwave {

/// Between the runs of a comparison, which go on at the same time, and its one observer: adds up how far they
/// are, and tells all of them to stop.
class Watchman {
 public:
  /// runs: how many there will be, of the search and of the comparison; work: what all of them take, in any
  /// unit.
  Watchman(CompareObserver* observer, std::size_t runs, double work);

  /// One run's observer; it must not outlive the watchman. work: its part of all the work.
  class Watch final : public TrainObserver {
   public:
    Watch(Watchman& watchman, std::string what, double work);
    ~Watch() override;
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    void step(const Progress& progress) override;
    bool stop_requested() override { return watchman_.stopped(); }

   private:
    friend class Watchman;
    Watchman& watchman_;
    const std::string what_;
    const double work_;
    std::atomic<double> share_{0.0};
    std::list<Watch*>::iterator place_;
  };

  /// A run has ended; kept: it was in the store and took no time.
  void ended(const std::string& what, double work, bool kept);
  /// Asks the observer whether to stop, and gives the answer of it or of stop().
  bool asked_to_stop();
  bool stopped() const { return stopped_.load(std::memory_order_relaxed); }
  void stop() { stopped_.store(true, std::memory_order_relaxed); }
  /// Calls body(observer), where there is one; one thread at a time.
  void tell(const std::function<void(CompareObserver&)>& body);

 private:
  using Clock = std::chrono::steady_clock;

  void look_around(const Watch& watch);
  void report(const std::string& what);

  CompareObserver* const observer_;
  const std::size_t runs_;
  const double work_;
  const Clock::time_point start_ = Clock::now();
  std::atomic<bool> stopped_{false};
  std::atomic<std::int64_t> next_look_{0};  ///< nanoseconds after start_
  std::mutex mutex_;
  std::list<Watch*> watches_;
  std::size_t ended_ = 0;
  double work_done_ = 0.0, work_kept_ = 0.0;
};

}  // namespace halfwave
