// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE

#include "devices.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api.h"
#include "discovery.h"
#include "errors.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
// Constant after `once`.
static opencl_machine machine;
static pid_t owner;

static void discover(void) {
  owner = getpid();
  opencl_discover(&machine);
}

int32_t opencl_usable(ferry_status* status) {
  pthread_once(&once, discover);
  if (getpid() == owner) return FERRY_OK;
  return ferry_fail(status, FERRY_FAILED_PRECONDITION,
                    "this process is a fork of one that uses OpenCL, whose "
                    "drivers do not survive a fork; use OpenCL only after the "
                    "fork, or start the child with exec");
}

int32_t opencl_find_device(uint32_t index, opencl_device** device,
                           ferry_status* status) {
  int32_t code = opencl_usable(status);
  if (code != FERRY_OK) return code;
  if (index >= machine.count) {
    char message[sizeof(status->message)];
    snprintf(message, sizeof(message),
             "there is no OpenCL device %u; the number of devices is %u", index,
             machine.count);
    return ferry_fail(status, FERRY_OUT_OF_RANGE, message);
  }
  *device = &machine.devices[index];
  return FERRY_OK;
}

int32_t opencl_find_working_device(uint32_t index, opencl_device** device,
                                   ferry_status* status) {
  int32_t code = opencl_find_device(index, device, status);
  if (code != FERRY_OK) return code;
  cl_int lost = (*device)->lost;
  if (lost == CL_SUCCESS) return FERRY_OK;
  status->vendor_code = lost;
  status->flags |= FERRY_STATUS_DEVICE_LOST;
  return ferry_fail(status, FERRY_UNAVAILABLE,
                    "the plugin does not use the device any more, because an "
                    "earlier wait for its work failed; restart the process to "
                    "use it again");
}

int32_t opencl_fail_wait(opencl_device* device, ferry_status* status,
                         const char* what, cl_int error) {
  cl_int none = CL_SUCCESS;
  atomic_compare_exchange_strong(&device->lost, &none, error);
  status->flags |= FERRY_STATUS_DEVICE_LOST;
  return opencl_fail(status, what, error);
}

int32_t opencl_context(opencl_device* device, cl_context* context,
                       ferry_status* status) {
  const cl_context_properties properties[] = {
      CL_CONTEXT_PLATFORM, (cl_context_properties)device->platform, 0};
  cl_int error = CL_SUCCESS;
  pthread_mutex_lock(&device->mutex);
  if (device->context == NULL) {
    device->context =
        opencl.clCreateContext(properties, 1, &device->id, NULL, NULL, &error);
  }
  *context = device->context;
  pthread_mutex_unlock(&device->mutex);
  if (*context != NULL) return FERRY_OK;
  return opencl_fail(status, "clCreateContext", error);
}

int32_t opencl_new_queue(opencl_device* device, cl_command_queue* queue,
                         ferry_status* status) {
  cl_context context;
  int32_t code = opencl_context(device, &context, status);
  if (code != FERRY_OK) return code;
  cl_int error = CL_SUCCESS;
  *queue = opencl.clCreateCommandQueue(context, device->id, 0, &error);
  if (*queue != NULL) return FERRY_OK;
  return opencl_fail(status, "clCreateCommandQueue", error);
}

int32_t opencl_borrow_queue(opencl_device* device, cl_command_queue* queue,
                            ferry_status* status) {
  *queue = NULL;
  pthread_mutex_lock(&device->mutex);
  if (device->idle_count != 0) {
    *queue = device->idle_queues[--device->idle_count];
  }
  pthread_mutex_unlock(&device->mutex);
  if (*queue != NULL) return FERRY_OK;
  return opencl_new_queue(device, queue, status);
}

void opencl_return_queue(opencl_device* device, cl_command_queue queue,
                         int is_sound) {
  if (is_sound) {
    pthread_mutex_lock(&device->mutex);
    if (device->idle_count < OPENCL_IDLE_QUEUES) {
      device->idle_queues[device->idle_count++] = queue;
      queue = NULL;
    }
    pthread_mutex_unlock(&device->mutex);
  }
  // Nobody is told if this fails: the outcome of the work is known already.
  if (queue != NULL) opencl.clReleaseCommandQueue(queue);
}

int32_t opencl_device_count(void* context, ferry_devices* out,
                            ferry_status* status) {
  (void)context;
  int32_t code = opencl_usable(status);
  if (code != FERRY_OK) return code;
  out->count = machine.count;
  if (machine.count == 0) {
    out->absence = machine.absence;
    memcpy(out->why, machine.why, sizeof(out->why));
  }
  return FERRY_OK;
}

int32_t opencl_device_properties(void* context, uint32_t index,
                                 ferry_device_properties* out,
                                 ferry_status* status) {
  (void)context;
  opencl_device* device;
  int32_t code = opencl_find_device(index, &device, status);
  if (code != FERRY_OK) return code;
  memcpy(out->name, device->name, sizeof(out->name));
  out->memory_bytes = device->memory_bytes;
  memcpy(out->uuid, device->uuid, sizeof(out->uuid));
  return FERRY_OK;
}
