// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/plugin_handle.h
// -----------------------------------------------------------------------------
//
// Converts between storages on a plugin's device and the plugin's handles, for
// programs that also use the vendor's own runtime.
//
// Example: pass a loaded tensor to the vendor's runtime, without a copy.
//
//   FERRY_ASSIGN_OR_RETURN(PluginHandle input,
//                          PluginHandleOf(weight.storage()));
//   input.handle;  // what the plugin's `allocate` returned
#ifndef FERRY_PLUGINS_PLUGIN_HANDLE_H_
#define FERRY_PLUGINS_PLUGIN_HANDLE_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "ferry/core/device.h"
#include "ferry/core/storage.h"
#include "ferry/devices/device_registry.h"

namespace ferry {
inline namespace v1 {

// Memory of a plugin.
struct PluginHandle {
  uint32_t device_index;
  uint64_t handle;
  uint64_t size_bytes;
};

// Returns the handle of a storage. It is valid as long as a copy of the storage
// lives; whoever passes it on has to keep one. The element at which a tensor
// begins is at `storage_offset()` elements from the start of the memory.
//
// Ferry has finished its own work on the memory when a load, a copy or a save
// has returned. Do not use the memory elsewhere while one of them runs.
//
// Errors: kInvalidArgument - the storage is not on a device of a plugin, or its
//         bytes were not read.
absl::StatusOr<PluginHandle> PluginHandleOf(const Storage& storage);

// Wraps memory that exists, such as a result of the vendor's runtime, in a
// storage, without a copy. `handle` must be one that the plugin's `copy`
// accepts. The storage does not free it: it releases `owner` together with its
// last copy. If `owner` is null, the memory must outlive the storage.
//
// `device` may lack its index, which then is 0. The device of the storage has
// an index if the type has indexes, as that of a loaded storage.
//
// Errors:
//   kUnavailable     - no such device type is registered, or it has no device
//                      on this machine.
//   kInvalidArgument - the device type is not that of a plugin.
//   kOutOfRange      - the plugin has no such device.
//   whatever the plugin's `device_count` returns.
absl::StatusOr<Storage> StorageFromPluginHandle(const DeviceSnapshot& devices,
                                                const Device& device,
                                                uint64_t handle,
                                                uint64_t size_bytes,
                                                std::shared_ptr<void> owner);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_PLUGINS_PLUGIN_HANDLE_H_
