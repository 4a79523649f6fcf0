// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/opencl/api.h
// -----------------------------------------------------------------------------
//
// The functions of OpenCL that the plugin calls. The plugin is compiled against
// OpenCL's headers, but does not link its loader: it opens "libOpenCL.so.1"
// when a device is first needed. The same plugin therefore also works, without
// devices, on a machine that has no OpenCL.
//
// All of them are functions of OpenCL 1.2, the lowest version that the plugin
// accepts.
#ifndef FERRY_PLUGINS_OPENCL_API_H_
#define FERRY_PLUGINS_OPENCL_API_H_

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <CL/cl_ext.h>
#include <stddef.h>

#define OPENCL_FUNCTIONS(F)      \
  F(clCreateBuffer)              \
  F(clCreateCommandQueue)        \
  F(clCreateContext)             \
  F(clEnqueueCopyBuffer)         \
  F(clEnqueueMapBuffer)          \
  F(clEnqueueMarkerWithWaitList) \
  F(clEnqueueReadBuffer)         \
  F(clEnqueueUnmapMemObject)     \
  F(clEnqueueWriteBuffer)        \
  F(clFinish)                    \
  F(clFlush)                     \
  F(clGetDeviceIDs)              \
  F(clGetDeviceInfo)             \
  F(clGetEventInfo)              \
  F(clGetPlatformIDs)            \
  F(clGetPlatformInfo)           \
  F(clReleaseCommandQueue)       \
  F(clReleaseEvent)              \
  F(clReleaseMemObject)          \
  F(clWaitForEvents)

typedef struct opencl_api {
#define OPENCL_DECLARE(name) __typeof__(&name) name;
  OPENCL_FUNCTIONS(OPENCL_DECLARE)
#undef OPENCL_DECLARE
} opencl_api;

// Filled by `opencl_open`. Call a function as `opencl.clFinish(queue)`.
extern opencl_api opencl;

// What `opencl_open` found.
#define OPENCL_OPENED 0
#define OPENCL_NO_LOADER 1  // "libOpenCL.so.1" cannot be opened
#define OPENCL_TOO_OLD 2    // it lacks a function of OpenCL 1.2

// Opens OpenCL's loader and fills `opencl`. If it cannot, writes the reason to
// `why`, which has room for `why_bytes`. Call it once, before all other threads
// that use `opencl`. The library is never closed: drivers keep threads in it.
int opencl_open(char* why, size_t why_bytes);

#endif  // FERRY_PLUGINS_OPENCL_API_H_
