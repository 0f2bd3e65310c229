#include "core/team.h"

#include <omp.h>

#include <atomic>

namespace halfwave {

int available_threads() { return omp_get_num_procs(); }

namespace detail {
namespace {

struct Job {
  TeamBody body;
  void* context;
  std::atomic<int> forked{0}, joined{0};
};

// ThreadSanitizer does not see the synchronisation inside libgomp. The fork and the join are therefore written out
// once more with atomics, in functions that it does instrument; on x86 these are plain instructions. They are two, so
// that a thread that starts late is not taken for one that waited for those that are done: that would hide races.
void enter_and_run(Job* job, int thread, int threads) {
  job->forked.load(std::memory_order_acquire);
  job->body(job->context, thread, threads);
  job->joined.fetch_add(1, std::memory_order_release);
}

#if defined(__GNUC__)
__attribute__((no_sanitize("thread"), noinline))
#endif
void fork_join(int threads, Job* job) {
#pragma omp parallel num_threads(threads)
  enter_and_run(job, omp_get_thread_num(), omp_get_num_threads());
}

}  // namespace

void run_team(int threads, TeamBody body, void* context) {
  Job job{body, context};
  job.forked.store(1, std::memory_order_release);
  fork_join(threads, &job);
  job.joined.load(std::memory_order_acquire);
}

}  // namespace detail
}  // namespace halfwave
