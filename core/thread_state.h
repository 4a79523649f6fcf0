// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/thread_state.h
// -----------------------------------------------------------------------------
//
// One word of state per thread, which `ParallelFor` carries to the threads that
// work for the caller. Core gives it no meaning; autograd keeps its modes here.
//
// Example: run a block with another state.
//
//   {
//     ScopedThreadState scope(ThreadState{1});
//     CurrentThreadState().bits;  // 1
//   }  // the former state is back, also if the block threw
#ifndef FERRY_CORE_THREAD_STATE_H_
#define FERRY_CORE_THREAD_STATE_H_

#include <cstdint>
#include <type_traits>

namespace ferry {

// A new thread has all bits 0.
struct ThreadState {
  uint64_t bits = 0;
};
static_assert(std::is_trivially_copyable_v<ThreadState>);

// Of the calling thread. A few instructions each.
ThreadState CurrentThreadState();
void SetCurrentThreadState(ThreadState state);

// Sets the calling thread's state, and puts the former one back when it is
// destroyed, which must happen on the same thread, last made first.
class [[nodiscard]] ScopedThreadState {
 public:
  explicit ScopedThreadState(ThreadState state)
      : former_(CurrentThreadState()) {
    SetCurrentThreadState(state);
  }
  ~ScopedThreadState() { SetCurrentThreadState(former_); }
  ScopedThreadState(const ScopedThreadState&) = delete;
  ScopedThreadState& operator=(const ScopedThreadState&) = delete;

 private:
  const ThreadState former_;
};

}  // namespace ferry

#endif  // FERRY_CORE_THREAD_STATE_H_
