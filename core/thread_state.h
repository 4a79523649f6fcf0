// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/thread_state.h
// -----------------------------------------------------------------------------
//
// The state of a thread, which `ParallelFor` copies to the threads that work
// for the caller. It belongs to autograd/, through which programs use it; core/
// reads one bit of it. The header is public because the modes are read inline.
//
// Example: run a block with a different state.
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
inline namespace v1 {

// A new thread has all bits 0, and a null pointer.
struct ThreadState {
  uint64_t bits = 0;
  // The innermost scope of saved-tensor hooks (autograd/graph/saved_tensor.h).
  // The scope stands on the stack of the thread that made it, and outlives the
  // loops to which the state is copied.
  const void* saved_tensor_scope = nullptr;
};
static_assert(std::is_trivially_copyable_v<ThreadState>);

// The bit that core/ reads: storages that the thread makes while it is set have
// `Storage::is_inference`.
inline constexpr uint64_t kInferenceBit = 2;

namespace internal {
// Initialised at compile time, so access needs no check and no call.
inline thread_local ThreadState current_thread_state;
}  // namespace internal

// Return or set the calling thread's state. To read the bits takes one
// instruction where Ferry is linked statically.
inline ThreadState CurrentThreadState() {
  return internal::current_thread_state;
}
inline void SetCurrentThreadState(ThreadState state) {
  internal::current_thread_state = state;
}

// Sets the calling thread's state, and restores the former state when it is
// destroyed. Must be destroyed on the same thread, in reverse order of
// construction.
class ScopedThreadState {
 public:
  [[nodiscard]] explicit ScopedThreadState(ThreadState state)
      : former_(CurrentThreadState()) {
    SetCurrentThreadState(state);
  }
  ~ScopedThreadState() { SetCurrentThreadState(former_); }
  ScopedThreadState(const ScopedThreadState&) = delete;
  ScopedThreadState& operator=(const ScopedThreadState&) = delete;

 private:
  const ThreadState former_;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_THREAD_STATE_H_
