// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/testing/save_to_string.h
// -----------------------------------------------------------------------------
//
// Saves to a string in tests.
#ifndef FERRY_SERIALIZATION_TESTING_SAVE_TO_STRING_H_
#define FERRY_SERIALIZATION_TESTING_SAVE_TO_STRING_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/io/file.h"
#include "ferry/serialization/save.h"
#include "ferry/serialization/save_options.h"
#include "ferry/value/value.h"

namespace ferry {
inline namespace v1 {

// Returns the bytes of a checkpoint of `value`. Errors are those of `Save`.
inline absl::StatusOr<std::string> SaveToString(
    const Value& value, const SaveOptions& options = SaveOptions()) {
  std::string bytes;
  StringSink sink(&bytes);
  const absl::Status status = Save(value, sink, options);
  if (!status.ok()) return status;
  return bytes;
}

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TESTING_SAVE_TO_STRING_H_
