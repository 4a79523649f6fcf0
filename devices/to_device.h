// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: devices/to_device.h
// -----------------------------------------------------------------------------
//
// Moves storages and tensors to a given device.
//
// Example: read the elements of a tensor that is on an accelerator.
//
//   FERRY_ASSIGN_OR_RETURN(Tensor here, To(weight, Device("cpu")));
//   const float* elements = static_cast<const float*>(here.data());
#ifndef FERRY_DEVICES_TO_DEVICE_H_
#define FERRY_DEVICES_TO_DEVICE_H_

#include <functional>

#include "absl/status/statusor.h"
#include "ferry/core/device.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/devices/device_registry.h"

namespace ferry {
inline namespace v1 {

// Returns `from` itself if it is already on `device`, and otherwise a copy made
// by CopyStorage (devices/copy.h), which calls `is_cancelled`. A device without
// an index means index 0.
//
// Thread-safe, as long as nothing writes to `from` during the call. Errors: as
// CopyStorage.
absl::StatusOr<Storage> To(
    const Storage& from, const Device& device,
    const DeviceSnapshot& devices = DeviceRegistry::Default().Snapshot(),
    const std::function<bool()>& is_cancelled = nullptr);

// Returns `from` itself if it is already on `device`. Otherwise copies its
// whole storage and returns the same view of the copy: strides and offset stay
// the same, but tensors that shared a storage no longer do. Moves each
// component of a composite tensor. Autograd does not record the copy.
//
// Errors: as CopyStorage; kUnimplemented - a composite tensor that has
// composite components.
absl::StatusOr<Tensor> To(
    const Tensor& from, const Device& device,
    const DeviceSnapshot& devices = DeviceRegistry::Default().Snapshot(),
    const std::function<bool()>& is_cancelled = nullptr);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_DEVICES_TO_DEVICE_H_
