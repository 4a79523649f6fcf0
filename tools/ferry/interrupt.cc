// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/interrupt.h"

#include <atomic>

#include "ferry/tools/ferry/command.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

std::atomic<int> last_signal{0};
static_assert(std::atomic<int>::is_always_lock_free,
              "a signal handler may only touch what takes no lock");

void OnSignal(int signal) {
  last_signal.store(signal, std::memory_order_relaxed);
}

}  // namespace

ScopedInterrupt::ScopedInterrupt() {
  last_signal = 0;
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < kNumSignals; ++i) {
    sigaction(kSignals[i], nullptr, &old_actions_[i]);
    if (old_actions_[i].sa_handler != SIG_IGN) {
      sigaction(kSignals[i], &action, nullptr);
    }
  }
}

ScopedInterrupt::~ScopedInterrupt() {
  for (size_t i = 0; i < kNumSignals; ++i) {
    sigaction(kSignals[i], &old_actions_[i], nullptr);
  }
}

int ScopedInterrupt::signal() const {
  return last_signal.load(std::memory_order_relaxed);
}

int EndAs(int exit_code) {
  if (exit_code > kExitSignal) {
    const int number = exit_code - kExitSignal;
    ::signal(number, SIG_DFL);
    raise(number);
  }
  return exit_code;
}

}  // namespace cli
}  // namespace v1
}  // namespace ferry
