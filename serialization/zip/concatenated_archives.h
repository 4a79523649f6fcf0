// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/zip/concatenated_archives.h
// -----------------------------------------------------------------------------
//
// Explains files in which the zip archive does not begin at the first byte:
// several archives one after another, or other bytes before one. A zip archive
// is found from its end, so a reader that only looks there takes the last one,
// while PyTorch reads the first or none. Ferry reads none of them unless it is
// told which.
#ifndef FERRY_SERIALIZATION_ZIP_CONCATENATED_ARCHIVES_H_
#define FERRY_SERIALIZATION_ZIP_CONCATENATED_ARCHIVES_H_

#include <cstdint>

#include "absl/status/status.h"
#include "ferry/io/file.h"

namespace ferry {

// Returns kInvalidArgument, with where each archive is and what to do, if a zip
// archive stands at the end of `file` and other bytes stand before it. Returns
// OK in all other cases: no archive, a damaged one, or one that begins at the
// first byte. Returns kDataLoss if no archive begins where the end record says.
//
// `offset_bytes` is where `file` begins in the file that the user named; it is
// added to the offsets in the message.
//
// Reads the end records of the last 16 archives at most.
absl::Status CheckArchiveBegins(const ReadableBytes& file,
                                uint64_t offset_bytes);

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_ZIP_CONCATENATED_ARCHIVES_H_
