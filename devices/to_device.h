// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: devices/to_device.h
// -----------------------------------------------------------------------------
//
// Storages and tensors on the device that the program wants them on.
//
// Example: elements of a tensor on an accelerator, on the host.
//
//   FERRY_ASSIGN_OR_RETURN(Tensor here, To(weight, Device("cpu")));
//   const float* elements = static_cast<const float*>(here.data());
#ifndef FERRY_DEVICES_TO_DEVICE_H_
#define FERRY_DEVICES_TO_DEVICE_H_

#include "absl/status/statusor.h"
#include "ferry/core/device.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/devices/device_registry.h"

namespace ferry {

// `from` itself, if it is on `device` already; else a copy, as CopyStorage
// makes it (devices/copy.h). No index means 0.
//
// Thread-safe, if nothing writes to `from` meanwhile. Errors: as CopyStorage.
absl::StatusOr<Storage> To(
    const Storage& from, const Device& device,
    const DeviceSnapshot& devices = DeviceRegistry::Default().Snapshot());

// `from` itself, if it is there already; else the same view of a copy of its
// whole storage, so that strides and offset stay, and tensors that shared a
// storage no longer do. Of a composite tensor, each component is moved.
// Gradients are not followed through the copy.
//
// Errors: as CopyStorage; kUnimplemented - a composite tensor of composite
// ones.
absl::StatusOr<Tensor> To(
    const Tensor& from, const Device& device,
    const DeviceSnapshot& devices = DeviceRegistry::Default().Snapshot());

}  // namespace ferry

#endif  // FERRY_DEVICES_TO_DEVICE_H_
