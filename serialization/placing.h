// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/placing.h
// -----------------------------------------------------------------------------
//
// Brings storages from a file to where they belong: the host, or the device
// that the file's tag, or `LoadOptions::map_location` in its place, names.
#ifndef FERRY_SERIALIZATION_PLACING_H_
#define FERRY_SERIALIZATION_PLACING_H_

#include <cstdint>
#include <memory_resource>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/core/storage.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/parsed_checkpoint.h"
#include "ferry/serialization/load_options.h"

namespace ferry {

// What placing takes of `scratch` for each part: a read, and its place in some
// lists, those of the caller included.
inline constexpr uint64_t kPlacingBytes = 184;

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
    const LoadOptions& options, std::pmr::memory_resource* scratch);

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PLACING_H_
