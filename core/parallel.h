// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/parallel.h
// -----------------------------------------------------------------------------
//
// Runs loops on several threads. The whole process shares one thread count.
//
// Example: fill a buffer, with at least 4096 elements per thread.
//
//   std::vector<float> numbers(1000000);
//   float* data = numbers.data();
//   ParallelFor(0, numbers.size(), 4096, [data](int64_t begin, int64_t end) {
//     std::fill(data + begin, data + end, 1.0f);
//   });
//
// Example: a sum that has the same bits for every number of threads.
//
//   const std::vector<float> numbers(1000000, 0.1f);
//   const double sum = ParallelReduce(
//       0, numbers.size(), 32768, 0.0,
//       [&numbers](int64_t begin, int64_t end) {
//         return std::accumulate(numbers.begin() + begin,
//                                numbers.begin() + end, 0.0);
//       },
//       std::plus<>());
//
// The threads belong to oneTBB, which the program may use as well. A loop runs
// isolated in the caller's arena, so while it waits it runs none of the
// program's tasks. docs/threads.md compares this with PyTorch.
#ifndef FERRY_CORE_PARALLEL_H_
#define FERRY_CORE_PARALLEL_H_

#include <algorithm>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

namespace ferry {
inline namespace v1 {

// Returns how many threads a loop may use, including the caller's. Before
// `SetNumThreads`, this is the first of the environment variables
// FERRY_NUM_THREADS, MKL_NUM_THREADS and OMP_NUM_THREADS that begins with a
// positive number, or else the number of CPUs that the process may use: by its
// affinity and the quotas of its cgroup, but at least 1. They are read once, at
// the first call.
//
// Thread-safe, unless another thread changes the environment during the first
// call.
int GetNumThreads();

// Sets the number of threads for all loops that start after this call, on any
// thread. A number above the number of CPUs is accepted and gives more, smaller
// chunks. Thread-safe.
//
// Errors: kInvalidArgument - not positive; the number does not change.
absl::Status SetNumThreads(int num_threads);
absl::Status SetNumThreads(bool) = delete;
absl::Status SetNumThreads(double) = delete;

// Returns whether the calling thread is in the body of a loop that was divided.
bool InParallelRegion();

// Returns the number of the chunk, from 0, in the body of a loop. Returns 0 in
// a loop that was not divided, also inside another one, and outside of loops.
// The chunks of one loop have different numbers. Chunks of different loops do
// not, so do not index memory with it that several loops share, such as loops
// inside two chunks or on two threads of the program.
int ThreadIndex();

// Calls `body(b, e)` on chunks that together are [begin, end), and returns when
// all are done.
//
// There are min(GetNumThreads(), ceil((end - begin) / grain)) chunks, all of
// equal size except the last. `body(begin, end)` is called once, on the calling
// thread, if there is only one chunk, inside another loop, and in a process
// forked from one that had used threads. An empty range calls nothing. A grain
// below 1 counts as 1.
//
// Each chunk runs with the caller's thread state (core/thread_state.h) and
// floating-point settings. What a chunk does to its thread state ends with the
// chunk. If bodies throw, all chunks still run, and the exception of the lowest
// chunk is rethrown.
void ParallelFor(int64_t begin, int64_t end, int64_t grain,
                 absl::FunctionRef<void(int64_t, int64_t)> body);

// Returns combine(... combine(combine(m0, m1), m2) ...), where m0, m1, ... are
// the values `map(b, e)` of consecutive blocks that together are [begin, end).
// Returns `identity` if the range is empty.
//
// Every block has `block` indices, except that the last may have fewer. A block
// size below 1 counts as 1. Neither the blocks nor the order in which they are
// combined depend on the number of threads, so neither do the bits of the
// result. `map` is called on several threads at once, as the body of a
// `ParallelFor`; `combine` is called on the calling thread. If they throw, the
// exception of the lowest block is rethrown, and some blocks may not be mapped.
//
// Both functions return exactly `T`, which need not be copyable. Holds at most
// 1024 values at once.
template <typename T, typename Map, typename Combine>
T ParallelReduce(int64_t begin, int64_t end, int64_t block, T identity, Map map,
                 Combine combine);

// Calls `body(i)` for i in [0, count), on at most GetNumThreads() threads. Each
// thread takes the next index when it has finished one, which suits pieces of
// work of different sizes. After a failure no further index is started.
//
// Returns the error of the lowest index that failed, else OK.
absl::Status ParallelForEach(int64_t count,
                             absl::FunctionRef<absl::Status(int64_t)> body);

// Implementation details follow.

template <typename T, typename Map, typename Combine>
T ParallelReduce(int64_t begin, int64_t end, int64_t block, T identity, Map map,
                 Combine combine) {
  static_assert(std::is_same_v<std::invoke_result_t<Map&, int64_t, int64_t>, T>,
                "map must return the type of identity");
  static_assert(std::is_same_v<std::invoke_result_t<Combine&, T, T>, T>,
                "combine must return the type of identity");
  constexpr uint64_t kMaxPartials = 1024;
  if (begin >= end) return identity;
  // Unsigned, since the range may be wider than int64_t.
  const uint64_t first = static_cast<uint64_t>(begin);
  const uint64_t step = static_cast<uint64_t>(std::max<int64_t>(block, 1));
  uint64_t rest = static_cast<uint64_t>(end) - first;
  uint64_t done = 0;
  std::optional<T> result;
  while (rest > 0) {
    const uint64_t count = std::min((rest - 1) / step + 1, kMaxPartials);
    std::vector<std::optional<T>> partials(count);
    ParallelFor(
        0, static_cast<int64_t>(count), 1, [&](int64_t from, int64_t to) {
          for (int64_t i = from; i < to; ++i) {
            const uint64_t offset = step * static_cast<uint64_t>(i);
            const uint64_t size = std::min(step, rest - offset);
            const uint64_t b = first + done + offset;
            partials[i].emplace(
                map(static_cast<int64_t>(b), static_cast<int64_t>(b + size)));
          }
        });
    for (std::optional<T>& partial : partials) {
      T& next = *partial;
      if (!result.has_value()) {
        result.emplace(std::move(next));
      } else {
        T& former = *result;
        T combined = combine(std::move(former), std::move(next));
        result.emplace(std::move(combined));
      }
    }
    const uint64_t before_last = (count - 1) * step;
    const uint64_t mapped = before_last + std::min(step, rest - before_last);
    done += mapped;
    rest -= mapped;
  }
  return *std::move(result);
}

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_PARALLEL_H_
