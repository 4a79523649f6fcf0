// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/scan/scan_meter.h
// -----------------------------------------------------------------------------
//
// Accounts for what a scan costs, and ends it when it costs too much or the
// caller cancels it.
//
// Example: nothing is read past the limit.
//
//   ScanOptions options;
//   options.budget.max_steps = 1000;
//   ScanMeter meter(options, file->size_bytes());
//   const MeteredFile metered(*file, &meter);
//   char buffer[2000];
//   metered.ReadAt(0, absl::MakeSpan(buffer));  // kResourceExhausted
//   meter.is_over();                            // true
#ifndef FERRY_SERIALIZATION_SCAN_SCAN_METER_H_
#define FERRY_SERIALIZATION_SCAN_SCAN_METER_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/budget.h"
#include "ferry/io/file.h"
#include "ferry/serialization/scan/scan_options.h"
#include "ferry/serialization/transfer/transfer_control.h"

namespace ferry {
inline namespace v1 {
namespace scan {

// ScanMeter
//
// After the first charge that was refused, all others are refused with the same
// error. Thread-safety: none; one thread at a time.
class ScanMeter {
 public:
  // Creates the meter of a scan of `size_bytes` bytes. Asks once whether the
  // scan is cancelled; afterwards the budget asks. `options` must outlive this
  // object.
  ScanMeter(const ScanOptions& options, uint64_t size_bytes)
      : control_(options),
        budget_(options.budget, size_bytes, options.is_cancelled) {
    if (options.is_cancelled && options.is_cancelled()) {
      End(absl::CancelledError("the scan was cancelled"));
    }
  }

  // The budget of the scan, for functions that charge it themselves. Their
  // errors must be passed to `EndIfSpent`.
  Budget* budget() { return &budget_; }

  // Charges a step for each byte that is about to be read or inflated. Reports
  // the progress every few MiB.
  //
  // Errors: kResourceExhausted - the budget is spent; kCancelled.
  absl::Status ChargeBytes(uint64_t bytes);

  // Charges memory that is about to be allocated.
  //
  // Errors: as `ChargeBytes`.
  absl::Status ChargeMemory(uint64_t bytes);

  // Ends the scan if `status` is an error.
  void End(const absl::Status& status) {
    if (!is_over()) status_ = status;
  }

  // Ends the scan if `status` says that the budget is spent, that there is no
  // memory, or that the scan is cancelled.
  void EndIfSpent(const absl::Status& status);

  // Why the scan has to end; OK while it goes on.
  const absl::Status& status() const { return status_; }
  bool is_over() const { return !status_.ok(); }

 private:
  absl::Status Keep(const absl::Status& status) {
    EndIfSpent(status);
    return status_;
  }

  const TransferControl& control_;
  Budget budget_;
  absl::Status status_;
  uint64_t done_bytes_ = 0;
  uint64_t next_report_bytes_ = 0;
};

// MeteredFile
//
// A file whose reads are charged. A read inside the file that fails ends the
// scan, so that its result does not depend on what follows. Never offers its
// bytes as memory, so that each of them is charged.
//
// Thread-safety: none; one thread at a time.
class MeteredFile final : public RandomAccessFile {
 public:
  // Both arguments must outlive this object.
  MeteredFile(const RandomAccessFile& file, ScanMeter* meter)
      : file_(file), meter_(*meter) {}

  absl::string_view name() const override { return file_.name(); }
  uint64_t size_bytes() const override { return file_.size_bytes(); }
  absl::Status ReadAt(uint64_t offset_bytes,
                      absl::Span<char> out) const override;

 private:
  const RandomAccessFile& file_;
  ScanMeter& meter_;
};

}  // namespace scan
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_SCAN_SCAN_METER_H_
