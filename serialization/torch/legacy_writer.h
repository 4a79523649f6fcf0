// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/torch/legacy_writer.h
// -----------------------------------------------------------------------------
//
// Writes the format of `torch.save(..., _use_new_zipfile_serialization=False)`.
// See torch/legacy_stream.h for the layout.
#ifndef FERRY_SERIALIZATION_TORCH_LEGACY_WRITER_H_
#define FERRY_SERIALIZATION_TORCH_LEGACY_WRITER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ferry/core/budget.h"
#include "ferry/core/storage.h"
#include "ferry/devices/device_registry.h"
#include "ferry/serialization/transfer/output.h"
#include "ferry/serialization/transfer/transfer_control.h"

namespace ferry {
inline namespace v1 {
namespace torch {

// The contents of a legacy stream.
struct LegacyContents {
  int pickle_protocol = 2;
  // The pickle of the objects, which refers to each storage by its key. Must
  // stay valid until the stream is written.
  absl::string_view objects;
  struct Entry {
    std::string key;
    Storage storage;
    // The size of one element of the storage. Bytes after the last whole
    // element are not written.
    uint64_t element_bytes = 1;
  };
  std::vector<Entry> storages;
};

// Writes `contents`, from the first byte of `output` on, with the storages in
// the order of their keys. Reads storages through `devices`.
//
//   budget   the bytes of the stream are charged to it before any is written.
//   control  may be null. `progress` counts all bytes of the stream.
//
// Errors:
//   kInvalidArgument   - a storage has no bytes.
//   kResourceExhausted - the budget is spent.
//   kCancelled         - `is_cancelled` returned true.
//   whatever the output or a backend returns.
absl::Status WriteLegacyStream(LegacyContents contents,
                               const DeviceSnapshot& devices, Budget* budget,
                               const TransferControl* control,
                               const Output& output);

}  // namespace torch
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TORCH_LEGACY_WRITER_H_
