// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/example/toy_queues.h
// -----------------------------------------------------------------------------
//
// The capabilities ASYNC and HOST_ALLOC of the toy plugin. The functions are
// those of `ferry_backend`.
#ifndef FERRY_PLUGINS_EXAMPLE_TOY_QUEUES_H_
#define FERRY_PLUGINS_EXAMPLE_TOY_QUEUES_H_

#include "ferry/plugin.h"

// The number of devices, in toy.c.
uint32_t toy_device_count(void);

// The blocking copy, in toy.c. Checks the request.
int32_t toy_copy(const ferry_copy* request, ferry_status* status);

int32_t toy_queue_create(void* context, uint32_t index, uint64_t* queue,
                         ferry_status* status);
int32_t toy_queue_destroy(void* context, uint64_t queue, ferry_status* status);
int32_t toy_copy_async(void* context, uint64_t queue, const ferry_copy* copy,
                       uint64_t* event, ferry_status* status);
int32_t toy_event_wait(void* context, uint64_t event, ferry_status* status);
int32_t toy_event_release(void* context, uint64_t event, ferry_status* status);

int32_t toy_host_allocate(void* context, uint32_t index, uint64_t size_bytes,
                          void** address, ferry_status* status);
int32_t toy_host_free(void* context, uint32_t index, void* address,
                      ferry_status* status);

#endif  // FERRY_PLUGINS_EXAMPLE_TOY_QUEUES_H_
