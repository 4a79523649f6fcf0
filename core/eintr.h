// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/eintr.h
// -----------------------------------------------------------------------------
//
// Repeats calls of the operating system that a signal has interrupted. A call
// can be interrupted even if every handler has SA_RESTART: by a debugger, by a
// signal that stops the process, and in file systems that run elsewhere.
//
// Example:
//
//   const int fd = RetryOnEintr([&] { return open(path, O_RDONLY); });
#ifndef FERRY_CORE_EINTR_H_
#define FERRY_CORE_EINTR_H_

#include <cerrno>

namespace ferry {
inline namespace v1 {

// Calls `call` until it returns something other than -1 with errno EINTR, and
// returns that. Not for close(), which closes the descriptor even then.
template <typename Call>
auto RetryOnEintr(Call call) {
  while (true) {
    const auto result = call();
    if (result != -1 || errno != EINTR) return result;
  }
}

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_EINTR_H_
