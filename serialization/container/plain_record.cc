// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/container/plain_record.h"

#include <algorithm>

#include "absl/status/status.h"
#include "ferry/core/status_macros.h"
#include "ferry/serialization/container/for_each_record.h"

namespace ferry {
namespace {

constexpr uint64_t kPieceBytes = uint64_t{512} << 10;

absl::Status ReadThrough(const ReadableBytes& file, const PlainRecord& record) {
  std::string piece(std::min(kPieceBytes, record.size_bytes), '\0');
  for (uint64_t done = 0; done < record.size_bytes; done += piece.size()) {
    piece.resize(std::min<uint64_t>(piece.size(), record.size_bytes - done));
    FERRY_RETURN_IF_ERROR(file.ReadAt(record.offset_bytes + done,
                                      absl::MakeSpan(&piece[0], piece.size())));
  }
  return absl::OkStatus();
}

absl::StatusOr<RecordVerdict> Verify(const ReadableBytes& file,
                                     const PlainRecord& record) {
  RecordVerdict verdict;
  verdict.record = record.name;
  verdict.size_bytes = record.size_bytes;
  verdict.outcome = RecordVerdict::kNotRecorded;
  const absl::Status status = ReadThrough(file, record);
  if (absl::IsDataLoss(status)) {
    verdict.outcome = RecordVerdict::kCorrupt;
    verdict.detail = std::string(status.message());
  } else if (!status.ok()) {
    return status;
  }
  return verdict;
}

}  // namespace

absl::StatusOr<std::vector<RecordVerdict>> VerifyPlainRecords(
    const ReadableBytes& file, absl::Span<const PlainRecord> records) {
  std::vector<RecordVerdict> verdicts(records.size());
  FERRY_RETURN_IF_ERROR(ForEachRecord(
      file, static_cast<int64_t>(records.size()),
      [&](int64_t i) -> absl::Status {
        FERRY_ASSIGN_OR_RETURN(verdicts[i], Verify(file, records[i]));
        return absl::OkStatus();
      }));
  return verdicts;
}

}  // namespace ferry
