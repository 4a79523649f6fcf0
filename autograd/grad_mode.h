// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/grad_mode.h
// -----------------------------------------------------------------------------
//
// Switches the recording of gradients off and on for the calling thread:
// PyTorch's torch.no_grad, enable_grad, set_grad_enabled and inference_mode.
// Reading the mode costs a few instructions. docs/gradient-modes.md compares
// each case with PyTorch.
//
// Example: a scope, and a function that changes the mode for good.
//
//   {
//     NoGradGuard no_grad;
//     GradEnabled();  // false
//   }
//   GradEnabled();  // true
//   SetGradEnabled(false);
//   GradEnabled();  // false from here on
//
// Each thread has a mode of its own. A new thread starts with gradients
// enabled, whatever its creator's mode is. `ParallelFor` (core/parallel.h)
// gives the caller's mode to every chunk.
//
// A guard must be destroyed on the thread that made it, in reverse order of
// construction. Builds with assertions check that. So a guard must not live
// across a point where the thread may go on to something else: a suspension of
// a coroutine or a fiber, a suspended task of oneTBB.
#ifndef FERRY_AUTOGRAD_GRAD_MODE_H_
#define FERRY_AUTOGRAD_GRAD_MODE_H_

#include <cassert>
#include <cstdint>
#include <utility>

#include "ferry/core/thread_state.h"

namespace ferry {
inline namespace v1 {

// Returns whether operations of the calling thread record gradients.
bool GradEnabled();

// Switches the recording on or off, until the scope that a guard made ends, or
// for good. Arguments that are not bool do not compile.
void SetGradEnabled(bool enabled);
template <typename T>
void SetGradEnabled(T) = delete;

// Returns whether the calling thread is in inference mode, in which new tensors
// can never take part in recording.
bool InferenceModeEnabled();

// Returns whether operations of the calling thread are recorded: gradients are
// enabled, and inference mode is off.
bool RecordingEnabled();

// ModeGuard
//
// What the guards below have in common: restores both modes of the thread when
// it is destroyed, whatever happened to them in between. Leaves the rest of the
// thread's state as it is.
class ModeGuard {
 public:
  ModeGuard(const ModeGuard&) = delete;
  ModeGuard& operator=(const ModeGuard&) = delete;

 protected:
  ModeGuard(bool grad_enabled, bool inference);
  ~ModeGuard();

 private:
  const uint64_t former_;
};

// Switches the recording of gradients off for as long as it lives.
class NoGradGuard final : ModeGuard {
 public:
  [[nodiscard]] NoGradGuard() : ModeGuard(false, InferenceModeEnabled()) {}
};

// Switches the recording on for as long as it lives, also inside a NoGradGuard.
class EnableGradGuard final : ModeGuard {
 public:
  [[nodiscard]] EnableGradGuard() : ModeGuard(true, InferenceModeEnabled()) {}
};

// Switches the recording on or off for as long as it lives.
class GradModeGuard final : ModeGuard {
 public:
  [[nodiscard]] explicit GradModeGuard(bool enabled)
      : ModeGuard(enabled, InferenceModeEnabled()) {}
  template <typename T>
  explicit GradModeGuard(T) = delete;
};

// Switches inference mode on, and with it the recording off, for as long as it
// lives; or, with false, inference mode off and the recording on.
class InferenceModeGuard final : ModeGuard {
 public:
  [[nodiscard]] explicit InferenceModeGuard(bool enabled = true)
      : ModeGuard(!enabled, enabled) {}
  template <typename T>
  explicit InferenceModeGuard(T) = delete;
};

// Calls `function()` with the recording on or off, and returns its result. This
// is the decorator of Python: the mode changes only while the function runs.
//
//   auto predict = [] {
//     return WithGradMode(false, [] { return GradEnabled(); });
//   };
//   GradEnabled();  // true
//   predict();      // false
template <typename Function>
decltype(auto) WithGradMode(bool enabled, Function&& function) {
  const GradModeGuard guard(enabled);
  return std::forward<Function>(function)();
}
template <typename T, typename Function>
void WithGradMode(T, Function&&) = delete;

// -----------------------------------------------------------------------------
// Implementation details follow.

namespace internal {

// The bits of ThreadState. A new thread has none set. From kOneGuard upwards
// they count the guards that are alive on the thread.
inline constexpr uint64_t kGradDisabled = 1;
inline constexpr uint64_t kAnomaly = 4;
inline constexpr uint64_t kOneGuard = uint64_t{1} << 32;
inline constexpr uint64_t kModeGuardBits =
    kGradDisabled | kInferenceBit | ~(kOneGuard - 1);

// Replaces the bits of the calling thread's state that `mask` has.
inline void ReplaceBits(uint64_t mask, uint64_t bits) {
  ThreadState state = CurrentThreadState();
  state.bits = (state.bits & ~mask) | (bits & mask);
  SetCurrentThreadState(state);
}

}  // namespace internal

inline bool GradEnabled() {
  return (CurrentThreadState().bits & internal::kGradDisabled) == 0;
}

inline void SetGradEnabled(bool enabled) {
  internal::ReplaceBits(internal::kGradDisabled,
                        enabled ? 0 : internal::kGradDisabled);
}

inline bool InferenceModeEnabled() {
  return (CurrentThreadState().bits & kInferenceBit) != 0;
}

inline bool RecordingEnabled() {
  return (CurrentThreadState().bits &
          (internal::kGradDisabled | kInferenceBit)) == 0;
}

inline ModeGuard::ModeGuard(bool grad_enabled, bool inference)
    : former_(CurrentThreadState().bits) {
  const uint64_t guards = former_ / internal::kOneGuard + 1;
  internal::ReplaceBits(internal::kModeGuardBits,
                        guards * internal::kOneGuard |
                            (grad_enabled ? 0 : internal::kGradDisabled) |
                            (inference ? kInferenceBit : 0));
}

inline ModeGuard::~ModeGuard() {
  assert(CurrentThreadState().bits / internal::kOneGuard ==
             former_ / internal::kOneGuard + 1 &&
         "destroyed on another thread, or not in reverse order");
  internal::ReplaceBits(internal::kModeGuardBits, former_);
}

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_GRAD_MODE_H_
