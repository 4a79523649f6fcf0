// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// The query function under the name that a shared object exports.

#include "cuda_plugin.h"
#include "ferry/plugin.h"

int32_t ferry_plugin_query_v0(const ferry_host_info* host,
                              const ferry_plugin** plugin,
                              ferry_status* status) noexcept {
  return ferry_cuda_query(host, plugin, status);
}
