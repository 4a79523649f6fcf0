// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/cuda/cuda_calls.h
// -----------------------------------------------------------------------------
//
// The plugin's functions for devices, memory and blocking copies.
// ferry/plugin.h documents them.
#ifndef FERRY_PLUGINS_CUDA_CUDA_CALLS_H_
#define FERRY_PLUGINS_CUDA_CUDA_CALLS_H_

#include <cstdint>

#include "cuda_driver.h"
#include "ferry/plugin.h"

namespace ferry_cuda {

int32_t DeviceCount(void* context, ferry_devices* out,
                    ferry_status* status) noexcept;
int32_t DeviceProperties(void* context, uint32_t index,
                         ferry_device_properties* out,
                         ferry_status* status) noexcept;
int32_t Allocate(void* context, uint32_t index, uint64_t size_bytes,
                 uint64_t* handle, ferry_status* status) noexcept;
int32_t Free(void* context, uint32_t index, uint64_t handle,
             ferry_status* status) noexcept;
int32_t Copy(void* context, const ferry_copy* copy,
             ferry_status* status) noexcept;
int32_t CopyBetween(void* context, const ferry_device_copy* copy,
                    ferry_status* status) noexcept;
int32_t HostAllocate(void* context, uint32_t index, uint64_t size_bytes,
                     void** address, ferry_status* status) noexcept;
int32_t HostFree(void* context, uint32_t index, void* address,
                 ferry_status* status) noexcept;

// Checks the direction, the device and the range of `copy`.
int32_t CheckCopy(const ferry_copy& copy, ferry_status* status);

// Issues a checked copy of at least 1 byte on `stream`. The copy's device is
// current. Sets `*function` to the name of the driver's function.
Result IssueCopy(const ferry_copy& copy, Stream stream, const char** function);

}  // namespace ferry_cuda

#endif  // FERRY_PLUGINS_CUDA_CUDA_CALLS_H_
