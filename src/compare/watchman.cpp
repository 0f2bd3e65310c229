#include "compare/watchman.h"

#include <algorithm>
#include <utility>

namespace halfwave {
namespace {

constexpr std::chrono::nanoseconds kBetweenLooks = std::chrono::milliseconds(50);

}  // namespace

Watchman::Watchman(CompareObserver* observer, std::size_t runs, double work)
    : observer_(observer), runs_(runs), work_(work) {}

Watchman::Watch::Watch(Watchman& watchman, std::string what, double work)
    : watchman_(watchman), what_(std::move(what)), work_(work) {
  const std::scoped_lock lock(watchman_.mutex_);
  place_ = watchman_.watches_.insert(watchman_.watches_.end(), this);
}

Watchman::Watch::~Watch() {
  const std::scoped_lock lock(watchman_.mutex_);
  watchman_.watches_.erase(place_);
}

void Watchman::Watch::step(const Progress& progress) {
  const double epoch = static_cast<double>(progress.step) / static_cast<double>(progress.steps);
  share_.store((static_cast<double>(progress.epoch - 1) + epoch) / static_cast<double>(progress.epochs),
               std::memory_order_relaxed);
  watchman_.look_around(*this);
}

/// Now and then only: a step may take a few microseconds.
void Watchman::look_around(const Watch& watch) {
  if (!observer_) return;
  const std::int64_t now = (Clock::now() - start_).count();
  if (now < next_look_.load(std::memory_order_relaxed)) return;
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock) return;  // another run is at it
  next_look_.store(now + kBetweenLooks.count(), std::memory_order_relaxed);
  report(watch.what_);
  if (observer_->stop_requested()) stop();
}

void Watchman::report(const std::string& what) {
  double done = work_done_;
  for (const Watch* watch : watches_) done += watch->work_ * watch->share_.load(std::memory_order_relaxed);
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count(),
               here = done - work_kept_;
  observer_->progress({.what = what,
                       .run = ended_,
                       .runs = runs_,
                       .share = std::min(1.0, done / work_),
                       .seconds_left = here > 0.0 ? seconds * std::max(0.0, work_ - done) / here : 0.0});
}

void Watchman::ended(const std::string& what, double work, bool kept) {
  const std::scoped_lock lock(mutex_);
  ++ended_;
  work_done_ += work;
  if (kept) work_kept_ += work;
  if (observer_) report(what);
}

bool Watchman::asked_to_stop() {
  if (observer_ && !stopped()) {
    const std::scoped_lock lock(mutex_);
    if (observer_->stop_requested()) stop();
  }
  return stopped();
}

void Watchman::tell(const std::function<void(CompareObserver&)>& body) {
  if (!observer_) return;
  const std::scoped_lock lock(mutex_);
  body(*observer_);
}

}  // namespace halfwave
