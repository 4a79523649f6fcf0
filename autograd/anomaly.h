// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/anomaly.h
// -----------------------------------------------------------------------------
//
// Finds the op whose gradient is NaN: PyTorch's torch.autograd.detect_anomaly.
//
// Example: the message names the op, and where the program called it.
//
//   const AnomalyGuard guard;
//   auto y = x / x;           // x has a zero
//   absl::Status status = Backward(Sum(y));
//   // OUT_OF_RANGE: Div returned nan values in its 0th output. ...
//
// While the mode is on, each op that is recorded keeps the addresses of its
// callers (up to 64), and each gradient that a backward pass computes is
// searched for NaN, which takes time proportional to its elements. While the
// mode is off it costs one comparison for each recorded op and each node that
// runs.
//
// Each thread has a mode of its own, off at first, and `ParallelFor` carries it
// to its chunks. Switch it on for the forward computation, too: otherwise the
// message names the op alone.
#ifndef FERRY_AUTOGRAD_ANOMALY_H_
#define FERRY_AUTOGRAD_ANOMALY_H_

#include "ferry/autograd/grad_mode.h"
#include "ferry/core/thread_state.h"

namespace ferry {
inline namespace v1 {

// Returns whether the calling thread looks for anomalies.
inline bool AnomalyDetectionEnabled() {
  return (CurrentThreadState().bits & internal::kAnomaly) != 0;
}

// Switches the mode on or off for good. Arguments that are not bool do not
// compile.
inline void SetDetectAnomaly(bool enabled) {
  internal::ReplaceBits(internal::kAnomaly, enabled ? internal::kAnomaly : 0);
}
template <typename T>
void SetDetectAnomaly(T) = delete;

// AnomalyGuard
//
// Switches the mode on (or off, with false) for as long as it lives, and then
// restores it. Must be destroyed on the thread that made it, in reverse order
// of construction.
class AnomalyGuard final {
 public:
  [[nodiscard]] explicit AnomalyGuard(bool enabled = true)
      : former_(AnomalyDetectionEnabled()) {
    SetDetectAnomaly(enabled);
  }
  template <typename T>
  explicit AnomalyGuard(T) = delete;
  ~AnomalyGuard() { SetDetectAnomaly(former_); }
  AnomalyGuard(const AnomalyGuard&) = delete;
  AnomalyGuard& operator=(const AnomalyGuard&) = delete;

 private:
  const bool former_;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_ANOMALY_H_
