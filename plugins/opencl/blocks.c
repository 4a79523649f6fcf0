// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "blocks.h"

#include <search.h>
#include <stdlib.h>

#include "errors.h"

static int compare_blocks(const void* left, const void* right) {
  uint64_t a = ((const opencl_block*)left)->key;
  uint64_t b = ((const opencl_block*)right)->key;
  return (a > b) - (a < b);
}

int32_t opencl_add_block(opencl_blocks* blocks, const opencl_block* block,
                         ferry_status* status) {
  opencl_block* added = malloc(sizeof(*added));
  if (added == NULL) return opencl_no_host_memory(status);
  *added = *block;
  pthread_mutex_lock(&blocks->mutex);
  int is_added = tsearch(added, &blocks->tree, compare_blocks) != NULL;
  pthread_mutex_unlock(&blocks->mutex);
  if (is_added) return FERRY_OK;
  free(added);
  return opencl_no_host_memory(status);
}

// Returns the block of a device and a key, or null. The mutex is held.
static opencl_block* find(opencl_blocks* blocks, uint32_t device_index,
                          uint64_t key) {
  const opencl_block wanted = {.key = key};
  opencl_block** found = tfind(&wanted, &blocks->tree, compare_blocks);
  return found != NULL && (*found)->device_index == device_index ? *found
                                                                 : NULL;
}

int opencl_find_block(opencl_blocks* blocks, uint32_t device_index,
                      uint64_t key, opencl_block* found) {
  pthread_mutex_lock(&blocks->mutex);
  const opencl_block* block = find(blocks, device_index, key);
  if (block != NULL) *found = *block;
  pthread_mutex_unlock(&blocks->mutex);
  return block != NULL;
}

int opencl_take_block(opencl_blocks* blocks, uint32_t device_index,
                      uint64_t key, opencl_block* taken) {
  pthread_mutex_lock(&blocks->mutex);
  opencl_block* block = find(blocks, device_index, key);
  if (block != NULL) tdelete(block, &blocks->tree, compare_blocks);
  pthread_mutex_unlock(&blocks->mutex);
  if (block == NULL) return 0;
  *taken = *block;
  free(block);
  return 1;
}
