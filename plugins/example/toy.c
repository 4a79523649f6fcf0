// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// A toy accelerator: the plugin that docs/plugins.md walks through. It brings
// two devices, "toy:0" and "toy:1", with 1 GiB each.
//
// Its memory behaves like that of a real device: the host gets a handle that is
// no address, and the pages behind it cannot be read or written except while a
// copy is in progress.
//
//   cc -std=c11 -shared -fPIC -fvisibility=hidden -pthread -I ../abi
//      -o libtoy.so toy.c
//
// With -DTOY_ASYNC and toy_queues.c it has queues and host memory as well. With
// -DTOY_PRIVATEUSEONE files call its devices "privateuseone:0" and
// "privateuseone:1".

#define _GNU_SOURCE

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "ferry/plugin.h"
#ifdef TOY_ASYNC
#include "toy_queues.h"
#endif

#define DEVICE_COUNT 2
static const uint64_t kDeviceBytes = UINT64_C(1) << 30;

// -----------------------------------------------------------------------------
// The device's memory
// -----------------------------------------------------------------------------

typedef struct block {
  uint64_t size_bytes;
  uint32_t device_index;
  void* pages;            // protected but for copies
  pthread_mutex_t mutex;  // held by the copy in progress
} block;

// All blocks, at slot (handle - 1) / 2. Guarded by memory_mutex.
static pthread_mutex_t memory_mutex = PTHREAD_MUTEX_INITIALIZER;
static block** blocks;
static uint64_t* free_slots;
static uint64_t slot_count, free_count;
static uint64_t used_bytes[DEVICE_COUNT];

// Makes room for one more block; 0 if there is no host memory for it.
static int reserve_slot(void) {
  uint64_t count = slot_count == 0 ? 64 : slot_count * 2;
  if (free_count != 0) return 1;
  block** more = realloc(blocks, count * sizeof(*blocks));
  if (more == NULL) return 0;
  blocks = more;
  uint64_t* slots = realloc(free_slots, count * sizeof(*free_slots));
  if (slots == NULL) return 0;
  free_slots = slots;
  for (uint64_t i = count; i > slot_count; --i) {
    blocks[i - 1] = NULL;
    free_slots[free_count++] = i - 1;
  }
  slot_count = count;
  return 1;
}

// The block of a handle, or null. memory_mutex is held.
static block* find_block(uint32_t index, uint64_t handle) {
  uint64_t slot = (handle - 1) / 2;
  if (handle % 2 == 0 || slot >= slot_count || blocks[slot] == NULL) {
    return NULL;
  }
  return blocks[slot]->device_index == index ? blocks[slot] : NULL;
}

static block* new_block(uint32_t index, uint64_t size_bytes) {
  block* made = malloc(sizeof(*made));
  if (made == NULL) return NULL;
  made->size_bytes = size_bytes;
  made->device_index = index;
  pthread_mutex_init(&made->mutex, NULL);
  made->pages =
      mmap(NULL, size_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (made->pages == MAP_FAILED) {
    pthread_mutex_destroy(&made->mutex);
    free(made);
    return NULL;
  }
  return made;
}

// -----------------------------------------------------------------------------
// The five functions
// -----------------------------------------------------------------------------

static int32_t device_count(void* context, ferry_devices* out,
                            ferry_status* status) {
  (void)context;
  (void)status;
  out->count = DEVICE_COUNT;
  return FERRY_OK;
}

static int32_t device_properties(void* context, uint32_t index,
                                 ferry_device_properties* out,
                                 ferry_status* status) {
  (void)context;
  if (index >= DEVICE_COUNT) {
    return ferry_fail(status, FERRY_OUT_OF_RANGE, "there is no such toy");
  }
  strcpy(out->name, "Toy accelerator");
  out->memory_bytes = kDeviceBytes;
  out->copy_chunk_bytes = UINT64_C(1) << 20;
  out->uuid[0] = 't';
  out->uuid[15] = (uint8_t)index;
  return FERRY_OK;
}

static int32_t allocate(void* context, uint32_t index, uint64_t size_bytes,
                        uint64_t* handle, ferry_status* status) {
  (void)context;
  if (index >= DEVICE_COUNT) {
    return ferry_fail(status, FERRY_OUT_OF_RANGE, "there is no such toy");
  }
  *handle = 0;
  if (size_bytes == 0) return FERRY_OK;
  block* made = NULL;
  pthread_mutex_lock(&memory_mutex);
  if (size_bytes <= kDeviceBytes - used_bytes[index] && reserve_slot()) {
    made = new_block(index, size_bytes);
  }
  if (made != NULL) {
    uint64_t slot = free_slots[--free_count];
    blocks[slot] = made;
    used_bytes[index] += size_bytes;
    *handle = slot * 2 + 1;
  }
  pthread_mutex_unlock(&memory_mutex);
  if (made != NULL) return FERRY_OK;
  return ferry_fail(status, FERRY_RESOURCE_EXHAUSTED,
                    "the toy does not have that much memory");
}

static int32_t free_memory(void* context, uint32_t index, uint64_t handle,
                           ferry_status* status) {
  (void)context;
  if (handle == 0) return FERRY_OK;
  pthread_mutex_lock(&memory_mutex);
  block* found = find_block(index, handle);
  if (found != NULL) {
    blocks[(handle - 1) / 2] = NULL;
    free_slots[free_count++] = (handle - 1) / 2;
    used_bytes[index] -= found->size_bytes;
  }
  pthread_mutex_unlock(&memory_mutex);
  if (found == NULL) {
    return ferry_fail(status, FERRY_INVALID_ARGUMENT,
                      "the toy did not allocate this memory");
  }
  munmap(found->pages, found->size_bytes);
  pthread_mutex_destroy(&found->mutex);
  free(found);
  return FERRY_OK;
}

// Finds the block of a range. It is null if the memory has 0 bytes. The host
// frees no memory that a copy uses, so the block stays.
static int32_t find_range(uint32_t index, uint64_t handle,
                          uint64_t offset_bytes, uint64_t size_bytes,
                          block** found, ferry_status* status) {
  if (index >= DEVICE_COUNT) {
    return ferry_fail(status, FERRY_OUT_OF_RANGE, "there is no such toy");
  }
  *found = NULL;
  if (handle == 0) {
    if (offset_bytes == 0 && size_bytes == 0) return FERRY_OK;
    return ferry_fail(status, FERRY_OUT_OF_RANGE, "the size is 0 bytes");
  }
  pthread_mutex_lock(&memory_mutex);
  *found = find_block(index, handle);
  pthread_mutex_unlock(&memory_mutex);
  if (*found == NULL) {
    return ferry_fail(status, FERRY_INVALID_ARGUMENT,
                      "the toy did not allocate this memory");
  }
  // Written so that no sum can wrap.
  if (offset_bytes > (*found)->size_bytes ||
      size_bytes > (*found)->size_bytes - offset_bytes) {
    return ferry_fail(status, FERRY_OUT_OF_RANGE,
                      "the range is not inside the memory");
  }
  return FERRY_OK;
}

// Makes the pages of a block accessible. Its mutex is held.
static int32_t open_pages(block* opened, ferry_status* status) {
  if (mprotect(opened->pages, opened->size_bytes, PROT_READ | PROT_WRITE) ==
      0) {
    return FERRY_OK;
  }
  return ferry_fail(status, FERRY_RESOURCE_EXHAUSTED,
                    "the toy cannot make its memory accessible");
}

static void close_pages(block* closed) {
  mprotect(closed->pages, closed->size_bytes, PROT_NONE);
}

static int32_t copy(void* context, const ferry_copy* copy,
                    ferry_status* status) {
  (void)context;
  if (copy->direction != FERRY_COPY_TO_DEVICE &&
      copy->direction != FERRY_COPY_TO_HOST) {
    return ferry_fail(status, FERRY_UNIMPLEMENTED,
                      "the toy copies only to a device and to the host");
  }
  block* found;
  int32_t code =
      find_range(copy->device_index, copy->handle, copy->offset_bytes,
                 copy->size_bytes, &found, status);
  if (code != FERRY_OK || copy->size_bytes == 0) return code;
  pthread_mutex_lock(&found->mutex);
  code = open_pages(found, status);
  if (code == FERRY_OK) {
    char* bytes = (char*)found->pages + copy->offset_bytes;
    if (copy->direction == FERRY_COPY_TO_DEVICE) {
      memcpy(bytes, copy->host_source, copy->size_bytes);
    } else {
      memcpy(copy->host_destination, bytes, copy->size_bytes);
    }
    close_pages(found);
  }
  pthread_mutex_unlock(&found->mutex);
  return code;
}

// -----------------------------------------------------------------------------
// Copies between devices
// -----------------------------------------------------------------------------

static int32_t copy_between(void* context, const ferry_device_copy* copy,
                            ferry_status* status) {
  (void)context;
  uint64_t source_offset = copy->source_offset_bytes;
  uint64_t destination_offset = copy->destination_offset_bytes;
  uint64_t size_bytes = copy->size_bytes;
  block *source, *destination;
  int32_t code = find_range(copy->source_index, copy->source_handle,
                            source_offset, size_bytes, &source, status);
  if (code != FERRY_OK) return code;
  code = find_range(copy->destination_index, copy->destination_handle,
                    destination_offset, size_bytes, &destination, status);
  if (code != FERRY_OK || size_bytes == 0) return code;
  if (source == destination &&
      source_offset < destination_offset + size_bytes &&
      destination_offset < source_offset + size_bytes) {
    return ferry_fail(status, FERRY_INVALID_ARGUMENT, "the ranges overlap");
  }
  // The order of the locks does not depend on the direction. Otherwise two
  // copies in opposite directions could wait for each other for ever.
  block* first = source < destination ? source : destination;
  block* second = first == source ? destination : source;
  pthread_mutex_lock(&first->mutex);
  if (second != first) pthread_mutex_lock(&second->mutex);
  code = open_pages(source, status);
  if (code == FERRY_OK) code = open_pages(destination, status);
  if (code == FERRY_OK) {
    memcpy((char*)destination->pages + destination_offset,
           (const char*)source->pages + source_offset, size_bytes);
  }
  close_pages(source);
  close_pages(destination);
  if (second != first) pthread_mutex_unlock(&second->mutex);
  pthread_mutex_unlock(&first->mutex);
  return code;
}

// -----------------------------------------------------------------------------
// Location tags
// -----------------------------------------------------------------------------

// What PyTorch calls the devices of a backend that gave itself no name.
#define OTHER_NAME "privateuseone:"

static int32_t device_tag(void* context, uint32_t index, ferry_tag* out,
                          ferry_status* status) {
  (void)context;
  if (index >= DEVICE_COUNT) {
    return ferry_fail(status, FERRY_OUT_OF_RANGE, "there is no such toy");
  }
#ifdef TOY_PRIVATEUSEONE
  strcpy(out->text, OTHER_NAME);
#else
  strcpy(out->text, "toy:");
#endif
  const char digit[] = {(char)('0' + index), '\0'};
  strcat(out->text, digit);
  return FERRY_OK;
}

// Claims "privateuseone:N", where N is a decimal number without leading zeros.
static int32_t find_device(void* context, const ferry_string* tag,
                           uint32_t* index, ferry_status* status) {
  (void)context;
  const uint64_t start = sizeof(OTHER_NAME) - 1;
  if (tag->size_bytes <= start || memcmp(tag->data, OTHER_NAME, start) != 0) {
    return FERRY_OK;
  }
  uint32_t number = 0;
  for (uint64_t i = start; i < tag->size_bytes; ++i) {
    if (tag->data[i] < '0' || tag->data[i] > '9') return FERRY_OK;
    if (i > start && number == 0) return FERRY_OK;
    // Far more than there are toys, and far from an overflow.
    if (number < 1000) number = number * 10 + (uint32_t)(tag->data[i] - '0');
  }
  (void)status;
  *index = number;
  return FERRY_OK;
}

#ifdef TOY_ASYNC
uint32_t toy_device_count(void) { return DEVICE_COUNT; }

int32_t toy_copy(const ferry_copy* request, ferry_status* status) {
  return copy(NULL, request, status);
}
#endif

// -----------------------------------------------------------------------------
// What the host is told
// -----------------------------------------------------------------------------

#ifdef TOY_ASYNC
#define CAPABILITIES                                      \
  (FERRY_CAPABILITY_TAGS | FERRY_CAPABILITY_DEVICE_COPY | \
   FERRY_CAPABILITY_ASYNC | FERRY_CAPABILITY_HOST_ALLOC)
#else
#define CAPABILITIES (FERRY_CAPABILITY_TAGS | FERRY_CAPABILITY_DEVICE_COPY)
#endif

static const ferry_backend kToy = {
    .struct_size = sizeof(ferry_backend),
    .type = FERRY_STRING("toy"),
    .device_count = device_count,
    .device_properties = device_properties,
    .allocate = allocate,
    .free = free_memory,
    .copy = copy,
    .capabilities = CAPABILITIES,
    .device_tag = device_tag,
    .find_device = find_device,
    .copy_between = copy_between,
#ifdef TOY_ASYNC
    .queue_create = toy_queue_create,
    .queue_destroy = toy_queue_destroy,
    .copy_async = toy_copy_async,
    .event_wait = toy_event_wait,
    .event_release = toy_event_release,
    .host_allocate = toy_host_allocate,
    .host_free = toy_host_free,
#endif
};

static const ferry_backend* const kBackends[] = {&kToy};

static const ferry_plugin kPlugin = {
    .struct_size = sizeof(ferry_plugin),
    .abi_minor = FERRY_PLUGIN_ABI_MINOR,
    .lowest_host_minor = FERRY_PLUGIN_ABI_LOWEST_MINOR,
    .sanitizer = FERRY_SANITIZER,
    .name = FERRY_STRING("org.ferry.toy"),
    .version = FERRY_STRING("1.0.0"),
    .vendor = FERRY_STRING("The Ferry Authors"),
    .backend_count = 1,
    .backends = kBackends,
};

int32_t ferry_plugin_query_v0(const ferry_host_info* host,
                              const ferry_plugin** plugin,
                              ferry_status* status) {
  return ferry_negotiate(host, &kPlugin, plugin, status);
}
