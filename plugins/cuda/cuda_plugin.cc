// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// The plugin's description: its names, and the table of functions.

#include "cuda_plugin.h"

#include "cuda_calls.h"
#include "cuda_queues.h"
#include "ferry/plugin.h"

namespace ferry_cuda {
namespace {

ferry_backend MakeBackend() {
  ferry_backend backend = {};
  backend.struct_size = sizeof(backend);
  backend.capabilities = FERRY_CAPABILITY_ASYNC | FERRY_CAPABILITY_HOST_ALLOC |
                         FERRY_CAPABILITY_DEVICE_COPY;
  backend.type = FERRY_STRING("cuda");
  backend.device_count = DeviceCount;
  backend.device_properties = DeviceProperties;
  backend.allocate = Allocate;
  backend.free = Free;
  backend.copy = Copy;
  backend.queue_create = QueueCreate;
  backend.queue_destroy = QueueDestroy;
  backend.copy_async = CopyAsync;
  backend.event_wait = EventWait;
  backend.event_release = EventRelease;
  backend.host_allocate = HostAllocate;
  backend.host_free = HostFree;
  backend.copy_between = CopyBetween;
  return backend;
}

ferry_plugin MakePlugin(const ferry_backend* const* backends) {
  ferry_plugin plugin = {};
  plugin.struct_size = sizeof(plugin);
  plugin.abi_minor = FERRY_PLUGIN_ABI_MINOR;
  plugin.lowest_host_minor = FERRY_PLUGIN_ABI_LOWEST_MINOR;
  plugin.sanitizer = FERRY_SANITIZER;
  plugin.name = FERRY_STRING("org.ferry.cuda");
  plugin.version = FERRY_STRING("0.1.0");
  plugin.vendor = FERRY_STRING("The Ferry Authors");
  plugin.backend_count = 1;
  plugin.backends = backends;
  return plugin;
}

}  // namespace
}  // namespace ferry_cuda

int32_t ferry_cuda_query(const ferry_host_info* host,
                         const ferry_plugin** plugin,
                         ferry_status* status) noexcept {
  static const ferry_backend backend = ferry_cuda::MakeBackend();
  static const ferry_backend* const backends[] = {&backend};
  static const ferry_plugin self = ferry_cuda::MakePlugin(backends);
  return ferry_negotiate(host, &self, plugin, status);
}
