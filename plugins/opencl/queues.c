// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "queues.h"

#include <pthread.h>
#include <stdlib.h>

#include "api.h"
#include "devices.h"
#include "errors.h"
#include "memory.h"

typedef struct queue {
  opencl_device* device;
  cl_command_queue commands;
  // Held while a command is issued. OpenCL allows threads to share a queue, but
  // PoCL's device "basic" (3.1) deadlocks if two flush it at once.
  pthread_mutex_t mutex;
} queue;

typedef struct event {
  cl_event done;
  opencl_device* device;  // that of the queue, which the event may outlive
} event;

// -----------------------------------------------------------------------------
// Queues
// -----------------------------------------------------------------------------

int32_t opencl_queue_create(void* context, uint32_t index, uint64_t* handle,
                            ferry_status* status) {
  (void)context;
  opencl_device* device;
  int32_t code = opencl_find_working_device(index, &device, status);
  if (code != FERRY_OK) return code;
  queue* made = malloc(sizeof(*made));
  if (made == NULL) return opencl_no_host_memory(status);
  made->device = device;
  code = opencl_new_queue(device, &made->commands, status);
  if (code != FERRY_OK) {
    free(made);
    return code;
  }
  pthread_mutex_init(&made->mutex, NULL);
  *handle = (uint64_t)(uintptr_t)made;
  return FERRY_OK;
}

int32_t opencl_queue_destroy(void* context, uint64_t handle,
                             ferry_status* status) {
  (void)context;
  int32_t code = opencl_usable(status);
  if (code != FERRY_OK) return code;
  queue* closed = (queue*)(uintptr_t)handle;
  opencl_device* device = closed->device;
  cl_int finished = opencl.clFinish(closed->commands);
  cl_int released = opencl.clReleaseCommandQueue(closed->commands);
  pthread_mutex_destroy(&closed->mutex);
  free(closed);
  if (finished != CL_SUCCESS) {
    return opencl_fail_wait(device, status, "clFinish", finished);
  }
  if (released != CL_SUCCESS) {
    return opencl_fail(status, "clReleaseCommandQueue", released);
  }
  return FERRY_OK;
}

// Issues a command that does nothing, after all that the queue has.
static int32_t enqueue_nothing(cl_command_queue commands, cl_event* done,
                               ferry_status* status) {
  cl_int error = opencl.clEnqueueMarkerWithWaitList(commands, 0, NULL, done);
  if (error != CL_SUCCESS) {
    return opencl_fail(status, "clEnqueueMarkerWithWaitList", error);
  }
  error = opencl.clFlush(commands);
  if (error == CL_SUCCESS) return FERRY_OK;
  opencl.clReleaseEvent(*done);
  return opencl_fail(status, "clFlush", error);
}

int32_t opencl_copy_async(void* context, uint64_t queue_handle,
                          const ferry_copy* copy, uint64_t* handle,
                          ferry_status* status) {
  (void)context;
  opencl_device* device;
  cl_mem buffer;
  int32_t code = opencl_check_copy(copy, &device, &buffer, status);
  if (code != FERRY_OK) return code;
  queue* used = (queue*)(uintptr_t)queue_handle;
  if (device != used->device) {
    return ferry_fail(status, FERRY_INVALID_ARGUMENT,
                      "the queue belongs to another device");
  }
  event* made = malloc(sizeof(*made));
  if (made == NULL) return opencl_no_host_memory(status);
  made->device = device;
  pthread_mutex_lock(&used->mutex);
  code = buffer == NULL ? enqueue_nothing(used->commands, &made->done, status)
                        : opencl_enqueue_copy(device, used->commands, copy,
                                              buffer, &made->done, status);
  pthread_mutex_unlock(&used->mutex);
  if (code == FERRY_OK) {
    *handle = (uint64_t)(uintptr_t)made;
  } else {
    free(made);
  }
  return code;
}

// -----------------------------------------------------------------------------
// Events
// -----------------------------------------------------------------------------

int32_t opencl_event_wait(void* context, uint64_t handle,
                          ferry_status* status) {
  (void)context;
  int32_t code = opencl_usable(status);
  if (code != FERRY_OK) return code;
  const event* waited = (event*)(uintptr_t)handle;
  return opencl_wait(waited->device, waited->done, status);
}

int32_t opencl_event_release(void* context, uint64_t handle,
                             ferry_status* status) {
  (void)context;
  int32_t code = opencl_usable(status);
  if (code != FERRY_OK) return code;
  event* released = (event*)(uintptr_t)handle;
  cl_int error = opencl.clReleaseEvent(released->done);
  free(released);
  if (error == CL_SUCCESS) return FERRY_OK;
  return opencl_fail(status, "clReleaseEvent", error);
}
