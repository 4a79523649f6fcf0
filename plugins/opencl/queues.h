// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/opencl/queues.h
// -----------------------------------------------------------------------------
//
// The capability ASYNC: a queue is an in-order command queue of OpenCL, and an
// event is an event of OpenCL. The functions are those of `ferry_backend`.
#ifndef FERRY_PLUGINS_OPENCL_QUEUES_H_
#define FERRY_PLUGINS_OPENCL_QUEUES_H_

#include "ferry/plugin.h"

int32_t opencl_queue_create(void* context, uint32_t index, uint64_t* queue,
                            ferry_status* status);
int32_t opencl_queue_destroy(void* context, uint64_t queue,
                             ferry_status* status);
int32_t opencl_copy_async(void* context, uint64_t queue, const ferry_copy* copy,
                          uint64_t* event, ferry_status* status);
int32_t opencl_event_wait(void* context, uint64_t event, ferry_status* status);
int32_t opencl_event_release(void* context, uint64_t event,
                             ferry_status* status);

#endif  // FERRY_PLUGINS_OPENCL_QUEUES_H_
