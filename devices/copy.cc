// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/devices/copy.h"

#include <algorithm>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"
#include "ferry/devices/backend.h"
#include "ferry/devices/placement.h"

namespace ferry {
namespace {

constexpr uint64_t kStagingBytes = uint64_t{16} << 20;

// From one device to another, neither of which the host can reach.
absl::Status CopyStaged(Backend& from_backend, const Storage& from,
                        Backend& to_backend, const Storage& to) {
  const uint64_t size_bytes = from.size_bytes();
  FERRY_ASSIGN_OR_RETURN(
      const Storage staging,
      Storage::Allocate(std::min(size_bytes, kStagingBytes)));
  for (uint64_t offset = 0; offset < size_bytes;) {
    const uint64_t piece = std::min(size_bytes - offset, kStagingBytes);
    FERRY_RETURN_IF_ERROR(
        from_backend.CopyToHost(from.memory(), offset, staging.data(), piece));
    FERRY_RETURN_IF_ERROR(
        to_backend.CopyFromHost(staging.data(), to.memory(), offset, piece));
    offset += piece;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<Backend>> BackendOf(
    const DeviceSnapshot& devices, const Device& device) {
  std::shared_ptr<Backend> backend = devices.FindBackend(device.type());
  if (backend == nullptr) {
    return absl::UnavailableError(
        absl::StrCat("no backend of type \"", device.type(),
                     "\" is registered, so nothing can be copied to or from ",
                     device.ToString(), "; ", devices.DescribeTypes()));
  }
  return backend;
}

}  // namespace

absl::StatusOr<Storage> CopyStorage(const DeviceSnapshot& devices,
                                    const Storage& from, const Device& to) {
  FERRY_RETURN_IF_ERROR(CheckRange(from, 0, 0));
  FERRY_ASSIGN_OR_RETURN(const std::shared_ptr<Backend> to_backend,
                         BackendOf(devices, to));
  FERRY_ASSIGN_OR_RETURN(
      const int index,
      CheckDeviceIndex(*to_backend, to.index(),
                       absl::StrCat("copy to ", to.ToString())));
  FERRY_ASSIGN_OR_RETURN(const std::shared_ptr<Backend> from_backend,
                         BackendOf(devices, from.device()));
  if (to_backend->has_bytes() && !from_backend->has_bytes()) {
    return absl::InvalidArgumentError(
        absl::StrCat("a storage on ", from.device().ToString(),
                     " has no bytes to copy to ", to.ToString()));
  }
  FERRY_ASSIGN_OR_RETURN(Storage copy,
                         AllocateOn(*to_backend, index, from.size_bytes()));
  if (!to_backend->has_bytes() || from.size_bytes() == 0) return copy;
  if (from_backend->is_host_memory()) {
    FERRY_RETURN_IF_ERROR(to_backend->CopyFromHost(from.data(), copy.memory(),
                                                   0, from.size_bytes()));
  } else if (to_backend->is_host_memory()) {
    FERRY_RETURN_IF_ERROR(from_backend->CopyToHost(
        from.memory(), 0, copy.data(), from.size_bytes()));
  } else {
    FERRY_RETURN_IF_ERROR(CopyStaged(*from_backend, from, *to_backend, copy));
  }
  return copy;
}

}  // namespace ferry
