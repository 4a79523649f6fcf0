// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/transfer/storage_loader.h
// -----------------------------------------------------------------------------
//
// Loads storages: reads them from a file to the host, or to the device that the
// file's location tag or `LoadOptions::map_location` names.
#ifndef FERRY_SERIALIZATION_TRANSFER_STORAGE_LOADER_H_
#define FERRY_SERIALIZATION_TRANSFER_STORAGE_LOADER_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/page_pool.h"
#include "ferry/core/storage.h"
#include "ferry/devices/device_registry.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/parsed_checkpoint.h"
#include "ferry/serialization/transfer/map_location.h"
#include "ferry/serialization/transfer/transfer_control.h"

namespace ferry {
inline namespace v1 {

// The options that `LoadStorages` uses; `LoadOptions` describes each. Plain
// pointers are not null, and their targets must outlive the call.
struct StorageLoadOptions {
  bool keep_on_host = false;  // Placement::kHost
  const MapLocation* map_location = nullptr;
  bool map_location_must_match = false;
  const DeviceRegistry* registry = nullptr;
  uint64_t max_tensor_bytes = 0;
  bool verify_crc32 = true;
  bool use_mapping = false;  // of files that are mapped
  bool verify_mapped = false;
  std::shared_ptr<PagePool> page_pool;  // may be null
  const TransferControl* control = nullptr;
};

// Loads the storages of `parts`. They must be described, each listed once, and
// in the order of first reference.
//
// If a program's own code (a package or a map function) returned a different
// storage, the result maps the original storage to it. All other storages are
// loaded themselves.
//
//   files  the files that extents refer to. The name of the first is the name
//          of the checkpoint in messages.
//
// Errors: as `Checkpoint::Load`.
absl::StatusOr<HashMap<Storage, Storage>> LoadStorages(
    absl::Span<const RandomAccessFile* const> files,
    absl::Span<const ParsedCheckpoint::ParsedStorage* const> parts,
    const StorageLoadOptions& options);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TRANSFER_STORAGE_LOADER_H_
