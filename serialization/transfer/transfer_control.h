// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/transfer/transfer_control.h
// -----------------------------------------------------------------------------
//
// How a caller watches and stops a load or a save.
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

struct TransferControl {
  // Called now and then with the bytes moved and the bytes in all, from one
  // thread at a time, which need not be the caller's. Default: none.
  std::function<void(uint64_t done_bytes, uint64_t total_bytes)> progress;

  // Asked every few MiB, from several threads at once. Once it says yes, the
  // call ends with kCancelled. Default: never.
  std::function<bool()> is_cancelled;
};

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TRANSFER_TRANSFER_CONTROL_H_
