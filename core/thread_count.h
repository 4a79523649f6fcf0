// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/thread_count.h
// -----------------------------------------------------------------------------
//
// Finds out how many threads a loop may use if the program does not say so with
// `SetNumThreads`.
//
// Example: MKL_NUM_THREADS=4,2 OMP_NUM_THREADS=abc
//
//   const ThreadCount found = FindThreadCount("");
//   found.count;     // 4
//   found.source;    // "MKL_NUM_THREADS"
//   found.warnings;  // one, about OMP_NUM_THREADS
#ifndef FERRY_CORE_THREAD_COUNT_H_
#define FERRY_CORE_THREAD_COUNT_H_

#include <string>
#include <vector>

namespace ferry {
inline namespace v1 {

// The environment variables, in the order in which they are asked.
inline constexpr const char* kThreadCountVariables[] = {
    "FERRY_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"};

struct ThreadCount {
  // At least 1.
  int count = 1;
  // Where `count` comes from: the name of a variable, "affinity" or "cgroup
  // quota".
  std::string source;
  // The number of CPUs to which the calling thread is bound.
  int affinity_cpus = 1;
  // The number of CPUs that the cgroup's quota grants, or 0 without a quota.
  int quota_cpus = 0;
  // One sentence for each variable that is ignored.
  std::vector<std::string> warnings;
};

// Returns the number of the first variable that begins with a positive number:
// "4,2" is 4 and "7x" is 7, as in PyTorch. Any other text is ignored with a
// warning. Without a variable the number is that of the CPUs which the affinity
// and the cgroup's quota allow.
//
// `root` is as for `CgroupQuota`. Thread-safe, unless another thread changes
// the environment.
ThreadCount FindThreadCount(const std::string& root);

// Returns what `FindThreadCount("")` returned in this process's first call.
// Thread-safe.
const ThreadCount& DefaultThreadCount();

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_THREAD_COUNT_H_
