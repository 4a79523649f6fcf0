// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/scan/scan_meter.h"

#include "ferry/core/status_macros.h"

namespace ferry {
inline namespace v1 {
namespace scan {
namespace {

// The number of bytes between two reports of the progress.
constexpr uint64_t kReportBytes = uint64_t{4} << 20;

}  // namespace

absl::Status ScanMeter::ChargeBytes(uint64_t bytes) {
  if (is_over()) return status_;
  FERRY_RETURN_IF_ERROR(Keep(budget_.ChargeSteps(bytes)));
  if (done_bytes_ >= next_report_bytes_) {
    next_report_bytes_ = done_bytes_ + kReportBytes;
    // Nobody knows how much there is to read.
    if (control_.progress) control_.progress(done_bytes_, 0);
  }
  done_bytes_ += bytes;
  return absl::OkStatus();
}

absl::Status ScanMeter::ChargeMemory(uint64_t bytes) {
  if (is_over()) return status_;
  return Keep(budget_.ChargeMemory(bytes));
}

void ScanMeter::EndIfSpent(const absl::Status& status) {
  if (absl::IsResourceExhausted(status) || absl::IsCancelled(status)) {
    End(status);
  }
}

absl::Status MeteredFile::ReadAt(uint64_t offset_bytes,
                                 absl::Span<char> out) const {
  FERRY_RETURN_IF_ERROR(meter_.ChargeBytes(out.size()));
  const absl::Status read = file_.ReadAt(offset_bytes, out);
  const uint64_t size = size_bytes();
  if (offset_bytes <= size && out.size() <= size - offset_bytes) {
    meter_.End(read);
  }
  return read;
}

}  // namespace scan
}  // namespace v1
}  // namespace ferry
