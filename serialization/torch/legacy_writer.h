// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/torch/legacy_writer.h
// -----------------------------------------------------------------------------
//
// Writes what `torch.save(..., _use_new_zipfile_serialization=False)` writes:
// see torch/legacy_stream.h for the layout.
#ifndef FERRY_SERIALIZATION_TORCH_LEGACY_WRITER_H_
#define FERRY_SERIALIZATION_TORCH_LEGACY_WRITER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ferry/core/storage.h"
#include "ferry/devices/device_registry.h"
#include "ferry/serialization/transfer/output.h"
#include "ferry/serialization/transfer/transfer_control.h"

namespace ferry {

// What a legacy stream holds.
struct LegacyContents {
  int pickle_protocol = 2;
  // The pickle of the objects, which refers to each storage by its key. Must
  // stay until the stream is written.
  absl::string_view objects;
  struct Entry {
    std::string key;
    Storage storage;
    // Of the elements that the storage is counted in. What is left behind the
    // last whole one belongs to no element, and is not written.
    uint64_t element_bytes = 1;
  };
  std::vector<Entry> storages;
};

// Writes `contents`, the storages in the order of their keys, from the first
// byte of `output` on. Storages are read through `devices`.
//
//   control  null: nobody watches. `progress` counts all bytes of the stream.
//
// Errors:
//   kInvalidArgument - a storage without bytes.
//   kCancelled       - as asked.
//   whatever the output or a backend returns.
absl::Status WriteLegacyStream(LegacyContents contents,
                               const DeviceSnapshot& devices,
                               const TransferControl* control,
                               const Output& output);

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TORCH_LEGACY_WRITER_H_
