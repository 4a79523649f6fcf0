// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: devices/placement.h
// -----------------------------------------------------------------------------
//
// The steps of putting a storage on a device that restoring a location and
// copying share: which device is meant, and memory on it.
//
// Example: a storage of 64 bytes on the device that the user named.
//
//   FERRY_ASSIGN_OR_RETURN(int index,
//                          CheckDeviceIndex(backend, device.index(), "here"));
//   FERRY_ASSIGN_OR_RETURN(Storage storage, AllocateOn(backend, index, 64));
#ifndef FERRY_DEVICES_PLACEMENT_H_
#define FERRY_DEVICES_PLACEMENT_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/core/device.h"
#include "ferry/core/storage.h"
#include "ferry/devices/backend.h"

namespace ferry {

// What to do about a storage that cannot go where it should; ends messages.
inline constexpr absl::string_view kMapLocationAdvice =
    "; to put such storages elsewhere, set LoadOptions::map_location "
    "(PyTorch's map_location), for example to \"cpu\"";

// The backend's own index for `index`, which is Device::kNoIndex or not
// negative: no index means 0. `subject` begins the message of an error; it says
// what asked for the device.
//
// Errors:
//   kUnavailable - the backend has no device; says why.
//   kOutOfRange  - past the last device, or not 0 where a type has no indexes.
//   whatever `Backend::DeviceCount` returns.
absl::StatusOr<int> CheckDeviceIndex(const Backend& backend, int index,
                                     absl::string_view subject);

// The canonical name of a backend's device: an index exactly where its type has
// them.
Device DeviceAt(const Backend& backend, int index);

// A storage of a backend's device, not initialised. `index` is one that
// CheckDeviceIndex gave.
//
// Errors: as Backend::Allocate.
absl::StatusOr<Storage> AllocateOn(Backend& backend, int index,
                                   uint64_t size_bytes);

// Whether [offset_bytes, offset_bytes + size_bytes) lies in a storage that has
// its bytes at hand.
//
// Errors: kInvalidArgument - the storage is null or described only;
//         kOutOfRange - it does not.
absl::Status CheckRange(const Storage& storage, uint64_t offset_bytes,
                        uint64_t size_bytes);

}  // namespace ferry

#endif  // FERRY_DEVICES_PLACEMENT_H_
