// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/zip/zip_end.h"

#include <algorithm>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/status_macros.h"
#include "ferry/io/little_endian.h"
#include "ferry/serialization/zip/zip_format.h"

namespace ferry {
inline namespace v1 {
namespace zip {
namespace {

// The comment at the end of an archive is at most this long.
constexpr uint64_t kMaxCommentBytes = 0xFFFF;

absl::Status Damaged(const RandomAccessFile& file, uint64_t offset,
                     absl::string_view what) {
  return absl::DataLossError(
      absl::StrCat(file.name(), ": ", what, " (at offset ", offset, ")"));
}

absl::Status SeveralDisks(const RandomAccessFile& file) {
  return absl::UnimplementedError(absl::StrCat(
      file.name(), ": the zip archive is spread over several disks"));
}

// Whether the central directory, as `end` has it, lies between the beginning of
// the file and the end records.
absl::Status CheckFits(const RandomAccessFile& file, uint64_t offset,
                       const ZipEnd& end) {
  if (end.directory_bytes <= end.records_offset &&
      end.directory_offset <= end.records_offset - end.directory_bytes) {
    return absl::OkStatus();
  }
  return Damaged(file, offset,
                 "the central directory does not fit before its end record");
}

// Takes over the numbers of the zip64 records, if there are any before the end
// record at `offset`.
absl::Status ReadZip64End(const RandomAccessFile& file, uint64_t offset,
                          ZipEnd* end) {
  if (offset < kZip64LocatorBytes) return absl::OkStatus();
  char locator[kZip64LocatorBytes];
  const uint64_t locator_offset = offset - kZip64LocatorBytes;
  FERRY_RETURN_IF_ERROR(file.ReadAt(locator_offset, absl::MakeSpan(locator)));
  if (Load32(locator) != kZip64LocatorSignature) return absl::OkStatus();
  if (Load32(locator + 4) != 0 || Load32(locator + 16) > 1) {
    return SeveralDisks(file);
  }
  // Without extensible data the record stands right before the locator.
  if (locator_offset < kZip64EndBytes) {
    return Damaged(file, locator_offset, "the zip64 end record is missing");
  }
  const uint64_t record_offset = locator_offset - kZip64EndBytes;
  char record[kZip64EndBytes];
  FERRY_RETURN_IF_ERROR(file.ReadAt(record_offset, absl::MakeSpan(record)));
  if (Load32(record) != kZip64EndSignature ||
      Load64(record + 4) != kZip64EndBytes - 12) {
    return Damaged(file, record_offset, "the zip64 end record is damaged");
  }
  if (Load32(record + 16) != 0 || Load32(record + 20) != 0 ||
      Load64(record + 24) != Load64(record + 32)) {
    return SeveralDisks(file);
  }
  const uint64_t num_entries = Load64(record + 32);
  const uint64_t directory_bytes = Load64(record + 40);
  const uint64_t directory_offset = Load64(record + 48);
  if ((end->num_entries != 0xFFFF && end->num_entries != num_entries) ||
      (end->directory_bytes != 0xFFFFFFFF &&
       end->directory_bytes != directory_bytes) ||
      (end->directory_offset != 0xFFFFFFFF &&
       end->directory_offset != directory_offset)) {
    return Damaged(file, record_offset,
                   "the two end records of the zip archive disagree");
  }
  end->num_entries = num_entries;
  end->directory_bytes = directory_bytes;
  end->directory_offset = directory_offset;
  end->records_offset = record_offset;
  FERRY_RETURN_IF_ERROR(CheckFits(file, record_offset, *end));
  // PyTorch reads the record that the locator points to.
  if (Load64(locator + 8) != record_offset - end->archive_offset()) {
    return Damaged(
        file, locator_offset,
        absl::StrCat("the zip64 locator says that the zip64 end record is at ",
                     Load64(locator + 8), ", but it is at ",
                     record_offset - end->archive_offset()));
  }
  return absl::OkStatus();
}

// Reads the end record at `offset`, whose bytes are `record`.
absl::StatusOr<ZipEnd> ReadEnd(const RandomAccessFile& file, uint64_t offset,
                               const char* record, uint64_t size_bytes) {
  if (Load16(record + 4) != 0 || Load16(record + 6) != 0 ||
      Load16(record + 8) != Load16(record + 10)) {
    return SeveralDisks(file);
  }
  ZipEnd end;
  end.num_entries = Load16(record + 10);
  end.directory_bytes = Load32(record + 12);
  end.directory_offset = Load32(record + 16);
  end.records_offset = offset;
  end.end_offset = offset + kEndBytes;
  // A comment that is cut short is none.
  if (Load16(record + 20) <= size_bytes - end.end_offset) {
    end.comment_bytes = Load16(record + 20);
    end.end_offset += end.comment_bytes;
  }
  FERRY_RETURN_IF_ERROR(ReadZip64End(file, offset, &end));
  FERRY_RETURN_IF_ERROR(CheckFits(file, offset, end));
  if (end.num_entries > end.directory_bytes / kCentralHeaderBytes) {
    return Damaged(
        file, offset,
        absl::StrCat("the central directory has ", end.directory_bytes,
                     " bytes for ", end.num_entries, " records"));
  }
  return end;
}

}  // namespace

absl::StatusOr<ZipEnd> FindZipEnd(const RandomAccessFile& file,
                                  uint64_t size_bytes) {
  // Mostly nothing follows the end record.
  for (uint64_t most_bytes :
       {uint64_t{kEndBytes}, uint64_t{kEndBytes} + kMaxCommentBytes}) {
    std::string tail(std::min(size_bytes, most_bytes), '\0');
    if (tail.size() < kEndBytes) break;
    const uint64_t tail_offset = size_bytes - tail.size();
    FERRY_RETURN_IF_ERROR(
        file.ReadAt(tail_offset, absl::MakeSpan(&tail[0], tail.size())));
    for (uint64_t i = tail.size() - kEndBytes + 1; i-- > 0;) {
      if (Load32(&tail[i]) != kEndSignature) continue;
      return ReadEnd(file, tail_offset + i, &tail[i], size_bytes);
    }
  }
  return absl::DataLossError(
      absl::StrCat(file.name(),
                   ": the zip archive has no end record: it is cut short, or "
                   "it is not a zip archive"));
}

}  // namespace zip
}  // namespace v1
}  // namespace ferry
