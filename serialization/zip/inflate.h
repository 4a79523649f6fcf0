// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/zip/inflate.h
// -----------------------------------------------------------------------------
//
// Reads whole records of a zip archive, stored or deflated. PyTorch stores all
// but the code of TorchScript archives; programs that pack a checkpoint anew
// deflate.
//
// Example: the version of a checkpoint.
//
//   FERRY_ASSIGN_OR_RETURN(
//       std::string version,
//       ReadEntry(*file, *directory.Find("archive/version"), true));
#ifndef FERRY_SERIALIZATION_ZIP_INFLATE_H_
#define FERRY_SERIALIZATION_ZIP_INFLATE_H_

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/file.h"
#include "ferry/serialization/zip/zip_directory.h"

namespace ferry {
namespace zip {

// Inflates a deflated record, hands its contents to `consume` piece by piece,
// in order, and returns their checksum. Never more than `entry.size_bytes` in
// all. Takes 128 KiB of memory.
//
// Errors: kDataLoss - the record is damaged, or inflates to another size;
//         kResourceExhausted - no memory; whatever `consume` returns.
absl::StatusOr<uint32_t> InflateEntry(
    const ReadableBytes& file, const ZipEntry& entry,
    absl::FunctionRef<absl::Status(absl::string_view)> consume);

// Reads the contents of a record into `out`, which has room for exactly them.
//
// Errors: kDataLoss - the record is damaged, or, with `verify`, its recorded
//         checksum is another.
absl::Status ReadEntryInto(const ReadableBytes& file, const ZipEntry& entry,
                           bool verify, absl::Span<char> out);

// The contents of a record. The caller bounds `entry.size_bytes`.
//
// Errors: as ReadEntryInto.
absl::StatusOr<std::string> ReadEntry(const ReadableBytes& file,
                                      const ZipEntry& entry, bool verify);

// Whether a deflated record may have the size that it claims: deflate makes at
// most 1032 bytes of one (zlib's technical details), so more is a lie, which
// must not become an allocation. True of records that are not deflated.
bool CanHaveItsSize(const ZipEntry& entry);

// Whether a record with this checksum is as it was written. A checksum of 0
// means that none was recorded.
//
// Errors: kDataLoss - it is not.
absl::Status CheckCrc32(const ReadableBytes& file, const ZipEntry& entry,
                        uint32_t crc32);

}  // namespace zip
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_ZIP_INFLATE_H_
