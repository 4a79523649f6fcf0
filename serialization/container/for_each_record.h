// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/container/for_each_record.h
// -----------------------------------------------------------------------------
//
// Reading the records of a file side by side, where the file allows it.
#ifndef FERRY_SERIALIZATION_CONTAINER_FOR_EACH_RECORD_H_
#define FERRY_SERIALIZATION_CONTAINER_FOR_EACH_RECORD_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "ferry/core/file.h"
#include "ferry/core/parallel.h"
#include "ferry/core/status_macros.h"

namespace ferry {

// Calls `body` with 0 to `count` less one: from several threads at once, in any
// order, unless `file` is serial; then in order, on the caller's.
//
// Errors: the first of `body`, of the lowest number where there are several.
inline absl::Status ForEachRecord(
    const ReadableBytes& file, int64_t count,
    absl::FunctionRef<absl::Status(int64_t)> body) {
  if (!file.is_serial()) return ParallelForEach(count, body);
  for (int64_t i = 0; i < count; ++i) FERRY_RETURN_IF_ERROR(body(i));
  return absl::OkStatus();
}

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_CONTAINER_FOR_EACH_RECORD_H_
