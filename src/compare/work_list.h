#pragma once
#include <array>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <map>
#include <mutex>

namespace halfwave {

/// Tasks that several threads take from, those of the lowest place first. A task may add more.
class WorkList {
 public:
  using Place = std::array<std::size_t, 3>;
  using Task = std::function<void()>;

  void add(Place place, Task task);
  /// Works on the tasks with so many threads, the caller's among them, until none is left. What a task throws
  /// first is thrown here, after on_failure was called and the other threads have ended what they were at.
  void run(int threads, const std::function<void()>& on_failure);
  /// No more tasks are begun.
  void stop();

 private:
  void work(const std::function<void()>& on_failure);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<Place, Task> tasks_;
  int running_ = 0;
  bool stopped_ = false;
  std::exception_ptr failure_;
};

}  // namespace halfwave
