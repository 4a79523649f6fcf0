// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/parallel_info.h
// -----------------------------------------------------------------------------
//
// Explains how many threads loops use, and why. Ferry itself prints nothing: a
// program that has a log writes the warnings to it.
//
// Example:
//
//   for (const std::string& warning : ParallelWarnings()) {
//     std::cerr << "warning: " << warning << "\n";
//   }
//   std::cout << ParallelInfo();
//   // Ferry loops:
//   //     GetNumThreads() : 4, from OMP_NUM_THREADS
//   //     CPUs by affinity : 8
//   //     ...
#ifndef FERRY_CORE_PARALLEL_INFO_H_
#define FERRY_CORE_PARALLEL_INFO_H_

#include <string>
#include <vector>

namespace ferry {
inline namespace v1 {

// Returns a text for people, of about 20 lines: the number of threads and where
// it comes from, the environment variables, affinity, cgroup quota, oneTBB and
// its limits, whether this is a forked child, which OpenMP runtimes are loaded,
// and the warnings. The wording may change.
//
// Thread-safe, unless another thread changes the environment.
std::string ParallelInfo();

// Returns one sentence for each of these:
//   - an environment variable that is ignored, because it does not begin with a
//     positive number;
//   - an OpenMP runtime that is loaded now. Its threads and Ferry's do not know
//     of each other, so together they may use more CPUs than there are. A
//     runtime that is linked statically is not noticed.
//
// Thread-safe, unless another thread changes the environment during the first
// call of this function or of `GetNumThreads`.
std::vector<std::string> ParallelWarnings();

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_PARALLEL_INFO_H_
