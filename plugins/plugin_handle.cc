// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/plugins/plugin_handle.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"
#include "ferry/devices/backend.h"
#include "ferry/devices/placement.h"
#include "ferry/plugins/plugin_backend.h"
#include "ferry/plugins/plugin_memory.h"

namespace ferry {
inline namespace v1 {

absl::StatusOr<PluginHandle> PluginHandleOf(const Storage& storage) {
  if (!storage.has_data()) {
    return absl::InvalidArgumentError(
        "the storage has no handle, because its bytes were not read");
  }
  PluginHandle found{0, 0, storage.size_bytes()};
  if (!FindPluginMemory(storage.memory(), &found.device_index, &found.handle)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the storage is on ", storage.device().ToString(),
                     ", and no plugin has allocated it"));
  }
  return found;
}

absl::StatusOr<Storage> StorageFromPluginHandle(const DeviceSnapshot& devices,
                                                const Device& device,
                                                uint64_t handle,
                                                uint64_t size_bytes,
                                                std::shared_ptr<void> owner) {
  const std::shared_ptr<Backend> backend = devices.FindBackend(device.type());
  if (backend == nullptr) {
    return absl::UnavailableError(
        absl::StrCat("no device type \"", device.type(),
                     "\" is registered; load the plugin "
                     "that provides it"));
  }
  auto* const plugin = dynamic_cast<PluginBackend*>(backend.get());
  if (plugin == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the device type \"", device.type(), "\" is not that of a plugin"));
  }
  FERRY_ASSIGN_OR_RETURN(
      const int index,
      CheckDeviceIndex(*plugin, device.index(),
                       absl::StrCat("the device ", device.ToString())));
  return Storage::FromMemory(DeviceAt(*plugin, index),
                             plugin->Wrap(index, handle, std::move(owner)),
                             size_bytes);
}

}  // namespace v1
}  // namespace ferry
