// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/transfer/verify.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/parallel.h"
#include "ferry/core/status_macros.h"
#include "ferry/io/crc32.h"
#include "ferry/serialization/transfer/transfer_meter.h"
#include "ferry/serialization/transfer/tuning.h"

namespace ferry {
inline namespace v1 {
namespace {

// Reports bytes that were looked at, a few MiB at a time.
class Reporter {
 public:
  explicit Reporter(TransferMeter* meter) : meter_(*meter) {}

  absl::Status Add(const RandomAccessFile& file, uint64_t bytes) {
    unreported_bytes_ += bytes;
    return unreported_bytes_ < kPieceBytes ? absl::OkStatus() : Report(file);
  }
  absl::Status Report(const RandomAccessFile& file) {
    meter_.Add(std::exchange(unreported_bytes_, 0));
    return meter_.IsCancelled()
               ? absl::CancelledError(absl::StrCat(
                     file.name(), ": the verification was cancelled"))
               : absl::OkStatus();
  }

 private:
  TransferMeter& meter_;
  uint64_t unreported_bytes_ = 0;
};

absl::StatusOr<uint32_t> ComputeCrc32(const RandomAccessFile& file,
                                      const Extent& record,
                                      Reporter* reporter) {
  if (record.encoding == Encoding::kDeflated) {
    return InflateExtent(file, record, [&](absl::string_view piece) {
      return reporter->Add(file, piece.size());
    });
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
    FERRY_RETURN_IF_ERROR(reporter->Add(file, piece.size()));
  }
  return crc32;
}

absl::StatusOr<RecordVerdict> VerifyRecord(const RandomAccessFile& file,
                                           const Extent& record,
                                           TransferMeter* meter) {
  Reporter reporter(meter);
  RecordVerdict verdict;
  verdict.record = std::string(record.name);
  verdict.size_bytes = record.contents_bytes;
  const absl::StatusOr<uint32_t> crc32 = ComputeCrc32(file, record, &reporter);
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
  FERRY_RETURN_IF_ERROR(reporter.Report(file));
  return verdict;
}

}  // namespace

absl::StatusOr<std::vector<RecordVerdict>> VerifyRecords(
    const RandomAccessFile& file, absl::Span<const Extent> records,
    const TransferControl* control) {
  std::vector<RecordVerdict> verdicts(records.size());
  uint64_t total_bytes = 0;
  for (const Extent& record : records) total_bytes += record.contents_bytes;
  TransferMeter meter(control);
  meter.set_total_bytes(total_bytes);
  const auto verify = [&](int64_t i) -> absl::Status {
    FERRY_ASSIGN_OR_RETURN(verdicts[i], VerifyRecord(file, records[i], &meter));
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

}  // namespace v1
}  // namespace ferry
