// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/opencl/blocks.h
// -----------------------------------------------------------------------------
//
// A table of allocations, so that the plugin refuses a handle or an address
// that it did not give out, instead of dereferencing it.
#ifndef FERRY_PLUGINS_OPENCL_BLOCKS_H_
#define FERRY_PLUGINS_OPENCL_BLOCKS_H_

#include <pthread.h>
#include <stdint.h>

#include "api.h"
#include "ferry/plugin.h"

// An allocation. Its key and its device identify it.
typedef struct opencl_block {
  uint64_t key;  // what the host has: a handle or an address
  uint32_t device_index;
  cl_mem buffer;
  uint64_t size_bytes;
  void* mapped;  // the address that OpenCL mapped; null for device memory
} opencl_block;

// A table of blocks with different keys. Define one as
// `static opencl_blocks blocks = OPENCL_NO_BLOCKS;`. The functions below are
// thread-safe, and take time logarithmic in the number of blocks.
typedef struct opencl_blocks {
  pthread_mutex_t mutex;
  void* tree;  // guarded by `mutex`
} opencl_blocks;

#define OPENCL_NO_BLOCKS \
  { PTHREAD_MUTEX_INITIALIZER, NULL }

// Adds a copy of `block`.
//
// FERRY_RESOURCE_EXHAUSTED: the host has too little memory.
int32_t opencl_add_block(opencl_blocks* blocks, const opencl_block* block,
                         ferry_status* status);

// Copies the block of a device and a key to `found`. Returns 0 if there is no
// such block.
int opencl_find_block(opencl_blocks* blocks, uint32_t device_index,
                      uint64_t key, opencl_block* found);

// Removes the block of a device and a key, and copies it to `taken`. Returns 0
// if there is none.
int opencl_take_block(opencl_blocks* blocks, uint32_t device_index,
                      uint64_t key, opencl_block* taken);

#endif  // FERRY_PLUGINS_OPENCL_BLOCKS_H_
