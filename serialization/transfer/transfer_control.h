// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/transfer/transfer_control.h
// -----------------------------------------------------------------------------
//
// Lets a caller observe and cancel a load or a save.
//
// Example:
//
//   LoadOptions options;
//   options.progress = [](uint64_t done_bytes, uint64_t total_bytes) {
//     std::cerr << done_bytes << " of " << total_bytes << "\r";
//   };
#ifndef FERRY_SERIALIZATION_TRANSFER_TRANSFER_CONTROL_H_
#define FERRY_SERIALIZATION_TRANSFER_TRANSFER_CONTROL_H_

#include <cstdint>
#include <functional>

namespace ferry {
inline namespace v1 {

struct TransferControl {
  // Called every few MiB with the number of bytes moved so far and the total.
  // What `LoadInto` reads first and rearranges then counts twice, and a third
  // time if it is then copied to a device. Called from one thread at a time,
  // which need not be the caller's. The default is none.
  std::function<void(uint64_t done_bytes, uint64_t total_bytes)> progress;

  // Called for every few MiB that are moved and about every million objects,
  // from several threads at once. Once it returns true, the load or save ends
  // with kCancelled. The default never cancels.
  std::function<bool()> is_cancelled;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TRANSFER_TRANSFER_CONTROL_H_
