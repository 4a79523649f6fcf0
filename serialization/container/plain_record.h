// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/container/plain_record.h
// -----------------------------------------------------------------------------
//
// The records of formats that have no checksums.
#ifndef FERRY_SERIALIZATION_CONTAINER_PLAIN_RECORD_H_
#define FERRY_SERIALIZATION_CONTAINER_PLAIN_RECORD_H_

#include <cstdint>
#include <string>
#include <vector>

#include "ferry/serialization/container/parsed_checkpoint.h"

namespace ferry {
inline namespace v1 {

// A range of bytes in a file.
struct PlainRecord {
  std::string name;
  uint64_t offset_bytes = 0;
  uint64_t size_bytes = 0;
};

// Sets the records of `parsed`.
void SetRecords(std::vector<PlainRecord> records, ParsedCheckpoint* parsed);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_CONTAINER_PLAIN_RECORD_H_
