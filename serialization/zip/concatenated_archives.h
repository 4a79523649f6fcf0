// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/zip/concatenated_archives.h
// -----------------------------------------------------------------------------
//
// Explains files in which the zip archive does not begin at the first byte:
// several concatenated archives, or an archive after other bytes. A zip archive
// is found from its end, so a simple reader takes the last one, while PyTorch
// reads the first or none. Ferry reads none of them unless the caller says
// which.
#ifndef FERRY_SERIALIZATION_ZIP_CONCATENATED_ARCHIVES_H_
#define FERRY_SERIALIZATION_ZIP_CONCATENATED_ARCHIVES_H_

#include <cstdint>

#include "absl/status/status.h"
#include "ferry/io/file.h"

namespace ferry {
inline namespace v1 {
namespace zip {

// Returns kInvalidArgument if a zip archive is at the end of `file` and other
// bytes precede it; the message says where each archive is and what to do.
// Returns kDataLoss if no archive begins where the end record says. Returns OK
// in all other cases: no archive, a damaged archive, or one that begins at the
// first byte.
//
// `offset_bytes` is where `file` begins in the file that the user named; it is
// added to the offsets in the message.
//
// Reads the end records of at most the last 16 archives.
absl::Status CheckArchiveBegins(const RandomAccessFile& file,
                                uint64_t offset_bytes);

}  // namespace zip
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_ZIP_CONCATENATED_ARCHIVES_H_
