// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/container/extent.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"
#include "ferry/io/crc32.h"
#include "ferry/io/inflate.h"

namespace ferry {
inline namespace v1 {

Extent MakePlainExtent(uint32_t file, uint64_t offset_bytes,
                       uint64_t size_bytes) {
  Extent extent;
  extent.file = file;
  extent.begin = offset_bytes;
  extent.end = offset_bytes + size_bytes;
  extent.encoded_bytes = size_bytes;
  extent.contents_bytes = size_bytes;
  extent.size_bytes = size_bytes;
  return extent;
}

absl::StatusOr<uint64_t> FindContents(const RandomAccessFile& file,
                                      const Extent& extent,
                                      absl::string_view head) {
  if (extent.find_contents == nullptr) return extent.begin;
  const absl::StatusOr<uint64_t> offset = extent.find_contents(extent, head);
  if (!offset.ok()) {
    return absl::Status(
        offset.status().code(),
        absl::StrCat(file.name(), ": ", offset.status().message()));
  }
  return extent.begin + *offset;
}

absl::StatusOr<uint64_t> FindContents(const RandomAccessFile& file,
                                      const Extent& extent) {
  if (extent.find_contents == nullptr) return extent.begin;
  std::string head(extent.head_bytes, '\0');
  FERRY_RETURN_IF_ERROR(
      file.ReadAt(extent.begin, absl::MakeSpan(&head[0], head.size())));
  return FindContents(file, extent, head);
}

absl::Status RecordError(absl::StatusCode code, const RandomAccessFile& file,
                         absl::string_view record, absl::string_view what) {
  return absl::Status(code, absl::StrCat(file.name(), ": record ",
                                         QuoteForMessage(record), ": ", what));
}

absl::Status RecordErrorAt(absl::StatusCode code, const RandomAccessFile& file,
                           absl::string_view record, absl::string_view what,
                           uint64_t offset_bytes) {
  return RecordError(code, file, record,
                     absl::StrCat(what, " (at offset ", offset_bytes, ")"));
}

absl::Status ExtentError(absl::StatusCode code, const RandomAccessFile& file,
                         const Extent& extent, absl::string_view what) {
  return RecordErrorAt(code, file, extent.name, what, extent.begin);
}

absl::Status CheckCrc32(const RandomAccessFile& file, const Extent& extent,
                        uint32_t crc32) {
  if (!extent.has_crc32 || extent.crc32 == crc32) return absl::OkStatus();
  return ExtentError(
      absl::StatusCode::kDataLoss, file, extent,
      absl::StrCat("it is corrupt: its CRC-32 is ",
                   absl::Hex(crc32, absl::kZeroPad8), ", but the file records ",
                   absl::Hex(extent.crc32, absl::kZeroPad8)));
}

absl::StatusOr<uint32_t> InflateExtent(
    const RandomAccessFile& file, const Extent& extent,
    absl::FunctionRef<absl::Status(absl::string_view)> consume) {
  FERRY_ASSIGN_OR_RETURN(const uint64_t offset, FindContents(file, extent));
  DeflatedRange range;
  range.offset_bytes = offset;
  range.size_bytes = extent.encoded_bytes;
  range.inflated_bytes = extent.contents_bytes;
  return Inflate(
      file, range, consume, [&](absl::StatusCode code, absl::string_view what) {
        return ExtentError(code, file, extent, absl::StrCat("it ", what));
      });
}

absl::Status ReadExtentInto(const RandomAccessFile& file, const Extent& extent,
                            bool verify, absl::Span<char> out) {
  uint32_t crc32 = 0;
  if (extent.encoding == Encoding::kDeflated) {
    char* next = out.data();
    FERRY_ASSIGN_OR_RETURN(
        crc32, InflateExtent(file, extent, [&next](absl::string_view piece) {
          next = std::copy(piece.begin(), piece.end(), next);
          return absl::OkStatus();
        }));
  } else {
    FERRY_ASSIGN_OR_RETURN(const uint64_t offset, FindContents(file, extent));
    FERRY_RETURN_IF_ERROR(file.ReadAt(offset, out));
    if (verify) crc32 = Crc32({out.data(), out.size()});
  }
  return verify ? CheckCrc32(file, extent, crc32) : absl::OkStatus();
}

absl::StatusOr<std::string> ReadExtent(const RandomAccessFile& file,
                                       const Extent& extent, bool verify) {
  if (!CanHaveItsSize(extent)) {
    return ExtentError(
        absl::StatusCode::kDataLoss, file, extent,
        "its compressed data is too short to inflate to its recorded size");
  }
  std::string contents(extent.contents_bytes, '\0');
  FERRY_RETURN_IF_ERROR(ReadExtentInto(
      file, extent, verify, absl::MakeSpan(&contents[0], contents.size())));
  return contents;
}

bool CanHaveItsSize(const Extent& extent) {
  return extent.encoding != Encoding::kDeflated ||
         extent.contents_bytes / 1032 <= extent.encoded_bytes;
}

}  // namespace v1
}  // namespace ferry
