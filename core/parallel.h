// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/parallel.h
// -----------------------------------------------------------------------------
//
// Loops on several threads. One count of threads for the whole process.
//
// Example: fill a buffer, at least 4096 elements to a thread.
//
//   std::vector<float> numbers(1000000);
//   float* data = numbers.data();
//   ParallelFor(0, numbers.size(), 4096, [data](int64_t begin, int64_t end) {
//     std::fill(data + begin, data + end, 1.0f);
//   });
//
// The threads are oneTBB's, which the program may use as well: a loop runs in
// the caller's arena, isolated, so while it waits it runs no task of the
// program's. Results must not depend on the number of threads; nothing here
// makes them.
#ifndef FERRY_CORE_PARALLEL_H_
#define FERRY_CORE_PARALLEL_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

namespace ferry {

// How many threads a loop may use, the caller's included. At first: the
// environment variable FERRY_NUM_THREADS if it begins with a positive number,
// else the CPUs that the process may use (its affinity and its cgroup's quota,
// read once), at least 1.
//
// Thread-safe.
int GetNumThreads();

// Sets it, for every loop that starts from now on, on whatever thread. More
// than there are CPUs is kept as asked, and then means more, smaller chunks.
// Thread-safe.
//
// Errors: kInvalidArgument - not positive; nothing changes.
absl::Status SetNumThreads(int num_threads);
absl::Status SetNumThreads(bool) = delete;
absl::Status SetNumThreads(double) = delete;

// Whether the calling thread is in the body of a loop that was divided.
bool InParallelRegion();

// In such a body the number of the chunk, from 0; elsewhere 0.
int ThreadIndex();

// Calls `body(b, e)` on chunks that together are [begin, end), and returns when
// all are done.
//
// There are min(GetNumThreads(), ceil((end - begin) / grain)) chunks, of equal
// size but for the last; with one chunk, inside another loop, and in a process
// forked off one that had used threads, `body(begin, end)` is called once,
// here. An empty range calls nothing. A grain below 1 counts as 1.
//
// Each chunk runs with the caller's thread state. If bodies throw, all chunks
// still run, and the exception of the lowest chunk is thrown on.
void ParallelFor(int64_t begin, int64_t end, int64_t grain,
                 absl::FunctionRef<void(int64_t, int64_t)> body);

// Calls `body(i)` for i in [0, count), on at most GetNumThreads() threads, each
// of which takes the next index when it is done with one: for pieces of work
// that differ in size. After a failure no further index is begun.
//
// Returns the error of the lowest index that failed, else OK.
absl::Status ParallelForEach(int64_t count,
                             absl::FunctionRef<absl::Status(int64_t)> body);

}  // namespace ferry

#endif  // FERRY_CORE_PARALLEL_H_
