// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: devices/placement.h
// -----------------------------------------------------------------------------
//
// The steps that restoring a location and copying a storage share: finding the
// device and allocating memory on it.
//
// Example: allocate a storage of 64 bytes on the device that the user named.
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
inline namespace v1 {

// Tells the user what to do about a location tag whose device is not available.
// Ends messages.
inline constexpr absl::string_view kMapLocationAdvice =
    "; to put such storages elsewhere, set LoadOptions::map_location "
    "(PyTorch's map_location), for example to \"cpu\"";

// Returns the backend's index for `index`, which must be Device::kNoIndex or
// not negative. No index means 0. `subject` begins the error message and says
// what asked for the device.
//
// Errors:
//   kUnavailable - the backend has no device; the message says why.
//   kOutOfRange  - the index is past the last device, or is not 0 although the
//                  type has no indexes.
//   whatever `Backend::DeviceCount` returns.
absl::StatusOr<int> CheckDeviceIndex(const Backend& backend, int index,
                                     absl::string_view subject);

// Returns the canonical name of a backend's device, which has an index if and
// only if the type has indexes.
Device DeviceAt(const Backend& backend, int index);

// Allocates an uninitialised storage on a backend's device. `index` must come
// from CheckDeviceIndex.
//
// Errors: as Backend::Allocate.
absl::StatusOr<Storage> AllocateOn(Backend& backend, int index,
                                   uint64_t size_bytes);

// Checks that [offset_bytes, offset_bytes + size_bytes) lies in `storage` and
// that the storage is loaded.
//
// Errors: kInvalidArgument - the storage is null or only described; kOutOfRange
//         - the range does not lie in it.
absl::Status CheckRange(const Storage& storage, uint64_t offset_bytes,
                        uint64_t size_bytes);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_DEVICES_PLACEMENT_H_
