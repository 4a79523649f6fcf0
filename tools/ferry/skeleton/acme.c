// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// A plugin for the device type "acme". It works as it stands: its one device
// keeps its memory on the heap of the host. Replace the five functions by calls
// of your driver; include/ferry/plugin.h says what each of them has to do.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ferry/plugin.h"

enum { kDeviceCount = 1 };

// Memory of the device. Its handle is its address, so there is no table of
// handles, and no lock. A plugin that keeps a table needs one: all functions
// may be called by many threads at once.
typedef struct block {
  uint64_t size_bytes;
  unsigned char bytes[];
} block;

static block* block_of(uint64_t handle) { return (block*)(uintptr_t)handle; }

static int32_t no_such_device(ferry_status* status) {
  return ferry_fail(status, FERRY_OUT_OF_RANGE, "there is no such acme device");
}

static int32_t device_count(void* context, ferry_devices* out,
                            ferry_status* status) {
  (void)context;
  (void)status;
  // Without a device, set `absence` and `why`, and return FERRY_OK all the
  // same.
  out->count = kDeviceCount;
  return FERRY_OK;
}

static int32_t device_properties(void* context, uint32_t index,
                                 ferry_device_properties* out,
                                 ferry_status* status) {
  (void)context;
  if (index >= kDeviceCount) return no_such_device(status);
  strcpy(out->name, "acme device in host memory");
  out->memory_bytes = 0;      // unknown
  out->copy_chunk_bytes = 0;  // the host chooses
  return FERRY_OK;
}

static int32_t allocate(void* context, uint32_t index, uint64_t size_bytes,
                        uint64_t* handle, ferry_status* status) {
  (void)context;
  if (index >= kDeviceCount) return no_such_device(status);
  // The host may ask for any size, so no sum may wrap.
  block* made = NULL;
  if (size_bytes <= SIZE_MAX - sizeof(*made)) {
    made = malloc(sizeof(*made) + size_bytes);
  }
  if (made == NULL) {
    return ferry_fail(status, FERRY_RESOURCE_EXHAUSTED,
                      "acme does not have that much memory");
  }
  made->size_bytes = size_bytes;
  *handle = (uint64_t)(uintptr_t)made;
  return FERRY_OK;
}

static int32_t free_memory(void* context, uint32_t index, uint64_t handle,
                           ferry_status* status) {
  (void)context;
  (void)index;
  (void)status;
  free(block_of(handle));
  return FERRY_OK;
}

static int32_t copy(void* context, const ferry_copy* copy,
                    ferry_status* status) {
  (void)context;
  if (copy->direction != FERRY_COPY_TO_DEVICE &&
      copy->direction != FERRY_COPY_TO_HOST) {
    return ferry_fail(status, FERRY_UNIMPLEMENTED,
                      "acme copies only to a device and to the host");
  }
  if (copy->device_index >= kDeviceCount) return no_such_device(status);
  block* used = block_of(copy->handle);
  if (copy->offset_bytes > used->size_bytes ||
      copy->size_bytes > used->size_bytes - copy->offset_bytes) {
    return ferry_fail(status, FERRY_OUT_OF_RANGE,
                      "the range is not inside the memory");
  }
  // The pointers may be null.
  if (copy->size_bytes == 0) return FERRY_OK;
  unsigned char* bytes = used->bytes + copy->offset_bytes;
  if (copy->direction == FERRY_COPY_TO_DEVICE) {
    memcpy(bytes, copy->host_source, copy->size_bytes);
  } else {
    memcpy(copy->host_destination, bytes, copy->size_bytes);
  }
  return FERRY_OK;
}

static const ferry_backend kBackend = {
    .struct_size = sizeof(ferry_backend),
    .type = FERRY_STRING("acme"),
    .device_count = device_count,
    .device_properties = device_properties,
    .allocate = allocate,
    .free = free_memory,
    .copy = copy,
};

static const ferry_backend* const kBackends[] = {&kBackend};

// The name and the version must be those in acme.json.
static const ferry_plugin kPlugin = {
    .struct_size = sizeof(ferry_plugin),
    .abi_minor = FERRY_PLUGIN_ABI_MINOR,
    .lowest_host_minor = FERRY_PLUGIN_ABI_LOWEST_MINOR,
    .sanitizer = FERRY_SANITIZER,
    .name = FERRY_STRING("com.example.acme"),
    .version = FERRY_STRING("0.1.0"),
    .vendor = FERRY_STRING("Example"),
    .backend_count = 1,
    .backends = kBackends,
};

int32_t ferry_plugin_query_v0(const ferry_host_info* host,
                              const ferry_plugin** plugin,
                              ferry_status* status) {
  return ferry_negotiate(host, &kPlugin, plugin, status);
}
