// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/zip/zip_end.h
// -----------------------------------------------------------------------------
//
// Finds the end records of a zip archive, from which the rest is found. The
// last end record counts, even if it is damaged and another one stands before
// it: PyTorch does the same (miniz, `mz_zip_reader_locate_header_sig`), and a
// reader that went back to the other one would read another archive.
//
// Example: where the archive begins in the file.
//
//   FERRY_ASSIGN_OR_RETURN(ZipEnd end, FindZipEnd(*file, file->size_bytes()));
//   end.archive_offset();  // 0, unless something stands before the archive
#ifndef FERRY_SERIALIZATION_ZIP_ZIP_END_H_
#define FERRY_SERIALIZATION_ZIP_ZIP_END_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "ferry/io/file.h"

namespace ferry {
namespace zip {

// What the end records of an archive say. All sizes are in bytes.
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

  // Where the archive's first byte stands in the file.
  uint64_t archive_offset() const {
    return records_offset - directory_bytes - directory_offset;
  }
};

// Finds the end records of the archive that ends in the first `size_bytes` of
// `file`, with at most 65535 bytes after it. Reads the last 64 KiB at most.
//
// Errors:
//   kDataLoss      - there is no end record, or the records contradict each
//                    other or the file; the message has the offset.
//   kUnimplemented - the archive is spread over several disks.
//   whatever reading the file returns.
absl::StatusOr<ZipEnd> FindZipEnd(const ReadableBytes& file,
                                  uint64_t size_bytes);

}  // namespace zip
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_ZIP_ZIP_END_H_
