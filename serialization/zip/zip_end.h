// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/zip/zip_end.h
// -----------------------------------------------------------------------------
//
// Finds the end records of a zip archive, which say where the rest is. Uses the
// last end record, even if it is damaged and another one precedes it. PyTorch
// does the same (miniz, `mz_zip_reader_locate_header_sig`); a reader that fell
// back to the earlier record would read a different archive.
//
// Example: where the archive begins in the file.
//
//   FERRY_ASSIGN_OR_RETURN(ZipEnd end, FindZipEnd(*file, file->size_bytes()));
//   end.archive_offset();  // 0, unless other bytes precede the archive
#ifndef FERRY_SERIALIZATION_ZIP_ZIP_END_H_
#define FERRY_SERIALIZATION_ZIP_ZIP_END_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "ferry/io/file.h"

namespace ferry {
inline namespace v1 {
namespace zip {

// The contents of the end records of an archive. All sizes are in bytes.
struct ZipEnd {
  uint64_t num_entries = 0;
  uint64_t directory_bytes = 0;
  // Where the central directory begins, counted from the archive's first byte.
  uint64_t directory_offset = 0;
  // Where the central directory ends and the end records begin, and where the
  // archive ends, its comment included; both are counted from the first byte of
  // the file.
  uint64_t records_offset = 0;
  uint64_t end_offset = 0;
  uint64_t comment_bytes = 0;

  // Where the archive's first byte is in the file.
  uint64_t archive_offset() const {
    return records_offset - directory_bytes - directory_offset;
  }
};

// Finds the end records of the archive that ends in the first `size_bytes` of
// `file`, with at most 65535 bytes after it. Reads at most the last 64 KiB.
//
// Errors:
//   kDataLoss      - there is no end record, or the records contradict each
//                    other or the file; the message has the offset.
//   kUnimplemented - the archive is spread over several disks.
//   whatever reading the file returns.
absl::StatusOr<ZipEnd> FindZipEnd(const RandomAccessFile& file,
                                  uint64_t size_bytes);

}  // namespace zip
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_ZIP_ZIP_END_H_
