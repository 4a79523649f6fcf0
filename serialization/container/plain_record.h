// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/container/plain_record.h
// -----------------------------------------------------------------------------
//
// The records of containers without checksums, and what can be said of them.
#ifndef FERRY_SERIALIZATION_CONTAINER_PLAIN_RECORD_H_
#define FERRY_SERIALIZATION_CONTAINER_PLAIN_RECORD_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/core/file.h"
#include "ferry/serialization/container/record_verdict.h"

namespace ferry {

// A run of bytes of a file.
struct PlainRecord {
  std::string name;
  uint64_t offset_bytes = 0;
  uint64_t size_bytes = 0;
};

// Reads every record: each can be read and is "not recorded", or is corrupt
// because the file has become shorter.
//
// Errors: kUnavailable - the operating system refuses to read.
absl::StatusOr<std::vector<RecordVerdict>> VerifyPlainRecords(
    const ReadableBytes& file, absl::Span<const PlainRecord> records);

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_CONTAINER_PLAIN_RECORD_H_
