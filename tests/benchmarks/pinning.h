// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tests/benchmarks/pinning.h
// -----------------------------------------------------------------------------
//
// Keeps the threads of a benchmark apart.
//
// Example:
//
//   // oneTBB counts the CPUs when it starts, so it starts before this thread
//   // is kept on one.
//   ParallelFor(0, 1 << 20, 1, [](int64_t, int64_t) {});
//   const Pinning pinning;
#ifndef FERRY_TESTS_BENCHMARKS_PINNING_H_
#define FERRY_TESTS_BENCHMARKS_PINNING_H_

#include <pthread.h>
#include <sched.h>

#include <algorithm>

#include "tbb/task_arena.h"
#include "tbb/task_scheduler_observer.h"

namespace ferry {
inline namespace v1 {

// Keeps each thread of oneTBB on a CPU of its own. On virtual machines the
// scheduler may otherwise leave two of them on one.
class Pinning : public tbb::task_scheduler_observer {
 public:
  Pinning() {
    sched_getaffinity(0, sizeof(allowed_), &allowed_);
    observe(true);
  }
  ~Pinning() override { observe(false); }
  void on_scheduler_entry(bool) override {
    // The CPU of the same number among those that the process may use.
    int left = std::max(tbb::this_task_arena::current_thread_index(), 0);
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (!CPU_ISSET(cpu, &allowed_) || left-- > 0) continue;
      cpu_set_t cpus;
      CPU_ZERO(&cpus);
      CPU_SET(cpu, &cpus);
      pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
      return;
    }
  }

 private:
  cpu_set_t allowed_ = {};
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_TESTS_BENCHMARKS_PINNING_H_
