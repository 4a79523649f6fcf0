// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "device_copy.h"

#include "api.h"
#include "devices.h"
#include "errors.h"
#include "memory.h"

// Whether two ranges of one buffer, which has room for both, overlap.
static int overlap(uint64_t a, uint64_t b, uint64_t size_bytes) {
  return a < b + size_bytes && b < a + size_bytes;
}

int32_t opencl_copy_between(void* context, const ferry_device_copy* copy,
                            ferry_status* status) {
  (void)context;
  opencl_device *device, *other;
  cl_mem source, destination;
  int32_t code = opencl_find_range(copy->source_index, copy->source_handle,
                                   copy->source_offset_bytes, copy->size_bytes,
                                   &device, &source, status);
  if (code != FERRY_OK) return code;
  code = opencl_find_range(copy->destination_index, copy->destination_handle,
                           copy->destination_offset_bytes, copy->size_bytes,
                           &other, &destination, status);
  if (code != FERRY_OK || copy->size_bytes == 0) return code;
  if (device != other) {
    return ferry_fail(status, FERRY_UNIMPLEMENTED,
                      "OpenCL does not copy from one context to another");
  }
  if (source == destination &&
      overlap(copy->source_offset_bytes, copy->destination_offset_bytes,
              copy->size_bytes)) {
    return ferry_fail(status, FERRY_INVALID_ARGUMENT, "the ranges overlap");
  }
  cl_command_queue queue;
  code = opencl_borrow_queue(device, &queue, status);
  if (code != FERRY_OK) return code;
  cl_event done;
  cl_int error = opencl.clEnqueueCopyBuffer(
      queue, source, destination, copy->source_offset_bytes,
      copy->destination_offset_bytes, copy->size_bytes, 0, NULL, &done);
  if (error != CL_SUCCESS) {
    code = opencl_fail(status, "clEnqueueCopyBuffer", error);
  } else {
    code = opencl_start(device, queue, done, status);
  }
  if (code == FERRY_OK) {
    code = opencl_wait(device, done, status);
    opencl.clReleaseEvent(done);
  }
  opencl_return_queue(device, queue, code == FERRY_OK);
  return code;
}
