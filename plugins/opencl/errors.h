// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/opencl/errors.h
// -----------------------------------------------------------------------------
//
// Turns errors of OpenCL into statuses of the plugin interface.
#ifndef FERRY_PLUGINS_OPENCL_ERRORS_H_
#define FERRY_PLUGINS_OPENCL_ERRORS_H_

#include "api.h"
#include "ferry/plugin.h"

// Returns the name of an error, such as "CL_OUT_OF_RESOURCES". Returns "an
// unknown error" for a number that OpenCL does not define.
const char* opencl_error_name(cl_int error);

// Reports that `what` (a function of OpenCL, or "the copy") failed with
// `error`. Fills `status`, with the number of the error as the vendor's code,
// and returns the status code:
//   FERRY_RESOURCE_EXHAUSTED: the device or the host has too little memory.
//   FERRY_UNAVAILABLE: the device is lost. OpenCL has no error of its own for
//     this. The plugin passes only valid objects, so a driver that calls the
//     device, context or queue invalid has lost it.
//   FERRY_INTERNAL: everything else. The plugin checks the host's arguments
//     before OpenCL sees them.
int32_t opencl_fail(ferry_status* status, const char* what, cl_int error);

// Reports that the host has too little memory. Fills `status`, and returns
// FERRY_RESOURCE_EXHAUSTED.
int32_t opencl_no_host_memory(ferry_status* status);

#endif  // FERRY_PLUGINS_OPENCL_ERRORS_H_
