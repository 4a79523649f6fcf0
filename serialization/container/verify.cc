// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/container/verify.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/core/parallel.h"
#include "ferry/core/status_macros.h"
#include "ferry/io/crc32.h"

namespace ferry {
namespace {

constexpr uint64_t kChunkBytes = uint64_t{512} << 10;

absl::StatusOr<uint32_t> ComputeCrc32(const RandomAccessFile& file,
                                      const Extent& record) {
  if (record.encoding == Encoding::kDeflated) {
    return InflateExtent(file, record,
                         [](absl::string_view) { return absl::OkStatus(); });
  }
  FERRY_ASSIGN_OR_RETURN(uint64_t next, FindContents(file, record));
  const uint64_t end = next + record.contents_bytes;
  std::string piece(std::min(kChunkBytes, record.contents_bytes), '\0');
  uint32_t crc32 = 0;
  for (; next < end; next += piece.size()) {
    piece.resize(std::min<uint64_t>(piece.size(), end - next));
    FERRY_RETURN_IF_ERROR(
        file.ReadAt(next, absl::MakeSpan(&piece[0], piece.size())));
    crc32 = Crc32Extend(crc32, piece);
  }
  return crc32;
}

absl::StatusOr<RecordVerdict> VerifyRecord(const RandomAccessFile& file,
                                           const Extent& record) {
  RecordVerdict verdict;
  verdict.record = std::string(record.name);
  verdict.size_bytes = record.contents_bytes;
  const absl::StatusOr<uint32_t> crc32 = ComputeCrc32(file, record);
  const absl::Status status =
      crc32.ok() ? CheckCrc32(file, record, *crc32) : crc32.status();
  if (absl::IsDataLoss(status)) {
    verdict.outcome = RecordVerdict::kCorrupt;
    verdict.detail = std::string(status.message());
  } else if (!status.ok()) {
    return status;
  } else if (!record.has_crc32) {
    verdict.outcome = RecordVerdict::kNotRecorded;
  }
  return verdict;
}

}  // namespace

absl::StatusOr<std::vector<RecordVerdict>> VerifyRecords(
    const RandomAccessFile& file, absl::Span<const Extent> records) {
  std::vector<RecordVerdict> verdicts(records.size());
  const auto verify = [&](int64_t i) -> absl::Status {
    FERRY_ASSIGN_OR_RETURN(verdicts[i], VerifyRecord(file, records[i]));
    return absl::OkStatus();
  };
  const auto num_records = static_cast<int64_t>(records.size());
  if (!file.is_serial()) {
    FERRY_RETURN_IF_ERROR(ParallelForEach(num_records, verify));
    return verdicts;
  }
  for (int64_t i = 0; i < num_records; ++i) FERRY_RETURN_IF_ERROR(verify(i));
  return verdicts;
}

}  // namespace ferry
