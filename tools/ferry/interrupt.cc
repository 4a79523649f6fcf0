// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/interrupt.h"

#include <atomic>

namespace ferry {
namespace cli {
namespace {

std::atomic<bool> was_signalled{false};
static_assert(std::atomic<bool>::is_always_lock_free,
              "a signal handler may only touch what takes no lock");

void OnSignal(int) { was_signalled.store(true, std::memory_order_relaxed); }

}  // namespace

ScopedInterrupt::ScopedInterrupt() {
  was_signalled = false;
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &old_interrupt_);
  sigaction(SIGTERM, &action, &old_terminate_);
}

ScopedInterrupt::~ScopedInterrupt() {
  sigaction(SIGINT, &old_interrupt_, nullptr);
  sigaction(SIGTERM, &old_terminate_, nullptr);
}

bool ScopedInterrupt::requested() const {
  return was_signalled.load(std::memory_order_relaxed);
}

}  // namespace cli
}  // namespace ferry
