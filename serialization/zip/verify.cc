// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/zip/verify.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/core/status_macros.h"
#include "ferry/io/crc32.h"
#include "ferry/serialization/container/for_each_record.h"
#include "ferry/serialization/zip/inflate.h"

namespace ferry {
namespace zip {
namespace {

constexpr uint64_t kPieceBytes = uint64_t{512} << 10;

absl::StatusOr<uint32_t> ComputeCrc32(const ReadableBytes& file,
                                      const ZipEntry& entry) {
  if (entry.deflated) {
    return InflateEntry(file, entry,
                        [](absl::string_view) { return absl::OkStatus(); });
  }
  FERRY_ASSIGN_OR_RETURN(uint64_t next, FindContents(file, entry));
  const uint64_t end = next + entry.size_bytes;
  std::string piece(std::min(kPieceBytes, entry.size_bytes), '\0');
  uint32_t crc32 = 0;
  for (; next < end; next += piece.size()) {
    piece.resize(std::min<uint64_t>(piece.size(), end - next));
    FERRY_RETURN_IF_ERROR(
        file.ReadAt(next, absl::MakeSpan(&piece[0], piece.size())));
    crc32 = Crc32Extend(crc32, piece);
  }
  return crc32;
}

absl::StatusOr<RecordVerdict> VerifyEntry(const ReadableBytes& file,
                                          const ZipEntry& entry) {
  RecordVerdict verdict;
  verdict.record = std::string(entry.name);
  verdict.size_bytes = entry.size_bytes;
  const absl::StatusOr<uint32_t> crc32 = ComputeCrc32(file, entry);
  const absl::Status status =
      crc32.ok() ? CheckCrc32(file, entry, *crc32) : crc32.status();
  if (absl::IsDataLoss(status)) {
    verdict.outcome = RecordVerdict::kCorrupt;
    verdict.detail = std::string(status.message());
  } else if (!status.ok()) {
    return status;
  } else if (entry.crc32 != *crc32) {
    verdict.outcome = RecordVerdict::kNotRecorded;
  }
  return verdict;
}

}  // namespace

absl::StatusOr<std::vector<RecordVerdict>> VerifyEntries(
    const ReadableBytes& file, absl::Span<const ZipEntry> entries) {
  std::vector<RecordVerdict> verdicts(entries.size());
  FERRY_RETURN_IF_ERROR(ForEachRecord(
      file, static_cast<int64_t>(entries.size()),
      [&](int64_t i) -> absl::Status {
        FERRY_ASSIGN_OR_RETURN(verdicts[i], VerifyEntry(file, entries[i]));
        return absl::OkStatus();
      }));
  return verdicts;
}

}  // namespace zip
}  // namespace ferry
