// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/opencl/host_memory.h
// -----------------------------------------------------------------------------
//
// The capability HOST_ALLOC: host memory that a device accesses fast. OpenCL
// has no function for it. The plugin creates a buffer with
// CL_MEM_ALLOC_HOST_PTR, which drivers place in pinned memory, and keeps it
// mapped until it is freed. The functions are those of `ferry_backend`.
#ifndef FERRY_PLUGINS_OPENCL_HOST_MEMORY_H_
#define FERRY_PLUGINS_OPENCL_HOST_MEMORY_H_

#include "ferry/plugin.h"

int32_t opencl_host_allocate(void* context, uint32_t index, uint64_t size_bytes,
                             void** address, ferry_status* status);
int32_t opencl_host_free(void* context, uint32_t index, void* address,
                         ferry_status* status);

#endif  // FERRY_PLUGINS_OPENCL_HOST_MEMORY_H_
