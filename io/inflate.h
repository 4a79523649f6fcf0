// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: io/inflate.h
// -----------------------------------------------------------------------------
//
// Decompresses raw deflate data (RFC 1951) in a file, piece by piece.
//
// Example:
//
//   std::string contents;
//   FERRY_ASSIGN_OR_RETURN(
//       const uint32_t crc32,
//       Inflate(
//           *file, {offset, stored, size},
//           [&](absl::string_view piece) {
//             contents.append(piece.data(), piece.size());
//             return absl::OkStatus();
//           },
//           [](absl::StatusCode code, absl::string_view what) {
//             return absl::Status(code, absl::StrCat("the record ", what));
//           }));
#ifndef FERRY_IO_INFLATE_H_
#define FERRY_IO_INFLATE_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/io/file.h"

namespace ferry {
inline namespace v1 {

struct DeflatedRange {
  // Where the compressed bytes are in the file, and how many there are.
  uint64_t offset_bytes = 0;
  uint64_t size_bytes = 0;
  // The size after decompression that the file claims.
  uint64_t inflated_bytes = 0;
};

// Inflates a range of `file`, passes the result to `consume` in order, in
// pieces of at most 64 KiB, and returns its CRC-32. Never passes more than
// `range.inflated_bytes` bytes in all. Uses 128 KiB of memory.
//
//   error  makes the error from a code and a predicate, such as "does not
//          inflate".
//
// Errors: kDataLoss - the range does not inflate to exactly that size, or has
//         bytes left over; kResourceExhausted - no memory; whatever reading and
//         `consume` return.
absl::StatusOr<uint32_t> Inflate(
    const RandomAccessFile& file, const DeflatedRange& range,
    absl::FunctionRef<absl::Status(absl::string_view)> consume,
    absl::FunctionRef<absl::Status(absl::StatusCode, absl::string_view)> error);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_IO_INFLATE_H_
