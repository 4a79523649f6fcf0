// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include <atomic>

#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"
#include "ferry/devices/device_registry.h"
#include "ferry/devices/placement.h"

namespace ferry {

absl::StatusOr<Backend*> FindCopyingBackend(const DeviceSnapshot& devices,
                                            const Storage& storage,
                                            uint64_t offset_bytes,
                                            uint64_t size_bytes) {
  FERRY_RETURN_IF_ERROR(CheckRange(storage, offset_bytes, size_bytes));
  Backend* const backend = devices.FindBackend(storage.device().type()).get();
  if (backend == nullptr) {
    return absl::UnavailableError(
        absl::StrCat("a storage is on ", storage.device().ToString(),
                     ", and no backend of that type is registered to copy its "
                     "bytes"));
  }
  if (!backend->has_bytes()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a storage on ", storage.device().ToString(), " has no bytes to copy"));
  }
  return backend;
}

absl::Status CopyToHost(const DeviceSnapshot& devices, const Storage& from,
                        uint64_t offset_bytes, void* to, uint64_t size_bytes) {
  FERRY_ASSIGN_OR_RETURN(
      Backend* const backend,
      FindCopyingBackend(devices, from, offset_bytes, size_bytes));
  if (size_bytes == 0) return absl::OkStatus();
  return backend->CopyToHost(from.memory(), offset_bytes, to, size_bytes);
}

absl::Status CopyFromHost(const DeviceSnapshot& devices, const void* from,
                          const Storage& to, uint64_t offset_bytes,
                          uint64_t size_bytes) {
  FERRY_ASSIGN_OR_RETURN(
      Backend* const backend,
      FindCopyingBackend(devices, to, offset_bytes, size_bytes));
  if (size_bytes == 0) return absl::OkStatus();
  to.version().fetch_add(1, std::memory_order_relaxed);
  return backend->CopyFromHost(from, to.memory(), offset_bytes, size_bytes);
}

}  // namespace ferry
