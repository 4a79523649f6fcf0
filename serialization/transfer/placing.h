// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/transfer/placing.h
// -----------------------------------------------------------------------------
//
// Brings storages from a file to where they belong: the host, or the device
// that the file's tag, or what `LoadOptions::map_location` makes of it, names.
#ifndef FERRY_SERIALIZATION_TRANSFER_PLACING_H_
#define FERRY_SERIALIZATION_TRANSFER_PLACING_H_

#include <cstdint>
#include <memory_resource>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/core/storage.h"
#include "ferry/devices/device_registry.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/parsed_checkpoint.h"
#include "ferry/serialization/transfer/map_location.h"
#include "ferry/serialization/transfer/transfer_control.h"

namespace ferry {

// What placing takes of `scratch` for each part: a read, and its place in some
// lists, those of the caller included.
inline constexpr uint64_t kPlacingBytes = 184;

// What placing uses of `LoadOptions`, which describes each. Pointers are not
// null, and what they point to must live until `PlaceStorages` returns.
struct PlacingOptions {
  bool keep_on_host = false;  // Placement::kHost
  const MapLocation* map_location = nullptr;
  bool map_location_must_match = false;
  const DeviceRegistry* registry = nullptr;
  uint64_t max_total_bytes = 0;  // of LoadLimits
  bool verify_crc32 = true;
  bool use_mapping = false;  // of files that are mapped
  const TransferControl* control = nullptr;
};

// Places the storages of `parts`, which are described, each once, and in the
// order of first reference.
//
// Where a program's own code (a package, a map function) gave another storage
// back, the result says which takes the place of which; all others are placed
// as they are.
//
//   files    those that extents name; messages call the checkpoint by the
//            first.
//   scratch  for what is needed meanwhile: about kPlacingBytes for each part.
//
// Errors: as `Checkpoint::Place`.
absl::StatusOr<absl::flat_hash_map<Storage, Storage>> PlaceStorages(
    absl::Span<const ReadableBytes* const> files,
    absl::Span<const ParsedCheckpoint::StoragePart* const> parts,
    const PlacingOptions& options, std::pmr::memory_resource* scratch);

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TRANSFER_PLACING_H_
