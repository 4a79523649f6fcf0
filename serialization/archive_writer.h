// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/archive_writer.h
// -----------------------------------------------------------------------------
//
// Writes a zip archive whose layout is known: in parallel into a file, in order
// into a sink. Checksums are computed while the bytes are in cache.
#ifndef FERRY_SERIALIZATION_ARCHIVE_WRITER_H_
#define FERRY_SERIALIZATION_ARCHIVE_WRITER_H_

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/file.h"
#include "ferry/core/storage.h"
#include "ferry/devices/device_registry.h"

namespace ferry {

// A record of an archive that is to be written. What the views show must stay
// until it is.
struct ArchiveRecord {
  absl::string_view name;
  // The contents: `text`, or, if it is not null, the bytes of `storage`.
  absl::string_view text;
  Storage storage;
};

struct ArchiveOptions {
  uint64_t alignment_bytes = 64;
  bool compute_crc32 = true;
  // Whether the last record's text is made from the checksums of the others:
  // 40 digits, the archive's serialization id.
  bool ends_with_id = false;
  std::function<void(uint64_t done_bytes, uint64_t total_bytes)> progress;
  std::function<bool()> is_cancelled;
};

// Writes `records` in their order, from the first byte of `file` or to `sink`.
// Storages are read through `devices`.
//
// Errors:
//   kInvalidArgument   - a name that is too long, or a storage without bytes.
//   kCancelled         - as asked.
//   whatever the file, the sink or a backend returns.
absl::Status WriteArchive(absl::Span<const ArchiveRecord> records,
                          const DeviceSnapshot& devices,
                          const ArchiveOptions& options, AtomicFile* file);
absl::Status WriteArchive(absl::Span<const ArchiveRecord> records,
                          const DeviceSnapshot& devices,
                          const ArchiveOptions& options, ByteSink* sink);

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_ARCHIVE_WRITER_H_
