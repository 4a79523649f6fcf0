// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/legacy_writer.h
// -----------------------------------------------------------------------------
//
// Writes what `torch.save(..., _use_new_zipfile_serialization=False)` writes:
// see torch/legacy_stream.h for the layout. To a file, large storages are
// written by several threads.
#ifndef FERRY_SERIALIZATION_LEGACY_WRITER_H_
#define FERRY_SERIALIZATION_LEGACY_WRITER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ferry/core/file.h"
#include "ferry/core/storage.h"
#include "ferry/devices/device_registry.h"

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

struct LegacyWriteOptions {
  // Called now and then with the bytes written and the bytes in all, from one
  // thread at a time. May be empty.
  std::function<void(uint64_t done_bytes, uint64_t total_bytes)> progress;
  // Asked every few MiB, from several threads at once; if it says yes, the
  // write ends with kCancelled. May be empty.
  std::function<bool()> is_cancelled;
};

// Writes `contents`, the storages in the order of their keys, from the first
// byte of `file` or to `sink`. Storages are read through `devices`.
//
// Errors:
//   kInvalidArgument - a storage without bytes.
//   kCancelled       - as asked.
//   whatever the file, the sink or a backend returns.
absl::Status WriteLegacyStream(LegacyContents contents,
                               const DeviceSnapshot& devices,
                               const LegacyWriteOptions& options,
                               AtomicFile* file);
absl::Status WriteLegacyStream(LegacyContents contents,
                               const DeviceSnapshot& devices,
                               const LegacyWriteOptions& options,
                               ByteSink* sink);

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_LEGACY_WRITER_H_
