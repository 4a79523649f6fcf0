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
#include <type_traits>

namespace ferry {
inline namespace v1 {

// Calls `call` until it succeeds or fails with an errno other than EINTR, and
// returns what it returned. A call fails by returning -1, or null if it returns
// a pointer. Not for close(), which closes the descriptor even then.
template <typename Call>
auto RetryOnEintr(Call call) {
  while (true) {
    const auto result = call();
    bool has_failed;
    if constexpr (std::is_pointer_v<decltype(call())>) {
      has_failed = result == nullptr;
    } else {
      has_failed = result == -1;
    }
    if (!has_failed || errno != EINTR) return result;
  }
}

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_EINTR_H_
