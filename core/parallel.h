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
// The threads belong to oneTBB, which the program may use as well. A loop runs
// isolated in the caller's arena, so while it waits it runs none of the
// program's tasks. It is up to the loop bodies that results do not depend on
// the number of threads.
#ifndef FERRY_CORE_PARALLEL_H_
#define FERRY_CORE_PARALLEL_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

namespace ferry {

// Returns how many threads a loop may use, including the caller's. Before
// `SetNumThreads`, this is the first of the environment variables
// FERRY_NUM_THREADS, MKL_NUM_THREADS and OMP_NUM_THREADS that begins with a
// positive number, or else the number of CPUs that the process may use: by its
// affinity and the quotas of its cgroup, but at least 1. They are read once, at
// the first call.
//
// Thread-safe.
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

// Returns the number of the chunk, from 0, in the body of a loop that was
// divided. Returns 0 elsewhere.
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
// Each chunk runs with the caller's thread state. If bodies throw, all chunks
// still run, and the exception of the lowest chunk is rethrown.
void ParallelFor(int64_t begin, int64_t end, int64_t grain,
                 absl::FunctionRef<void(int64_t, int64_t)> body);

// Calls `body(i)` for i in [0, count), on at most GetNumThreads() threads. Each
// thread takes the next index when it has finished one, which suits pieces of
// work of different sizes. After a failure no further index is started.
//
// Returns the error of the lowest index that failed, else OK.
absl::Status ParallelForEach(int64_t count,
                             absl::FunctionRef<absl::Status(int64_t)> body);

}  // namespace ferry

#endif  // FERRY_CORE_PARALLEL_H_
