// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/devices/conformance/process_state.h"

#include <limits.h>
#include <pthread.h>
#include <unistd.h>

#include <cfenv>
#include <clocale>

#include "absl/strings/str_cat.h"

namespace ferry {
inline namespace v1 {
namespace conformance_internal {
namespace {

// SA_RESTORER of the kernel, which no header for programs has. The C library
// adds it to the flags that it sets, so that the flags of a handler that was
// replaced and put back differ from those before.
constexpr int kRestorer = 0x04000000;

}  // namespace

ProcessState ProcessState::Now() {
  ProcessState state;
  state.actions_.resize(NSIG - 1);
  for (int signal = 1; signal < NSIG; ++signal) {
    struct sigaction action = {};
    // Fails for the two that the C library keeps for itself: left empty.
    if (sigaction(signal, nullptr, &action) == 0) {
      action.sa_flags &= ~kRestorer;
      state.actions_[signal - 1] = action;
    }
  }
  pthread_sigmask(SIG_SETMASK, nullptr, &state.mask_);
  char directory[PATH_MAX];
  if (getcwd(directory, sizeof(directory)) != nullptr) {
    state.directory_ = directory;
  }
  state.locale_ = std::setlocale(LC_ALL, nullptr);
  state.rounding_ = std::fegetround();
  return state;
}

std::string ProcessState::Difference(const ProcessState& other) const {
  std::string difference;
  const auto add = [&](const auto&... parts) {
    absl::StrAppend(&difference, difference.empty() ? "" : ", ", parts...);
  };
  for (int signal = 1; signal < NSIG; ++signal) {
    const struct sigaction& mine = actions_[signal - 1];
    const struct sigaction& others = other.actions_[signal - 1];
    // The two handlers share their place.
    if (mine.sa_sigaction != others.sa_sigaction ||
        mine.sa_flags != others.sa_flags) {
      add("the handler of signal ", signal);
    }
    if (sigismember(&mask_, signal) != sigismember(&other.mask_, signal)) {
      add("whether signal ", signal, " is blocked");
    }
  }
  if (directory_ != other.directory_) add("the current directory");
  if (locale_ != other.locale_) add("the locale");
  if (rounding_ != other.rounding_) add("the floating-point rounding mode");
  return difference;
}

}  // namespace conformance_internal
}  // namespace v1
}  // namespace ferry
