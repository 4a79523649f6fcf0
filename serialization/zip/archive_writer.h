// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/zip/archive_writer.h
// -----------------------------------------------------------------------------
//
// Writes a zip archive: lays out its records, writes them, and appends the
// directory.
#ifndef FERRY_SERIALIZATION_ZIP_ARCHIVE_WRITER_H_
#define FERRY_SERIALIZATION_ZIP_ARCHIVE_WRITER_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/budget.h"
#include "ferry/core/storage.h"
#include "ferry/devices/device_registry.h"
#include "ferry/serialization/transfer/output.h"
#include "ferry/serialization/transfer/transfer_control.h"

namespace ferry {
inline namespace v1 {
namespace zip {

// A record to write to an archive. The views must stay valid until it is
// written.
struct ArchiveRecord {
  absl::string_view name;
  // The contents: the bytes of `storage` if it is not null, else `text`.
  absl::string_view text;
  Storage storage;
};

struct ArchiveOptions {
  uint64_t alignment_bytes = 64;
  bool compute_crc32 = true;
  // Whether to derive the text of the last record from the checksums of the
  // others: 40 digits, the archive's serialization id.
  bool ends_with_id = false;
  // The bytes of the file are charged to it before any is written.
  Budget* budget = Budget::Unlimited();
  // May be null.
  const TransferControl* control = nullptr;
};

// Writes `records` in order, from the first byte of `output` on. Reads storages
// through `devices`.
//
// Errors:
//   kInvalidArgument   - a name is too long, or a storage has no bytes.
//   kResourceExhausted - the budget is spent.
//   kCancelled         - `is_cancelled` returned true.
//   whatever the output or a backend returns.
absl::Status WriteArchive(absl::Span<const ArchiveRecord> records,
                          const DeviceSnapshot& devices,
                          const ArchiveOptions& options, const Output& output);

}  // namespace zip
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_ZIP_ARCHIVE_WRITER_H_
