// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// The OpenCL plugin: every OpenCL device is "opencl:N". docs/opencl.md says how
// to build and use it.
//
//   cc -std=c11 -shared -fPIC -fvisibility=hidden -pthread -I ../abi
//      -o libferry_opencl.so *.c -ldl

#include "ferry/plugin.h"

#include "device_copy.h"
#include "devices.h"
#include "host_memory.h"
#include "memory.h"
#include "queues.h"

static const ferry_backend kOpenCl = {
    .struct_size = sizeof(ferry_backend),
    .capabilities = FERRY_CAPABILITY_ASYNC | FERRY_CAPABILITY_HOST_ALLOC |
                    FERRY_CAPABILITY_DEVICE_COPY,
    .type = FERRY_STRING("opencl"),
    .device_count = opencl_device_count,
    .device_properties = opencl_device_properties,
    .allocate = opencl_allocate,
    .free = opencl_free,
    .copy = opencl_copy,
    .queue_create = opencl_queue_create,
    .queue_destroy = opencl_queue_destroy,
    .copy_async = opencl_copy_async,
    .event_wait = opencl_event_wait,
    .event_release = opencl_event_release,
    .host_allocate = opencl_host_allocate,
    .host_free = opencl_host_free,
    .copy_between = opencl_copy_between,
};

static const ferry_backend* const kBackends[] = {&kOpenCl};

static const ferry_plugin kPlugin = {
    .struct_size = sizeof(ferry_plugin),
    .abi_minor = FERRY_PLUGIN_ABI_MINOR,
    .lowest_host_minor = FERRY_PLUGIN_ABI_LOWEST_MINOR,
    .sanitizer = FERRY_SANITIZER,
    .name = FERRY_STRING("org.ferry.opencl"),
    .version = FERRY_STRING("0.1.0"),
    .vendor = FERRY_STRING("The Ferry Authors"),
    .backend_count = 1,
    .backends = kBackends,
};

int32_t ferry_plugin_query_v0(const ferry_host_info* host,
                              const ferry_plugin** plugin,
                              ferry_status* status) {
  return ferry_negotiate(host, &kPlugin, plugin, status);
}
