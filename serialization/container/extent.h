// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/container/extent.h
// -----------------------------------------------------------------------------
//
// Describes where a contiguous part of a storage's bytes is stored: the file of
// the checkpoint, the offset, the encoding and the checksum. Readers of file
// formats make extents. The code that moves bytes uses them and knows no
// format.
//
// Example: 400 bytes that are stored unencoded at offset 64 of the first file.
//
//   const Extent extent = MakePlainExtent(0, 64, 400);
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
inline namespace v1 {

struct Extent;

// Returns where the contents of an extent begin, in bytes from its first byte.
//
//   head  the first `extent.head_bytes` bytes of the extent, or more.
//
// Errors: kDataLoss - those bytes are not the expected header, or the contents
//         reach past the extent's end; the message has the record and the
//         offset, but not the file.
using ContentsFinder = absl::StatusOr<uint64_t> (*)(const Extent& extent,
                                                    absl::string_view head);

// An extent is a contiguous range of a file that holds a contiguous range of a
// storage. A storage has one or more extents, which do not overlap.
struct Extent {
  // The index of its file among the files of the checkpoint.
  uint32_t file = 0;
  // The CRC-32 of the decoded contents, if `has_crc32`.
  uint32_t crc32 = 0;
  // The range of the file that holds the contents, and perhaps a header before
  // them and padding after them.
  uint64_t begin = 0;
  uint64_t end = 0;
  // The size of the contents in bytes, encoded (as in the file) and decoded.
  uint64_t encoded_bytes = 0;
  uint64_t contents_bytes = 0;
  // The first `size_bytes` of the contents are the bytes of the storage from
  // `storage_offset_bytes` on. The rest is used only for the checksum.
  uint64_t size_bytes = 0;
  uint64_t storage_offset_bytes = 0;
  // The name of the record in error messages. May be empty. Lives as long as
  // the directory that it comes from.
  absl::string_view name;
  // Finds where the contents begin, given the first `head_bytes` of the extent.
  // If null, the contents begin at `begin`.
  ContentsFinder find_contents = nullptr;
  uint32_t head_bytes = 0;
  bool has_crc32 = false;
  Encoding encoding = Encoding::kStored;
  // The size in bytes of the numbers whose byte order must be reversed: 2, 4 or
  // 8, or 1 to reverse nothing.
  uint8_t swap_unit_bytes = 1;
};

// Makes an extent of unencoded bytes, without a header or a checksum.
Extent MakePlainExtent(uint32_t file, uint64_t offset_bytes,
                       uint64_t size_bytes);

// Returns where the contents of `extent` begin in `file`, which must be the
// extent's file. The first overload takes the header; the second reads it, if
// there is one.
//
// Errors: kDataLoss - the header is damaged; the message has the file.
//         Whatever reading returns.
absl::StatusOr<uint64_t> FindContents(const RandomAccessFile& file,
                                      const Extent& extent,
                                      absl::string_view head);
absl::StatusOr<uint64_t> FindContents(const RandomAccessFile& file,
                                      const Extent& extent);

// Makes an error with the message `FILE: record "NAME": WHAT`, the format of
// all errors about a record. `what` is a clause. It includes an offset if a
// more specific one than the beginning of the record is known.
absl::Status RecordError(absl::StatusCode code, const RandomAccessFile& file,
                         absl::string_view record, absl::string_view what);

// Make the same error with an offset in the file appended, "(at offset N)": the
// given offset, or where the extent begins.
absl::Status RecordErrorAt(absl::StatusCode code, const RandomAccessFile& file,
                           absl::string_view record, absl::string_view what,
                           uint64_t offset_bytes);
absl::Status ExtentError(absl::StatusCode code, const RandomAccessFile& file,
                         const Extent& extent, absl::string_view what);

// Compares the checksum of contents with the recorded one, if there is one.
//
// Errors: kDataLoss - they differ.
absl::Status CheckCrc32(const RandomAccessFile& file, const Extent& extent,
                        uint32_t crc32);

// Inflates the contents of a deflated extent, passes them to `consume` in
// order, piece by piece, and returns their CRC-32. Never passes more than
// `contents_bytes` bytes in all. Uses 128 KiB of memory.
//
// Errors: kDataLoss - the contents are damaged or have another size;
//         kResourceExhausted - not enough memory; whatever reading and
//         `consume` return.
absl::StatusOr<uint32_t> InflateExtent(
    const RandomAccessFile& file, const Extent& extent,
    absl::FunctionRef<absl::Status(absl::string_view)> consume);

// Reads the contents into `out`, which must have exactly their size.
//
//   verify  whether to compare them with the checksum, if there is one.
//
// Errors: kDataLoss - damaged; whatever reading returns.
absl::Status ReadExtentInto(const RandomAccessFile& file, const Extent& extent,
                            bool verify, absl::Span<char> out);

// Returns the contents. The caller must limit `extent.contents_bytes`.
//
// Errors: as `ReadExtentInto`.
absl::StatusOr<std::string> ReadExtent(const RandomAccessFile& file,
                                       const Extent& extent, bool verify);

// Returns whether the size that a deflated extent claims is possible. Deflate
// expands one byte to at most 1032 bytes (zlib's technical details), so a
// larger claim is false and must not cause an allocation. Returns true for
// extents that are not deflated.
bool CanHaveItsSize(const Extent& extent);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_CONTAINER_EXTENT_H_
