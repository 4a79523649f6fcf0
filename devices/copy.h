// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: devices/copy.h
// -----------------------------------------------------------------------------
//
// Copies a storage from any device to any other.
//
// Example: copy a weight to the second GPU.
//
//   const DeviceSnapshot devices = DeviceRegistry::Default().Snapshot();
//   FERRY_ASSIGN_OR_RETURN(
//       Storage copy,
//       CopyStorage(devices, weight.storage(), Device("cuda", 1)));
#ifndef FERRY_DEVICES_COPY_H_
#define FERRY_DEVICES_COPY_H_

#include <functional>

#include "absl/status/statusor.h"
#include "ferry/core/device.h"
#include "ferry/core/storage.h"
#include "ferry/devices/device_registry.h"

namespace ferry {
inline namespace v1 {

// Returns a new storage on device `to` with the bytes of `from`, even if `from`
// is already on `to`. A device without an index means index 0. A copy to a
// device whose storages hold no bytes (meta) keeps only the size.
//
// If both sides are devices of one backend that can copy between them
// (`Backend::CopyBetween`), no byte goes through host memory. Otherwise, if
// neither side is host memory, the bytes go through at most two staging buffers
// of a stream (devices/staging.h). While one device receives a piece,
// the other device (or the program's own package that `from` belongs to) sends
// the next.
//
// If `is_cancelled` is set, calls it every few MiB, which are copied one after
// another. (Without it, a backend may get all bytes in one call.)
//
// Thread-safe, as long as nothing writes to `from` during the call.
//
// Errors:
//   kCancelled         - `is_cancelled` returned true.
//   kInvalidArgument   - `from` has no bytes to copy (null, described, meta).
//   kUnavailable       - no backend is registered for a device's type, or the
//                        backend has no device; the message says which and why.
//                        `from` needs no backend if a package copies it.
//   kOutOfRange        - the index of `to` is past the last device.
//   kResourceExhausted - not enough memory on `to`, or on the host.
//   whatever the backends or the package return.
absl::StatusOr<Storage> CopyStorage(
    const DeviceSnapshot& devices, const Storage& from, const Device& to,
    const std::function<bool()>& is_cancelled = nullptr);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_DEVICES_COPY_H_
