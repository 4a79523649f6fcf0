// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/opencl/discovery.h
// -----------------------------------------------------------------------------
//
// Finds the OpenCL devices of the machine.
#ifndef FERRY_PLUGINS_OPENCL_DISCOVERY_H_
#define FERRY_PLUGINS_OPENCL_DISCOVERY_H_

#include <stdint.h>

#include "devices.h"
#include "ferry/plugin.h"

typedef struct opencl_machine {
  opencl_device* devices;
  uint32_t count;
  // If `count` is 0: FERRY_ABSENCE_*, and the reason for display.
  uint32_t absence;
  char why[256];
} opencl_machine;

// Opens OpenCL and fills `machine`, which is all zero. Call it once.
//
// Some drivers install signal handlers when their devices are first listed
// (PoCL: SIGFPE, SIGSEGV and SIGUSR2). A plugin must not change the process
// that way, so this function puts the handlers back that were there before.
void opencl_discover(opencl_machine* machine);

#endif  // FERRY_PLUGINS_OPENCL_DISCOVERY_H_
