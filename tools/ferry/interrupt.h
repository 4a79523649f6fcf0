// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/interrupt.h
// -----------------------------------------------------------------------------
//
// Ctrl-C as a question that a long piece of work asks now and then, so that it
// can tidy up before it ends.
#ifndef FERRY_TOOLS_FERRY_INTERRUPT_H_
#define FERRY_TOOLS_FERRY_INTERRUPT_H_

#include <signal.h>

namespace ferry {

// ScopedInterrupt
//
// While one lives, the first SIGINT or SIGTERM is noted instead of ending the
// process; a second one ends it. One at a time.
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

}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_INTERRUPT_H_
