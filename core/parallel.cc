// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/parallel.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <limits>
#include <mutex>
#include <vector>

#include "absl/strings/str_cat.h"
#include "ferry/core/parallel_runtime.h"
#include "ferry/core/thread_count.h"
#include "ferry/core/thread_state.h"

#ifdef FERRY_PARALLEL_STD_THREAD
#include <thread>
#else
#include "tbb/global_control.h"
#include "tbb/parallel_for.h"
#include "tbb/partitioner.h"
#include "tbb/task_arena.h"
#include "tbb/task_group.h"
#include "tbb/version.h"
#endif

namespace ferry {
inline namespace v1 {
namespace {

// What SetNumThreads has set; 0 before.
std::atomic<int> num_threads_set{0};

// In a forked child the workers are gone, and waiting for one would never end.
std::atomic<bool> threads_were_used{false};
std::atomic<bool> is_forked_child{false};

thread_local bool in_region = false;
thread_local int thread_index = 0;

bool MustRunSerially() { return in_region || is_forked_child.load(); }

void NoteThreadsAreUsed() {
  static std::once_flag once;
  std::call_once(once, [] {
    pthread_atfork(nullptr, nullptr, [] {
      if (threads_were_used.load()) is_forked_child.store(true);
    });
  });
  threads_were_used.store(true);
}

// Runs `task(0)` to `task(count - 1)`, on several threads where there are
// some. Tasks do not throw, and have the caller's floating-point settings.
void RunTasks(int count, absl::FunctionRef<void(int)> task) {
  NoteThreadsAreUsed();
#ifdef FERRY_PARALLEL_STD_THREAD
  std::vector<std::thread> threads;
  threads.reserve(count - 1);
  for (int i = 1; i < count; ++i) threads.emplace_back([&task, i] { task(i); });
  task(0);
  for (std::thread& thread : threads) thread.join();
#else
  // With a context of its own, the program can cancel the group of tasks from
  // which it called, and still every task runs.
  tbb::task_group_context context(tbb::task_group_context::isolated,
                                  tbb::task_group_context::default_traits |
                                      tbb::task_group_context::fp_settings);
  tbb::this_task_arena::isolate([&] {
    tbb::parallel_for(
        0, count, [&](int i) { task(i); }, tbb::simple_partitioner(), context);
  });
#endif
}

// Makes the calling thread run chunk `index` of a loop, and puts everything
// back afterwards: a worker goes on to other loops.
class ChunkScope {
 public:
  ChunkScope(int index, bool is_divided, ThreadState state)
      : state_(state),
        former_in_region_(in_region),
        former_index_(thread_index) {
    if (is_divided) in_region = true;
    thread_index = index;
  }
  ~ChunkScope() {
    in_region = former_in_region_;
    thread_index = former_index_;
  }

 private:
  ScopedThreadState state_;
  const bool former_in_region_;
  const int former_index_;
};

}  // namespace

int GetNumThreads() {
  const int count = num_threads_set.load();
  return count > 0 ? count : DefaultThreadCount().count;
}

absl::Status SetNumThreads(int count) {
  if (count <= 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("the number of threads must be positive; it was ", count));
  }
  num_threads_set.store(count);
  return absl::OkStatus();
}

bool InParallelRegion() { return in_region; }

int ThreadIndex() { return thread_index; }

void ParallelFor(int64_t begin, int64_t end, int64_t grain,
                 absl::FunctionRef<void(int64_t, int64_t)> body) {
  if (begin >= end) return;
  // Unsigned, since the range may be wider than int64_t.
  const uint64_t range =
      static_cast<uint64_t>(end) - static_cast<uint64_t>(begin);
  const uint64_t step = static_cast<uint64_t>(std::max<int64_t>(grain, 1));
  const uint64_t wanted = (range - 1) / step + 1;
  const int chunks = static_cast<int>(
      std::min<uint64_t>(wanted, static_cast<uint64_t>(GetNumThreads())));
  if (chunks == 1 || MustRunSerially()) {
    const ChunkScope scope(0, /*is_divided=*/false, CurrentThreadState());
    body(begin, end);
    return;
  }
  const uint64_t chunk = (range - 1) / chunks + 1;
  const int used = static_cast<int>((range - 1) / chunk + 1);
  const ThreadState state = CurrentThreadState();
  std::vector<std::exception_ptr> failures(used);
  RunTasks(used, [&](int index) {
    const ChunkScope scope(index, /*is_divided=*/true, state);
    const uint64_t offset = chunk * index;
    const uint64_t size = std::min(chunk, range - offset);
    const int64_t first =
        static_cast<int64_t>(static_cast<uint64_t>(begin) + offset);
    const int64_t last =
        static_cast<int64_t>(static_cast<uint64_t>(begin) + offset + size);
    try {
      body(first, last);
    } catch (...) {
      failures[index] = std::current_exception();
    }
  });
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

absl::Status ParallelForEach(int64_t count,
                             absl::FunctionRef<absl::Status(int64_t)> body) {
  std::atomic<int64_t> next{0};
  std::atomic<bool> failed{false};
  std::mutex mutex;  // guards the two below
  int64_t lowest_failed = count;
  absl::Status failure;
  ParallelFor(0, std::min<int64_t>(count, GetNumThreads()), 1,
              [&](int64_t, int64_t) {
                while (!failed.load()) {
                  const int64_t index = next.fetch_add(1);
                  if (index >= count) return;
                  absl::Status status = body(index);
                  if (status.ok()) continue;
                  failed.store(true);
                  const std::lock_guard<std::mutex> lock(mutex);
                  if (index < lowest_failed) {
                    lowest_failed = index;
                    failure = std::move(status);
                  }
                }
              });
  return failure;
}

ParallelRuntime GetParallelRuntime() {
  ParallelRuntime runtime;
  runtime.num_threads_set = num_threads_set.load();
  runtime.is_forked_child = is_forked_child.load();
#ifdef FERRY_PARALLEL_STD_THREAD
  runtime.library = "std::thread";
  runtime.arena_concurrency = std::numeric_limits<int>::max();
  runtime.process_limit = std::numeric_limits<int>::max();
#else
  runtime.library = absl::StrCat("oneTBB ", TBB_runtime_version());
  runtime.arena_concurrency = tbb::this_task_arena::max_concurrency();
  runtime.process_limit = static_cast<int>(tbb::global_control::active_value(
      tbb::global_control::max_allowed_parallelism));
#endif
  return runtime;
}

}  // namespace v1
}  // namespace ferry
