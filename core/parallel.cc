// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/parallel.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <limits>
#include <mutex>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "ferry/core/thread_state.h"

#ifdef FERRY_PARALLEL_STD_THREAD
#include <thread>
#else
#include "tbb/parallel_for.h"
#include "tbb/partitioner.h"
#include "tbb/task_arena.h"
#endif

namespace ferry {
namespace {

// 0 until it is first asked for.
std::atomic<int> num_threads{0};

// In a forked child the workers are gone, and waiting for one would never end.
std::atomic<bool> threads_were_used{false};
std::atomic<bool> is_forked_child{false};

thread_local bool in_region = false;
thread_local int thread_index = 0;

int LeadingPositiveInt(const char* text) {
  if (text == nullptr) return 0;
  const long value = std::strtol(text, nullptr, 10);
  return value > 0 && value <= std::numeric_limits<int>::max()
             ? static_cast<int>(value)
             : 0;
}

std::string FirstLine(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// CPUs' worth of time that the cgroup grants, rounded up; 0 if there is no
// quota. Documentation/admin-guide/cgroup-v2.rst of Linux, "cpu.max", and
// Documentation/scheduler/sched-bwc.rst for version 1.
int CgroupQuota() {
  int64_t quota = 0;
  int64_t period = 0;
  const std::string v2 = FirstLine("/sys/fs/cgroup/cpu.max");
  if (!v2.empty()) {
    const std::vector<std::string> fields = absl::StrSplit(v2, ' ');
    if (fields.size() != 2 || !absl::SimpleAtoi(fields[0], &quota) ||
        !absl::SimpleAtoi(fields[1], &period)) {
      return 0;
    }
  } else if (!absl::SimpleAtoi(FirstLine("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"),
                               &quota) ||
             !absl::SimpleAtoi(
                 FirstLine("/sys/fs/cgroup/cpu/cpu.cfs_period_us"), &period)) {
    return 0;
  }
  if (quota <= 0 || period <= 0) return 0;
  return static_cast<int>(std::min<int64_t>((quota - 1) / period + 1, 1 << 20));
}

int DefaultNumThreads() {
  const int asked = LeadingPositiveInt(std::getenv("FERRY_NUM_THREADS"));
  if (asked > 0) return asked;
  cpu_set_t cpus;
  int count = 1;
  if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0) count = CPU_COUNT(&cpus);
  const int quota = CgroupQuota();
  if (quota > 0) count = std::min(count, quota);
  return std::max(count, 1);
}

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
// some. Tasks do not throw.
void RunTasks(int count, absl::FunctionRef<void(int)> task) {
  NoteThreadsAreUsed();
#ifdef FERRY_PARALLEL_STD_THREAD
  std::vector<std::thread> threads;
  threads.reserve(count - 1);
  for (int i = 1; i < count; ++i) threads.emplace_back([&task, i] { task(i); });
  task(0);
  for (std::thread& thread : threads) thread.join();
#else
  tbb::this_task_arena::isolate([&] {
    tbb::parallel_for(
        0, count, [&](int i) { task(i); }, tbb::simple_partitioner());
  });
#endif
}

// Marks the calling thread as being in chunk `index`, and puts everything back
// afterwards: a worker goes on to other loops.
class ChunkScope {
 public:
  ChunkScope(int index, ThreadState state)
      : state_(state),
        former_in_region_(in_region),
        former_index_(thread_index) {
    in_region = true;
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
  int count = num_threads.load();
  if (count > 0) return count;
  static const int default_count = DefaultNumThreads();
  // Unless somebody has set it meanwhile.
  int expected = 0;
  num_threads.compare_exchange_strong(expected, default_count);
  return num_threads.load();
}

absl::Status SetNumThreads(int count) {
  if (count <= 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("the number of threads must be positive; it was ", count));
  }
  num_threads.store(count);
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
    body(begin, end);
    return;
  }
  const uint64_t chunk = (range - 1) / chunks + 1;
  const int used = static_cast<int>((range - 1) / chunk + 1);
  const ThreadState state = CurrentThreadState();
  std::vector<std::exception_ptr> failures(used);
  RunTasks(used, [&](int index) {
    const ChunkScope scope(index, state);
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

}  // namespace ferry
