// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/interrupt.h
// -----------------------------------------------------------------------------
//
// Lets a long operation check periodically for signals such as that of Ctrl-C,
// so that it can clean up before it ends.
//
//   int main() {
//     return EndAs(DoMuch());  // 128 + SIGINT: ends by SIGINT
//   }
#ifndef FERRY_TOOLS_FERRY_INTERRUPT_H_
#define FERRY_TOOLS_FERRY_INTERRUPT_H_

#include <signal.h>

#include <cstddef>

namespace ferry {
inline namespace v1 {
namespace cli {

// ScopedInterrupt
//
// While one exists, the first SIGINT, SIGTERM, SIGHUP or SIGQUIT is recorded
// instead of ending the process; the same signal a second time ends it. Leaves
// signals alone that the process ignores, as under nohup. Only one may exist at
// a time.
//
// Thread-safety: `signal` may be called from any thread.
class ScopedInterrupt {
 public:
  ScopedInterrupt();
  ~ScopedInterrupt();
  ScopedInterrupt(const ScopedInterrupt&) = delete;
  ScopedInterrupt& operator=(const ScopedInterrupt&) = delete;

  // Returns the last signal that was recorded, or 0.
  int signal() const;

 private:
  static constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
  static constexpr size_t kNumSignals = sizeof(kSignals) / sizeof(kSignals[0]);

  struct sigaction old_actions_[kNumSignals];
};

// Returns `exit_code`, or ends the process by a signal if `exit_code` is that
// of a command that one has interrupted. A shell stops a script at Ctrl-C only
// if the command ends that way.
int EndAs(int exit_code);

}  // namespace cli
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_INTERRUPT_H_
