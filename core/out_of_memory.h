// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/out_of_memory.h
// -----------------------------------------------------------------------------
//
// Turns std::bad_alloc into an error at the edge of the library. Inside,
// containers throw it and destructors clean up, so no code in between needs to
// know.
//
// Example:
//
//   absl::StatusOr<Value> Load(absl::string_view path) {
//     return CatchOutOfMemory([&] { return LoadOrThrow(path); });
//   }
#ifndef FERRY_CORE_OUT_OF_MEMORY_H_
#define FERRY_CORE_OUT_OF_MEMORY_H_

#include <new>
#include <utility>

#include "absl/status/status.h"

namespace ferry {
inline namespace v1 {

// Returns the error kResourceExhausted. Never throws.
absl::Status OutOfMemoryError() noexcept;

// Calls `function`, which returns a Status or a StatusOr, and returns its
// result, or `OutOfMemoryError` if it throws std::bad_alloc. Other exceptions
// pass through.
template <typename Function>
auto CatchOutOfMemory(Function&& function)
    -> decltype(std::forward<Function>(function)()) {
  try {
    return std::forward<Function>(function)();
  } catch (const std::bad_alloc&) {
    return OutOfMemoryError();
  }
}

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_OUT_OF_MEMORY_H_
