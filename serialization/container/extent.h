// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/container/extent.h
// -----------------------------------------------------------------------------
//
// Where a run of a storage's bytes stands: in which file of the checkpoint, at
// which offset, how encoded, with which checksum. Readers of file formats make
// extents; what moves bytes reads them and knows no format.
//
// Example: 400 bytes that stand as they are at offset 64 of the first file.
//
//   const Extent extent = PlainExtent(0, 64, 400);
#ifndef FERRY_SERIALIZATION_CONTAINER_EXTENT_H_
#define FERRY_SERIALIZATION_CONTAINER_EXTENT_H_

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/encoding.h"

namespace ferry {

struct Extent;

// Finds where the contents of an extent begin, counted from its first byte.
//
//   head  the first `extent.head_bytes` bytes of the extent, or more.
//
// Errors: kDataLoss - those bytes are not the header that belongs there, or the
//         contents reach past the extent's end; the message has the record and
//         the offset, not the file.
using ContentsFinder = absl::StatusOr<uint64_t> (*)(const Extent& extent,
                                                    absl::string_view head);

// An extent is a contiguous run of a file that holds a contiguous run of a
// storage. A storage has one or more of them, of which no two overlap.
struct Extent {
  // The index of its file among those of the checkpoint.
  uint32_t file = 0;
  // CRC-32 of the contents, decoded, if `has_crc32`.
  uint32_t crc32 = 0;
  // The range of the file that holds the contents, and perhaps a header before
  // them and padding after them.
  uint64_t begin = 0;
  uint64_t end = 0;
  // Size of the contents, encoded as they stand in the file, and decoded.
  uint64_t encoded_bytes = 0;
  uint64_t contents_bytes = 0;
  // The first `size_bytes` of the contents are the bytes of the storage from
  // `storage_offset_bytes` on. What follows them counts for the checksum only.
  uint64_t size_bytes = 0;
  uint64_t storage_offset_bytes = 0;
  // What error messages call the record. May be empty. Lives as long as the
  // directory that it comes from.
  absl::string_view name;
  // Where the contents begin is known once this many bytes have been read.
  // Null: they begin at `begin`.
  ContentsFinder find_contents = nullptr;
  uint32_t head_bytes = 0;
  bool has_crc32 = false;
  Encoding encoding = Encoding::kStored;
  // Size of the numbers whose byte order is to be reversed: 2, 4 or 8 bytes, or
  // 1 for none.
  uint8_t swap_unit_bytes = 1;
};

// Returns an extent of bytes that stand as they are, without a header or a
// checksum.
Extent PlainExtent(uint32_t file, uint64_t offset_bytes, uint64_t size_bytes);

// Returns where the contents of `extent` begin in `file`, which is the
// extent's. The first form is given the header; the second reads it, if there
// is one.
//
// Errors: kDataLoss - the header is damaged; the message has the file.
//         Whatever reading returns.
absl::StatusOr<uint64_t> FindContents(const ReadableBytes& file,
                                      const Extent& extent,
                                      absl::string_view head);
absl::StatusOr<uint64_t> FindContents(const ReadableBytes& file,
                                      const Extent& extent);

// Returns `FILE: record "NAME": WHAT`, the form of all errors about a record:
// `what` is a sentence, and has an offset already where that says more than
// where the record begins.
absl::Status RecordError(absl::StatusCode code, const ReadableBytes& file,
                         absl::string_view record, absl::string_view what);

// Return the same with an offset in the file, "(at offset N)": one that is
// given, or where the extent begins.
absl::Status RecordErrorAt(absl::StatusCode code, const ReadableBytes& file,
                           absl::string_view record, absl::string_view what,
                           uint64_t offset_bytes);
absl::Status ExtentError(absl::StatusCode code, const ReadableBytes& file,
                         const Extent& extent, absl::string_view what);

// Compares the checksum of contents with the recorded one, if there is one.
//
// Errors: kDataLoss - they differ.
absl::Status CheckCrc32(const ReadableBytes& file, const Extent& extent,
                        uint32_t crc32);

// Inflates the contents of a deflated extent, hands them to `consume` piece by
// piece, in order, and returns their checksum. Never more than
// `contents_bytes` in all. Takes 128 KiB of memory.
//
// Errors: kDataLoss - damaged, or of another size; kResourceExhausted - no
//         memory; whatever reading and `consume` return.
absl::StatusOr<uint32_t> InflateExtent(
    const ReadableBytes& file, const Extent& extent,
    absl::FunctionRef<absl::Status(absl::string_view)> consume);

// Reads the contents into `out`, which has room for exactly them.
//
//   verify  whether they are compared with the checksum, if there is one.
//
// Errors: kDataLoss - damaged; whatever reading returns.
absl::Status ReadExtentInto(const ReadableBytes& file, const Extent& extent,
                            bool verify, absl::Span<char> out);

// Returns the contents. The caller bounds `extent.contents_bytes`.
//
// Errors: as `ReadExtentInto`.
absl::StatusOr<std::string> ReadExtent(const ReadableBytes& file,
                                       const Extent& extent, bool verify);

// Whether a deflated extent may have the size that it claims: deflate makes at
// most 1032 bytes of one (zlib's technical details), so more is a lie, which
// must not become an allocation. True of extents that are not deflated.
bool CanHaveItsSize(const Extent& extent);

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_CONTAINER_EXTENT_H_
