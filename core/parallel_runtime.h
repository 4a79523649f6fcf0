// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/parallel_runtime.h
// -----------------------------------------------------------------------------
//
// What `ParallelInfo` has to ask the library that runs the loops. Programs use
// core/parallel_info.h.
#ifndef FERRY_CORE_PARALLEL_RUNTIME_H_
#define FERRY_CORE_PARALLEL_RUNTIME_H_

#include <string>

namespace ferry {
inline namespace v1 {

struct ParallelRuntime {
  // The last number given to `SetNumThreads`, or 0.
  int num_threads_set = 0;
  // Whether loops run serially because a program that had used threads forked.
  bool is_forked_child = false;
  // The name and version of the library whose threads run the loops.
  std::string library;
  // The most threads of that library that can run a loop of the calling thread,
  // and the limit on the threads of the whole process that is now in force.
  int arena_concurrency = 0;
  int process_limit = 0;
};

// Thread-safe. Defined in core/parallel.cc.
ParallelRuntime GetParallelRuntime();

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_PARALLEL_RUNTIME_H_
