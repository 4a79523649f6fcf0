// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: devices/conformance/process_state.h
// -----------------------------------------------------------------------------
//
// The state of the process that a backend must not change: signal handlers, the
// current directory, the locale and the floating-point rounding mode.
//
// Example:
//
//   const ProcessState before = ProcessState::Now();
//   UseTheBackend();
//   before.Difference(ProcessState::Now());  // "" or, say, "signal 11"
#ifndef FERRY_DEVICES_CONFORMANCE_PROCESS_STATE_H_
#define FERRY_DEVICES_CONFORMANCE_PROCESS_STATE_H_

#include <csignal>
#include <string>
#include <vector>

namespace ferry {
inline namespace v1 {
namespace conformance_internal {

// ProcessState
//
// A value type. The signal mask and the rounding mode are those of the calling
// thread.
class ProcessState {
 public:
  static ProcessState Now();

  // Describes the differences, for display. Empty if there are none.
  std::string Difference(const ProcessState& other) const;

 private:
  ProcessState() = default;

  std::vector<struct sigaction> actions_;  // of signal i + 1
  sigset_t mask_ = {};
  std::string directory_;
  std::string locale_;
  int rounding_ = 0;
};

}  // namespace conformance_internal
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_DEVICES_CONFORMANCE_PROCESS_STATE_H_
