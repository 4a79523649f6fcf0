// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "host_memory.h"

#include <inttypes.h>
#include <pthread.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>

#include "api.h"
#include "devices.h"
#include "errors.h"
#include "memory.h"

enum { kAlignment = 64 };

typedef struct block {
  void* address;  // what the host has: aligned
  void* mapped;   // what OpenCL mapped
  cl_mem buffer;
  uint32_t device_index;
} block;

// All blocks, ordered by address.
static pthread_mutex_t blocks_mutex = PTHREAD_MUTEX_INITIALIZER;
static void* blocks;  // guarded by `blocks_mutex`

static int compare_blocks(const void* left, const void* right) {
  uintptr_t a = (uintptr_t)((const block*)left)->address;
  uintptr_t b = (uintptr_t)((const block*)right)->address;
  return (a > b) - (a < b);
}

static int add_block(block* added) {
  pthread_mutex_lock(&blocks_mutex);
  int is_added = tsearch(added, &blocks, compare_blocks) != NULL;
  pthread_mutex_unlock(&blocks_mutex);
  return is_added;
}

// Returns the block at an address, which is then no longer in the tree; or
// null.
static block* take_block(uint32_t device_index, void* address) {
  const block wanted = {.address = address};
  block* taken = NULL;
  pthread_mutex_lock(&blocks_mutex);
  block** found = tfind(&wanted, &blocks, compare_blocks);
  if (found != NULL && (*found)->device_index == device_index) {
    taken = *found;
    tdelete(&wanted, &blocks, compare_blocks);
  }
  pthread_mutex_unlock(&blocks_mutex);
  return taken;
}

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
  if (error == CL_SUCCESS) error = opencl.clFinish(queue);
  opencl_return_queue(device, queue, error == CL_SUCCESS);
  if (error == CL_SUCCESS) return FERRY_OK;
  return opencl_fail(status, "clEnqueueUnmapMemObject", error);
}

int32_t opencl_host_allocate(void* context, uint32_t index, uint64_t size_bytes,
                             void** address, ferry_status* status) {
  (void)context;
  opencl_device* device;
  int32_t code = opencl_find_device(index, &device, status);
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
  block* made = malloc(sizeof(*made));
  if (made == NULL) {
    return ferry_fail(status, FERRY_RESOURCE_EXHAUSTED, "out of host memory");
  }
  made->device_index = index;
  cl_int error = CL_SUCCESS;
  made->buffer = opencl.clCreateBuffer(
      device_context, CL_MEM_READ_WRITE | CL_MEM_ALLOC_HOST_PTR, mapped_bytes,
      NULL, &error);
  if (made->buffer == NULL) {
    free(made);
    return opencl_fail(status, "clCreateBuffer", error);
  }
  code = map(device, made->buffer, mapped_bytes, &made->mapped, status);
  if (code == FERRY_OK) {
    uintptr_t start = (uintptr_t)made->mapped;
    made->address =
        (char*)made->mapped + (kAlignment - start % kAlignment) % kAlignment;
    if (add_block(made)) {
      *address = made->address;
      return FERRY_OK;
    }
    unmap(device, made->buffer, made->mapped, status);
    code = ferry_fail(status, FERRY_RESOURCE_EXHAUSTED, "out of host memory");
  }
  opencl.clReleaseMemObject(made->buffer);
  free(made);
  return code;
}

int32_t opencl_host_free(void* context, uint32_t index, void* address,
                         ferry_status* status) {
  (void)context;
  opencl_device* device;
  int32_t code = opencl_find_device(index, &device, status);
  if (code != FERRY_OK) return code;
  block* freed = take_block(index, address);
  if (freed == NULL) {
    return ferry_fail(status, FERRY_INVALID_ARGUMENT,
                      "the OpenCL plugin did not allocate this host memory");
  }
  code = unmap(device, freed->buffer, freed->mapped, status);
  // Released also if that failed: the device is then lost, and the memory with
  // it.
  cl_int error = opencl.clReleaseMemObject(freed->buffer);
  free(freed);
  if (code == FERRY_OK && error != CL_SUCCESS) {
    return opencl_fail(status, "clReleaseMemObject", error);
  }
  return code;
}
