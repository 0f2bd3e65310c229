#include "compare/work_list.h"

#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace halfwave {

void WorkList::add(Place place, Task task) {
  const std::scoped_lock lock(mutex_);
  tasks_.emplace(place, std::move(task));
  changed_.notify_one();
}

void WorkList::stop() {
  const std::scoped_lock lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

void WorkList::run(int threads, const std::function<void()>& on_failure) {
  {
    std::vector<std::jthread> others;
    try {
      for (int i = 1; i < threads; ++i) others.emplace_back([&] { work(on_failure); });
    } catch (const std::system_error&) {  // then with as many as there are
    }
    work(on_failure);
  }
  if (failure_) std::rethrow_exception(failure_);
}

void WorkList::work(const std::function<void()>& on_failure) {
  std::unique_lock lock(mutex_);
  for (;;) {
    // While a task runs it may still add others.
    changed_.wait(lock, [&] { return stopped_ || !tasks_.empty() || running_ == 0; });
    if (stopped_ || tasks_.empty()) return;
    const Task task = std::move(tasks_.extract(tasks_.begin()).mapped());
    ++running_;
    lock.unlock();
    std::exception_ptr failure;
    try {
      task();
    } catch (...) {
      failure = std::current_exception();
      on_failure();
    }
    lock.lock();
    --running_;
    if (failure) stopped_ = true;
    if (failure && !failure_) failure_ = failure;
    changed_.notify_all();
  }
}

}  // namespace halfwave
