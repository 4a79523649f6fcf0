// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: devices/copy.h
// -----------------------------------------------------------------------------
//
// Copying a storage from any device to any other.
//
// Example: a copy on the second GPU.
//
//   const DeviceSnapshot devices = DeviceRegistry::Default().Snapshot();
//   FERRY_ASSIGN_OR_RETURN(
//       Storage copy,
//       CopyStorage(devices, weight.storage(), Device("cuda", 1)));
#ifndef FERRY_DEVICES_COPY_H_
#define FERRY_DEVICES_COPY_H_

#include "absl/status/statusor.h"
#include "ferry/core/device.h"
#include "ferry/core/storage.h"
#include "ferry/devices/device_registry.h"

namespace ferry {

// A new storage on device `to` with the bytes of `from`, also where `from` is
// on `to` already. No index means 0. A copy to a device whose storages hold no
// bytes (meta) has the size alone.
//
// Where neither side is host memory the bytes go through at most two staging
// buffers of a stream (devices/staging.h). While one device receives a piece,
// the other, or the program's own package that `from` belongs to, sends the
// next.
//
// Thread-safe, if nothing writes to `from` meanwhile.
//
// Errors:
//   kInvalidArgument   - `from` has no bytes to copy (null, described, meta).
//   kUnavailable       - no backend of a device's type is registered, or it has
//                        no device; says which and why. `from` may be on a
//                        type without a backend if a package copies it.
//   kOutOfRange        - the index of `to` is past the last device.
//   kResourceExhausted - not enough memory on `to`, or on the host.
//   whatever the backends or the package return.
absl::StatusOr<Storage> CopyStorage(const DeviceSnapshot& devices,
                                    const Storage& from, const Device& to);

}  // namespace ferry

#endif  // FERRY_DEVICES_COPY_H_
