// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/container/record_verdict.h
// -----------------------------------------------------------------------------
//
// The result of checking a record of a file.
#ifndef FERRY_SERIALIZATION_CONTAINER_RECORD_VERDICT_H_
#define FERRY_SERIALIZATION_CONTAINER_RECORD_VERDICT_H_

#include <cstdint>
#include <string>

namespace ferry {
inline namespace v1 {

struct RecordVerdict {
  enum Outcome {
    kVerified,     // its checksum matches the recorded one
    kNotRecorded,  // it can be read, but the file has no checksum for it
    kCorrupt,      // its checksum does not match, or it contradicts the format
  };
  std::string record;  // its name
  uint64_t size_bytes = 0;
  Outcome outcome = kVerified;
  std::string detail;  // if corrupt, what is wrong with it
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_CONTAINER_RECORD_VERDICT_H_
