// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/opencl/devices.h
// -----------------------------------------------------------------------------
//
// The OpenCL devices of the process. They are found when a function first needs
// one, and stay the same from then on.
//
// The devices of all platforms are numbered together: GPUs first, then
// accelerators, CPUs and others; within that by the names of platform and
// device, by UUID, and last in the order in which OpenCL lists them.
//
// Each device has a context of its own, which is created when the device is
// first used and never released: the host does not say when it is done.
//
// A driver's threads do not survive a `fork`. In a child of the process that
// found the devices, every function fails with FERRY_FAILED_PRECONDITION
// instead of waiting for ever.
#ifndef FERRY_PLUGINS_OPENCL_DEVICES_H_
#define FERRY_PLUGINS_OPENCL_DEVICES_H_

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "api.h"
#include "ferry/plugin.h"

// The most queues that a device keeps for later blocking copies.
#define OPENCL_IDLE_QUEUES 8

typedef struct opencl_device {
  cl_platform_id platform;
  cl_device_id id;
  char name[128];
  uint64_t memory_bytes;
  uint64_t max_allocation_bytes;
  uint8_t uuid[16];

  // The error of the first wait that failed; CL_SUCCESS if there was none. The
  // device is then lost: copies may run on it without end, so nothing may use
  // it or reuse the host memory that they use.
  _Atomic cl_int lost;

  pthread_mutex_t mutex;
  // Guarded by `mutex`.
  cl_context context;  // null until first use
  cl_command_queue idle_queues[OPENCL_IDLE_QUEUES];
  uint32_t idle_count;
} opencl_device;

// Whether the process may use OpenCL: FERRY_OK, or FERRY_FAILED_PRECONDITION in
// a child of the process that found the devices.
int32_t opencl_usable(ferry_status* status);

// Finds the device `index`, which may be lost. Thread-safe, as all functions
// below.
//
// FERRY_OUT_OF_RANGE: there is no such device.
int32_t opencl_find_device(uint32_t index, opencl_device** device,
                           ferry_status* status);

// Finds the device `index` for new work.
//
// FERRY_OUT_OF_RANGE: there is no such device.
// FERRY_UNAVAILABLE: the device is lost, which the flags of `status` say, too.
int32_t opencl_find_working_device(uint32_t index, opencl_device** device,
                                   ferry_status* status);

// Reports that `what`, which should have waited for work on the device, failed
// with `error`. Marks the device as lost, whatever the error is, because the
// work may go on. Fills `status` like `opencl_fail`, and sets
// FERRY_STATUS_DEVICE_LOST.
int32_t opencl_fail_wait(opencl_device* device, ferry_status* status,
                         const char* what, cl_int error);

// Gets the device's context, and creates it if there is none.
int32_t opencl_context(opencl_device* device, cl_context* context,
                       ferry_status* status);

// Creates an in-order queue. The caller releases it.
int32_t opencl_new_queue(opencl_device* device, cl_command_queue* queue,
                         ferry_status* status);

// Borrows a queue that nobody else uses until it is given back.
int32_t opencl_borrow_queue(opencl_device* device, cl_command_queue* queue,
                            ferry_status* status);

// Gives a borrowed queue back. The queue is kept if `is_sound`, which means
// that everything on it has finished without error, and is released otherwise.
void opencl_return_queue(opencl_device* device, cl_command_queue queue,
                         int is_sound);

// Functions of `ferry_backend`.
int32_t opencl_device_count(void* context, ferry_devices* out,
                            ferry_status* status);
int32_t opencl_device_properties(void* context, uint32_t index,
                                 ferry_device_properties* out,
                                 ferry_status* status);

#endif  // FERRY_PLUGINS_OPENCL_DEVICES_H_
