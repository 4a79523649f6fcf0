// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/opencl/memory.h
// -----------------------------------------------------------------------------
//
// Memory of the devices, and blocking copies.
//
// Each allocation is an OpenCL buffer, and its handle is the `cl_mem`. A
// program can therefore use a tensor's buffer in its own kernels
// (docs/opencl.md). A table of all buffers has their sizes, so that a handle
// which is not a buffer of the plugin is refused instead of dereferenced. An
// allocation of 0 bytes has the handle 0 and no buffer, because OpenCL has no
// empty buffers.
#ifndef FERRY_PLUGINS_OPENCL_MEMORY_H_
#define FERRY_PLUGINS_OPENCL_MEMORY_H_

#include "api.h"
#include "devices.h"
#include "ferry/plugin.h"

// Functions of `ferry_backend`.
//
// Many drivers allocate a buffer only when a command first uses it. If that
// fails, `opencl_copy` or the event of an asynchronous copy reports it, as
// FERRY_RESOURCE_EXHAUSTED with the driver's error.
int32_t opencl_allocate(void* context, uint32_t index, uint64_t size_bytes,
                        uint64_t* handle, ferry_status* status);
int32_t opencl_free(void* context, uint32_t index, uint64_t handle,
                    ferry_status* status);
int32_t opencl_copy(void* context, const ferry_copy* copy,
                    ferry_status* status);

// Finds a working device, and the buffer of a range of its memory. The buffer
// is null if the memory has 0 bytes.
//
// FERRY_OUT_OF_RANGE: there is no such device, or the range is not inside the
//   memory.
// FERRY_INVALID_ARGUMENT: the plugin did not allocate this memory.
// FERRY_UNAVAILABLE: the device is lost.
int32_t opencl_find_range(uint32_t index, uint64_t handle,
                          uint64_t offset_bytes, uint64_t size_bytes,
                          opencl_device** device, cl_mem* buffer,
                          ferry_status* status);

// Checks everything about a copy, and finds its device and its buffer. The
// buffer is null if there is nothing to copy.
int32_t opencl_check_copy(const ferry_copy* copy, opencl_device** device,
                          cl_mem* buffer, ferry_status* status);

// Enqueues a copy that `opencl_check_copy` has accepted; `buffer` is not null.
// Writes the event of the copy to `done`, which the caller releases. The queue
// is flushed. If this fails, nothing is under way, unless the device is lost.
int32_t opencl_enqueue_copy(opencl_device* device, cl_command_queue queue,
                            const ferry_copy* copy, cl_mem buffer,
                            cl_event* done, ferry_status* status);

// Makes the driver begin with the newest command of a queue, whose event is
// `done`. If this fails, releases the event, and nothing is under way, unless
// the device is lost.
int32_t opencl_start(opencl_device* device, cl_command_queue queue,
                     cl_event done, ferry_status* status);

// Waits for an event of `device`, and returns the status code of its command.
// If it cannot wait, the device is lost.
int32_t opencl_wait(opencl_device* device, cl_event event,
                    ferry_status* status);

#endif  // FERRY_PLUGINS_OPENCL_MEMORY_H_
