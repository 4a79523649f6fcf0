// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include <atomic>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"
#include "ferry/devices/device_registry.h"

namespace ferry {
inline namespace v1 {

absl::Status CopyToHost(const StorageCopier& copier, const Storage& from,
                        uint64_t offset_bytes, void* to, uint64_t size_bytes) {
  if (size_bytes == 0) return absl::OkStatus();
  if (copier.backend != nullptr) {
    return copier.backend->CopyToHost(from.memory(), offset_bytes, to,
                                      size_bytes);
  }
  const absl::Status status =
      (*copier.to_host)(from, offset_bytes, to, size_bytes);
  if (status.ok()) return status;
  return absl::Status(
      status.code(),
      absl::StrCat("the package of location tag ", QuoteForMessage(copier.tag),
                   " could not copy ", size_bytes, " bytes from offset ",
                   offset_bytes,
                   " of a storage to the host: ", status.message()));
}

absl::Status CopyToHost(const DeviceSnapshot& devices, const Storage& from,
                        uint64_t offset_bytes, void* to, uint64_t size_bytes) {
  FERRY_ASSIGN_OR_RETURN(const StorageCopier copier,
                         devices.FindCopier(from, offset_bytes, size_bytes));
  return CopyToHost(copier, from, offset_bytes, to, size_bytes);
}

absl::Status CopyFromHost(const DeviceSnapshot& devices, const void* from,
                          const Storage& to, uint64_t offset_bytes,
                          uint64_t size_bytes) {
  FERRY_ASSIGN_OR_RETURN(const StorageCopier copier,
                         devices.FindCopier(to, offset_bytes, size_bytes));
  if (copier.backend == nullptr) {
    return absl::UnimplementedError(absl::StrCat(
        "a storage with the location tag ", QuoteForMessage(copier.tag),
        " cannot be overwritten, because its package can only create storages; "
        "create another one from a storage on the host (Load, or "
        "DeviceSnapshot::RestoreLocation)"));
  }
  if (size_bytes == 0) return absl::OkStatus();
  to.version().fetch_add(1, std::memory_order_relaxed);
  return copier.backend->CopyFromHost(from, to.memory(), offset_bytes,
                                      size_bytes);
}

}  // namespace v1
}  // namespace ferry
