// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/transfer/transfer_meter.h
// -----------------------------------------------------------------------------
//
// Counts the bytes that several threads move, and reports them to the caller's
// `TransferControl`.
//
// Example:
//
//   TransferMeter meter(&options);
//   meter.set_total_bytes(1000);
//   if (meter.IsCancelled()) return absl::CancelledError("...");
//   meter.Add(300);  // the caller hears of 300 of 1000 bytes
#ifndef FERRY_SERIALIZATION_TRANSFER_TRANSFER_METER_H_
#define FERRY_SERIALIZATION_TRANSFER_TRANSFER_METER_H_

#include <cstdint>
#include <mutex>

#include "ferry/serialization/transfer/transfer_control.h"

namespace ferry {
inline namespace v1 {

// TransferMeter
//
// Thread-safety: `IsCancelled` and `Add` may be called from any number of
// threads at once.
class TransferMeter {
 public:
  // `control` must outlive the meter. It may be null.
  explicit TransferMeter(const TransferControl* control) : control_(control) {}

  // Must be called before the first `Add`.
  void set_total_bytes(uint64_t total_bytes) { total_bytes_ = total_bytes; }
  uint64_t total_bytes() const { return total_bytes_; }

  // Asks the caller whether to stop.
  bool IsCancelled() const {
    return control_ != nullptr && control_->is_cancelled &&
           control_->is_cancelled();
  }

  // Reports that `bytes` more have been moved.
  void Add(uint64_t bytes) {
    if (control_ == nullptr || !control_->progress) return;
    const std::lock_guard<std::mutex> lock(mutex_);
    done_bytes_ += bytes;
    control_->progress(done_bytes_, total_bytes_);
  }

 private:
  const TransferControl* const control_;
  uint64_t total_bytes_ = 0;
  std::mutex mutex_;
  uint64_t done_bytes_ = 0;  // guarded by mutex_
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TRANSFER_TRANSFER_METER_H_
