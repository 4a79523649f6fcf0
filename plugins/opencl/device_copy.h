// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/opencl/device_copy.h
// -----------------------------------------------------------------------------
//
// The capability DEVICE_COPY: copies within one device. The function is that of
// `ferry_backend`.
//
// Each device has a context of its own, and OpenCL copies only within a
// context. To map a buffer and write it to the other device would take as much
// host memory as the host's own staging buffers, which also overlap the two
// directions. So between two devices the function returns FERRY_UNIMPLEMENTED.
#ifndef FERRY_PLUGINS_OPENCL_DEVICE_COPY_H_
#define FERRY_PLUGINS_OPENCL_DEVICE_COPY_H_

#include "ferry/plugin.h"

int32_t opencl_copy_between(void* context, const ferry_device_copy* copy,
                            ferry_status* status);

#endif  // FERRY_PLUGINS_OPENCL_DEVICE_COPY_H_
