// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "host_memory.h"

#include <inttypes.h>
#include <stdio.h>

#include "api.h"
#include "blocks.h"
#include "devices.h"
#include "errors.h"

enum { kAlignment = 64 };

// All host memory, by the aligned address that the host has.
static opencl_blocks blocks = OPENCL_NO_BLOCKS;

static int32_t map(opencl_device* device, cl_mem buffer, size_t size_bytes,
                   void** mapped, ferry_status* status) {
  cl_command_queue queue;
  int32_t code = opencl_borrow_queue(device, &queue, status);
  if (code != FERRY_OK) return code;
  cl_int error = CL_SUCCESS;
  *mapped = opencl.clEnqueueMapBuffer(queue, buffer, CL_TRUE,
                                      CL_MAP_READ | CL_MAP_WRITE, 0, size_bytes,
                                      0, NULL, NULL, &error);
  opencl_return_queue(device, queue, *mapped != NULL);
  if (*mapped != NULL) return FERRY_OK;
  return opencl_fail(status, "clEnqueueMapBuffer", error);
}

static int32_t unmap(opencl_device* device, cl_mem buffer, void* mapped,
                     ferry_status* status) {
  cl_command_queue queue;
  int32_t code = opencl_borrow_queue(device, &queue, status);
  if (code != FERRY_OK) return code;
  cl_int error =
      opencl.clEnqueueUnmapMemObject(queue, buffer, mapped, 0, NULL, NULL);
  if (error != CL_SUCCESS) {
    code = opencl_fail(status, "clEnqueueUnmapMemObject", error);
  } else {
    error = opencl.clFinish(queue);
    if (error != CL_SUCCESS) {
      code = opencl_fail_wait(device, status, "clFinish", error);
    }
  }
  opencl_return_queue(device, queue, code == FERRY_OK);
  return code;
}

int32_t opencl_host_allocate(void* context, uint32_t index, uint64_t size_bytes,
                             void** address, ferry_status* status) {
  (void)context;
  opencl_device* device;
  int32_t code = opencl_find_working_device(index, &device, status);
  if (code != FERRY_OK) return code;
  if (size_bytes == 0) {
    return ferry_fail(status, FERRY_INVALID_ARGUMENT,
                      "host memory of 0 bytes was requested");
  }
  // Some drivers align to the largest built-in type only, and only the start of
  // the mapping counts.
  uint64_t most = device->max_allocation_bytes;
  if (size_bytes > most || most - size_bytes < kAlignment ||
      size_bytes > SIZE_MAX - kAlignment) {
    char message[sizeof(status->message)];
    snprintf(message, sizeof(message),
             "the device maps at most %" PRIu64
             " bytes at once (CL_DEVICE_MAX_MEM_ALLOC_SIZE), but %" PRIu64
             " bytes and %d for the alignment were requested",
             most, size_bytes, kAlignment);
    return ferry_fail(status, FERRY_RESOURCE_EXHAUSTED, message);
  }
  size_t mapped_bytes = (size_t)size_bytes + kAlignment;
  cl_context device_context;
  code = opencl_context(device, &device_context, status);
  if (code != FERRY_OK) return code;
  opencl_block made = {.device_index = index, .size_bytes = size_bytes};
  cl_int error = CL_SUCCESS;
  made.buffer = opencl.clCreateBuffer(device_context,
                                      CL_MEM_READ_WRITE | CL_MEM_ALLOC_HOST_PTR,
                                      mapped_bytes, NULL, &error);
  if (made.buffer == NULL) return opencl_fail(status, "clCreateBuffer", error);
  code = map(device, made.buffer, mapped_bytes, &made.mapped, status);
  if (code == FERRY_OK) {
    uintptr_t start = (uintptr_t)made.mapped;
    void* aligned =
        (char*)made.mapped + (kAlignment - start % kAlignment) % kAlignment;
    made.key = (uint64_t)(uintptr_t)aligned;
    code = opencl_add_block(&blocks, &made, status);
    if (code == FERRY_OK) {
      *address = aligned;
      return FERRY_OK;
    }
    // The status keeps the first error.
    ferry_status ignored = {.struct_size = sizeof(ignored)};
    unmap(device, made.buffer, made.mapped, &ignored);
  }
  opencl.clReleaseMemObject(made.buffer);
  return code;
}

int32_t opencl_host_free(void* context, uint32_t index, void* address,
                         ferry_status* status) {
  (void)context;
  opencl_device* device;
  int32_t code = opencl_find_device(index, &device, status);
  if (code != FERRY_OK) return code;
  opencl_block freed;
  if (!opencl_take_block(&blocks, index, (uint64_t)(uintptr_t)address,
                         &freed)) {
    return ferry_fail(status, FERRY_INVALID_ARGUMENT,
                      "the OpenCL plugin did not allocate this host memory");
  }
  // A copy may still use the memory, which therefore stays mapped.
  if (device->lost != CL_SUCCESS) return FERRY_OK;
  code = unmap(device, freed.buffer, freed.mapped, status);
  // Releases the buffer even if that failed. OpenCL keeps it until the commands
  // that use it have ended.
  cl_int error = opencl.clReleaseMemObject(freed.buffer);
  if (code == FERRY_OK && error != CL_SUCCESS) {
    return opencl_fail(status, "clReleaseMemObject", error);
  }
  return code;
}
