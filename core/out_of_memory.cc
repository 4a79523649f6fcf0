// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/out_of_memory.h"

#include <new>

#include "absl/status/status.h"

namespace ferry {
inline namespace v1 {

absl::Status OutOfMemoryError() noexcept {
  try {
    return absl::ResourceExhaustedError("there is not enough memory");
  } catch (const std::bad_alloc&) {
    // A status without a message takes no memory.
    return absl::Status(absl::StatusCode::kResourceExhausted, "");
  }
}

}  // namespace v1
}  // namespace ferry
