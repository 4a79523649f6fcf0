// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE

#include "memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "blocks.h"
#include "errors.h"

// All buffers, by handle.
static opencl_blocks blocks = OPENCL_NO_BLOCKS;

static int32_t not_ours(ferry_status* status) {
  return ferry_fail(status, FERRY_INVALID_ARGUMENT,
                    "the OpenCL plugin did not allocate this memory, or it was "
                    "freed");
}

// -----------------------------------------------------------------------------
// Allocating
// -----------------------------------------------------------------------------

int32_t opencl_allocate(void* context, uint32_t index, uint64_t size_bytes,
                        uint64_t* handle, ferry_status* status) {
  (void)context;
  opencl_device* device;
  int32_t code = opencl_find_working_device(index, &device, status);
  if (code != FERRY_OK) return code;
  if (size_bytes == 0) {
    *handle = 0;
    return FERRY_OK;
  }
  if (size_bytes > device->max_allocation_bytes || size_bytes > SIZE_MAX) {
    char message[sizeof(status->message)];
    snprintf(message, sizeof(message),
             "the device allocates at most %" PRIu64
             " bytes at once (CL_DEVICE_MAX_MEM_ALLOC_SIZE), and has %" PRIu64
             " bytes in all",
             device->max_allocation_bytes, device->memory_bytes);
    return ferry_fail(status, FERRY_RESOURCE_EXHAUSTED, message);
  }
  cl_context device_context;
  code = opencl_context(device, &device_context, status);
  if (code != FERRY_OK) return code;
  cl_int error = CL_SUCCESS;
  cl_mem buffer = opencl.clCreateBuffer(device_context, CL_MEM_READ_WRITE,
                                        size_bytes, NULL, &error);
  if (buffer == NULL) return opencl_fail(status, "clCreateBuffer", error);
  const opencl_block made = {.key = (uint64_t)(uintptr_t)buffer,
                             .device_index = index,
                             .buffer = buffer,
                             .size_bytes = size_bytes};
  code = opencl_add_block(&blocks, &made, status);
  if (code == FERRY_OK) {
    *handle = made.key;
  } else {
    opencl.clReleaseMemObject(buffer);
  }
  return code;
}

int32_t opencl_free(void* context, uint32_t index, uint64_t handle,
                    ferry_status* status) {
  (void)context;
  opencl_device* device;
  int32_t code = opencl_find_device(index, &device, status);
  if (code != FERRY_OK || handle == 0) return code;
  opencl_block freed;
  if (!opencl_take_block(&blocks, index, handle, &freed)) {
    return not_ours(status);
  }
  cl_int error = opencl.clReleaseMemObject(freed.buffer);
  if (error == CL_SUCCESS) return FERRY_OK;
  return opencl_fail(status, "clReleaseMemObject", error);
}

// -----------------------------------------------------------------------------
// Copying
// -----------------------------------------------------------------------------

int32_t opencl_find_range(uint32_t index, uint64_t handle,
                          uint64_t offset_bytes, uint64_t size_bytes,
                          opencl_device** device, cl_mem* buffer,
                          ferry_status* status) {
  int32_t code = opencl_find_working_device(index, device, status);
  if (code != FERRY_OK) return code;
  // The memory of 0 bytes has no buffer.
  opencl_block found = {0};
  // The host frees no memory that a copy uses, so the buffer stays.
  if (handle != 0 && !opencl_find_block(&blocks, index, handle, &found)) {
    return not_ours(status);
  }
  // Written so that no sum can wrap.
  if (offset_bytes > found.size_bytes ||
      size_bytes > found.size_bytes - offset_bytes) {
    char message[sizeof(status->message)];
    snprintf(message, sizeof(message),
             "%" PRIu64 " bytes at offset %" PRIu64
             " are not inside the memory, which has %" PRIu64 " bytes",
             size_bytes, offset_bytes, found.size_bytes);
    return ferry_fail(status, FERRY_OUT_OF_RANGE, message);
  }
  *buffer = found.buffer;
  return FERRY_OK;
}

int32_t opencl_check_copy(const ferry_copy* copy, opencl_device** device,
                          cl_mem* buffer, ferry_status* status) {
  if (copy->direction != FERRY_COPY_TO_DEVICE &&
      copy->direction != FERRY_COPY_TO_HOST) {
    return ferry_fail(status, FERRY_UNIMPLEMENTED,
                      "the OpenCL plugin copies only to a device and to the "
                      "host");
  }
  int32_t code =
      opencl_find_range(copy->device_index, copy->handle, copy->offset_bytes,
                        copy->size_bytes, device, buffer, status);
  if (code != FERRY_OK) return code;
  if (copy->size_bytes != 0 && (copy->direction == FERRY_COPY_TO_DEVICE
                                    ? copy->host_source
                                    : copy->host_destination) == NULL) {
    return ferry_fail(status, FERRY_INVALID_ARGUMENT,
                      "the address in host memory is null");
  }
  if (copy->size_bytes == 0) *buffer = NULL;
  return FERRY_OK;
}

int32_t opencl_enqueue_copy(opencl_device* device, cl_command_queue queue,
                            const ferry_copy* copy, cl_mem buffer,
                            cl_event* done, ferry_status* status) {
  int to_device = copy->direction == FERRY_COPY_TO_DEVICE;
  cl_int error =
      to_device
          ? opencl.clEnqueueWriteBuffer(queue, buffer, CL_FALSE,
                                        copy->offset_bytes, copy->size_bytes,
                                        copy->host_source, 0, NULL, done)
          : opencl.clEnqueueReadBuffer(queue, buffer, CL_FALSE,
                                       copy->offset_bytes, copy->size_bytes,
                                       copy->host_destination, 0, NULL, done);
  if (error != CL_SUCCESS) {
    return opencl_fail(
        status, to_device ? "clEnqueueWriteBuffer" : "clEnqueueReadBuffer",
        error);
  }
  return opencl_start(device, queue, *done, status);
}

int32_t opencl_start(opencl_device* device, cl_command_queue queue,
                     cl_event done, ferry_status* status) {
  // Without it a driver need not begin, and the event would never be ready.
  cl_int error = opencl.clFlush(queue);
  if (error == CL_SUCCESS) return FERRY_OK;
  // The copy may be under way all the same, so it has to end before the host
  // reuses its memory.
  cl_int finished = opencl.clFinish(queue);
  opencl.clReleaseEvent(done);
  if (finished == CL_SUCCESS) return opencl_fail(status, "clFlush", error);
  return opencl_fail_wait(device, status, "clFinish", finished);
}

int32_t opencl_wait(opencl_device* device, cl_event event,
                    ferry_status* status) {
  cl_int error = opencl.clWaitForEvents(1, &event);
  if (error == CL_SUCCESS) return FERRY_OK;
  // Either the copy has failed, and only the event knows how; or the wait has,
  // and the copy may still use the host's memory.
  cl_int outcome;
  for (;;) {
    outcome = CL_QUEUED;
    if (opencl.clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS,
                              sizeof(outcome), &outcome, NULL) != CL_SUCCESS) {
      return opencl_fail_wait(device, status, "clWaitForEvents", error);
    }
    if (outcome <= CL_COMPLETE) break;
    const struct timespec pause = {.tv_nsec = 100000};
    nanosleep(&pause, NULL);
  }
  return outcome < 0 ? opencl_fail(status, "the copy", outcome) : FERRY_OK;
}

int32_t opencl_copy(void* context, const ferry_copy* copy,
                    ferry_status* status) {
  (void)context;
  opencl_device* device;
  cl_mem buffer;
  int32_t code = opencl_check_copy(copy, &device, &buffer, status);
  if (code != FERRY_OK || buffer == NULL) return code;
  cl_command_queue queue;
  code = opencl_borrow_queue(device, &queue, status);
  if (code != FERRY_OK) return code;
  // A blocking write returns when the host memory may be reused, which can be
  // before the bytes are on the device. The event comes after both.
  cl_event done;
  code = opencl_enqueue_copy(device, queue, copy, buffer, &done, status);
  if (code == FERRY_OK) {
    code = opencl_wait(device, done, status);
    opencl.clReleaseEvent(done);
  }
  opencl_return_queue(device, queue, code == FERRY_OK);
  return code;
}
