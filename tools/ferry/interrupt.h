// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/interrupt.h
// -----------------------------------------------------------------------------
//
// Lets a long operation check periodically for Ctrl-C, so that it can clean up
// before it ends.
#ifndef FERRY_TOOLS_FERRY_INTERRUPT_H_
#define FERRY_TOOLS_FERRY_INTERRUPT_H_

#include <signal.h>

namespace ferry {
namespace cli {

// ScopedInterrupt
//
// While one exists, the first SIGINT or SIGTERM is recorded instead of ending
// the process; a second one ends it. Only one may exist at a time.
//
// Thread-safety: `requested` may be called from any thread.
class ScopedInterrupt {
 public:
  ScopedInterrupt();
  ~ScopedInterrupt();
  ScopedInterrupt(const ScopedInterrupt&) = delete;
  ScopedInterrupt& operator=(const ScopedInterrupt&) = delete;

  bool requested() const;

 private:
  struct sigaction old_interrupt_;
  struct sigaction old_terminate_;
};

}  // namespace cli
}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_INTERRUPT_H_
