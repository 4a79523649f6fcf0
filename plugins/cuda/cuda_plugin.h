// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/cuda/cuda_plugin.h
// -----------------------------------------------------------------------------
//
// NVIDIA GPUs: the device type "cuda", as a plugin that can be linked into a
// program. Like every plugin it sees only the C header of the interface. It
// opens the driver when it is first asked for devices, so a program that links
// it also runs on machines without a GPU.
//
// The handle of an allocation is its CUdeviceptr, in the device's primary
// context, which the CUDA runtime and PyTorch use too. A handle of 0 is an
// allocation of 0 bytes.
#ifndef FERRY_PLUGINS_CUDA_CUDA_PLUGIN_H_
#define FERRY_PLUGINS_CUDA_CUDA_PLUGIN_H_

#include "ferry/plugin.h"

extern "C" {

// The query function of the plugin, under a name that does not collide with
// that of another plugin in the same program. The program passes it to
// `PluginLoader::LoadLinked`, or links //plugins:register_cuda.
int32_t ferry_cuda_query(const ferry_host_info* host,
                         const ferry_plugin** plugin,
                         ferry_status* status) FERRY_NOEXCEPT;

}  // extern "C"

#endif  // FERRY_PLUGINS_CUDA_CUDA_PLUGIN_H_
