// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/cuda/cuda_queues.h
// -----------------------------------------------------------------------------
//
// The plugin's functions for queues and events. ferry/plugin.h documents them.
// A queue is a stream, and an event is an event of the driver that is recorded
// right after its copy.
#ifndef FERRY_PLUGINS_CUDA_CUDA_QUEUES_H_
#define FERRY_PLUGINS_CUDA_CUDA_QUEUES_H_

#include <cstdint>

#include "ferry/plugin.h"

namespace ferry_cuda {

int32_t QueueCreate(void* context, uint32_t index, uint64_t* queue,
                    ferry_status* status) noexcept;
int32_t QueueDestroy(void* context, uint64_t queue,
                     ferry_status* status) noexcept;
int32_t CopyAsync(void* context, uint64_t queue, const ferry_copy* copy,
                  uint64_t* event, ferry_status* status) noexcept;
int32_t EventWait(void* context, uint64_t event, ferry_status* status) noexcept;
int32_t EventRelease(void* context, uint64_t event,
                     ferry_status* status) noexcept;

}  // namespace ferry_cuda

#endif  // FERRY_PLUGINS_CUDA_CUDA_QUEUES_H_
