// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "memory.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "errors.h"

// -----------------------------------------------------------------------------
// The table of buffers
// -----------------------------------------------------------------------------

typedef struct slot {
  cl_mem buffer;  // null if the slot is free
  uint64_t size_bytes;
  uint32_t device_index;
  uint32_t use_count;
  uint32_t next_free;  // of a free slot: the number of the next, or 0
} slot;

// Slots are numbered from 1, so that no handle is 0.
static pthread_mutex_t table_mutex = PTHREAD_MUTEX_INITIALIZER;
// Guarded by `table_mutex`.
static slot* slots;
static uint32_t slot_count;
static uint32_t first_free;

// Makes sure that there is a free slot. Returns 0 if there is no host memory.
// `table_mutex` is held.
static int reserve_slot(void) {
  if (first_free != 0) return 1;
  if (slot_count > UINT32_MAX / 2) return 0;
  uint32_t count = slot_count == 0 ? 256 : slot_count * 2;
  slot* more = realloc(slots, (size_t)count * sizeof(*more));
  if (more == NULL) return 0;
  slots = more;
  for (uint32_t i = count; i > slot_count; --i) {
    slots[i - 1] = (slot){.next_free = first_free};
    first_free = i;
  }
  slot_count = count;
  return 1;
}

// Returns the slot of a handle, or null. `table_mutex` is held.
static slot* find_slot(uint32_t device_index, uint64_t handle) {
  uint32_t number = (uint32_t)handle;
  if (number == 0 || number > slot_count) return NULL;
  slot* found = &slots[number - 1];
  if (found->buffer == NULL || found->use_count != (uint32_t)(handle >> 32) ||
      found->device_index != device_index) {
    return NULL;
  }
  return found;
}

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
  int32_t code = opencl_find_device(index, &device, status);
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
  pthread_mutex_lock(&table_mutex);
  int is_reserved = reserve_slot();
  if (is_reserved) {
    uint32_t number = first_free;
    slot* taken = &slots[number - 1];
    first_free = taken->next_free;
    taken->buffer = buffer;
    taken->size_bytes = size_bytes;
    taken->device_index = index;
    *handle = (uint64_t)taken->use_count << 32 | number;
  }
  pthread_mutex_unlock(&table_mutex);
  if (is_reserved) return FERRY_OK;
  opencl.clReleaseMemObject(buffer);
  return ferry_fail(status, FERRY_RESOURCE_EXHAUSTED, "out of host memory");
}

int32_t opencl_free(void* context, uint32_t index, uint64_t handle,
                    ferry_status* status) {
  (void)context;
  opencl_device* device;
  int32_t code = opencl_find_device(index, &device, status);
  if (code != FERRY_OK || handle == 0) return code;
  cl_mem buffer = NULL;
  pthread_mutex_lock(&table_mutex);
  slot* found = find_slot(index, handle);
  if (found != NULL) {
    buffer = found->buffer;
    found->buffer = NULL;
    ++found->use_count;
    found->next_free = first_free;
    first_free = (uint32_t)handle;
  }
  pthread_mutex_unlock(&table_mutex);
  if (buffer == NULL) return not_ours(status);
  cl_int error = opencl.clReleaseMemObject(buffer);
  if (error == CL_SUCCESS) return FERRY_OK;
  return opencl_fail(status, "clReleaseMemObject", error);
}

// -----------------------------------------------------------------------------
// Copying
// -----------------------------------------------------------------------------

int32_t opencl_check_copy(const ferry_copy* copy, opencl_device** device,
                          cl_mem* buffer, ferry_status* status) {
  if (copy->direction != FERRY_COPY_TO_DEVICE &&
      copy->direction != FERRY_COPY_TO_HOST) {
    return ferry_fail(status, FERRY_UNIMPLEMENTED,
                      "the OpenCL plugin copies only to a device and to the "
                      "host");
  }
  int32_t code = opencl_find_device(copy->device_index, device, status);
  if (code != FERRY_OK) return code;
  cl_mem found_buffer = NULL;
  uint64_t size_bytes = 0;
  if (copy->handle != 0) {
    pthread_mutex_lock(&table_mutex);
    const slot* found = find_slot(copy->device_index, copy->handle);
    if (found != NULL) {
      found_buffer = found->buffer;
      size_bytes = found->size_bytes;
    }
    pthread_mutex_unlock(&table_mutex);
    // The host frees no memory that a copy uses, so the buffer stays.
    if (found_buffer == NULL) return not_ours(status);
  }
  // Written so that no sum can wrap.
  if (copy->offset_bytes > size_bytes ||
      copy->size_bytes > size_bytes - copy->offset_bytes) {
    char message[sizeof(status->message)];
    snprintf(message, sizeof(message),
             "%" PRIu64 " bytes at offset %" PRIu64
             " are not inside the memory, which has %" PRIu64 " bytes",
             copy->size_bytes, copy->offset_bytes, size_bytes);
    return ferry_fail(status, FERRY_OUT_OF_RANGE, message);
  }
  if (copy->size_bytes != 0 && (copy->direction == FERRY_COPY_TO_DEVICE
                                    ? copy->host_source
                                    : copy->host_destination) == NULL) {
    return ferry_fail(status, FERRY_INVALID_ARGUMENT,
                      "the address in host memory is null");
  }
  *buffer = copy->size_bytes == 0 ? NULL : found_buffer;
  return FERRY_OK;
}

int32_t opencl_enqueue_copy(cl_command_queue queue, const ferry_copy* copy,
                            cl_mem buffer, cl_event* done,
                            ferry_status* status) {
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
  // Without it a driver need not begin, and the event would never be ready.
  error = opencl.clFlush(queue);
  if (error == CL_SUCCESS) return FERRY_OK;
  // The copy may be under way all the same, and the host memory is not ours.
  opencl.clFinish(queue);
  opencl.clReleaseEvent(*done);
  return opencl_fail(status, "clFlush", error);
}

int32_t opencl_wait(cl_event event, ferry_status* status) {
  cl_int error = opencl.clWaitForEvents(1, &event);
  if (error == CL_SUCCESS) return FERRY_OK;
  // Says only that there was an error; the event knows which.
  cl_int outcome = CL_COMPLETE;
  if (error == CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST &&
      opencl.clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS,
                            sizeof(outcome), &outcome, NULL) == CL_SUCCESS &&
      outcome < 0) {
    return opencl_fail(status, "the copy", outcome);
  }
  return opencl_fail(status, "clWaitForEvents", error);
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
  code = opencl_enqueue_copy(queue, copy, buffer, &done, status);
  if (code == FERRY_OK) {
    code = opencl_wait(done, status);
    opencl.clReleaseEvent(done);
  }
  opencl_return_queue(device, queue, code == FERRY_OK);
  return code;
}
