// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "errors.h"

#include <stdio.h>

const char* opencl_error_name(cl_int error) {
#define OPENCL_NAME(name) \
  case name:              \
    return #name;
  switch (error) {
    OPENCL_NAME(CL_SUCCESS)
    OPENCL_NAME(CL_DEVICE_NOT_FOUND)
    OPENCL_NAME(CL_DEVICE_NOT_AVAILABLE)
    OPENCL_NAME(CL_COMPILER_NOT_AVAILABLE)
    OPENCL_NAME(CL_MEM_OBJECT_ALLOCATION_FAILURE)
    OPENCL_NAME(CL_OUT_OF_RESOURCES)
    OPENCL_NAME(CL_OUT_OF_HOST_MEMORY)
    OPENCL_NAME(CL_PROFILING_INFO_NOT_AVAILABLE)
    OPENCL_NAME(CL_MEM_COPY_OVERLAP)
    OPENCL_NAME(CL_MAP_FAILURE)
    OPENCL_NAME(CL_MISALIGNED_SUB_BUFFER_OFFSET)
    OPENCL_NAME(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST)
    OPENCL_NAME(CL_INVALID_VALUE)
    OPENCL_NAME(CL_INVALID_DEVICE_TYPE)
    OPENCL_NAME(CL_INVALID_PLATFORM)
    OPENCL_NAME(CL_INVALID_DEVICE)
    OPENCL_NAME(CL_INVALID_CONTEXT)
    OPENCL_NAME(CL_INVALID_QUEUE_PROPERTIES)
    OPENCL_NAME(CL_INVALID_COMMAND_QUEUE)
    OPENCL_NAME(CL_INVALID_HOST_PTR)
    OPENCL_NAME(CL_INVALID_MEM_OBJECT)
    OPENCL_NAME(CL_INVALID_EVENT_WAIT_LIST)
    OPENCL_NAME(CL_INVALID_EVENT)
    OPENCL_NAME(CL_INVALID_OPERATION)
    OPENCL_NAME(CL_INVALID_BUFFER_SIZE)
    OPENCL_NAME(CL_INVALID_PROPERTY)
    OPENCL_NAME(CL_PLATFORM_NOT_FOUND_KHR)
    default:
      return "an unknown error";
  }
#undef OPENCL_NAME
}

static int is_device_lost(cl_int error) {
  return error == CL_DEVICE_NOT_AVAILABLE || error == CL_INVALID_DEVICE ||
         error == CL_INVALID_CONTEXT || error == CL_INVALID_COMMAND_QUEUE;
}

static int32_t code_of(cl_int error) {
  if (is_device_lost(error)) return FERRY_UNAVAILABLE;
  switch (error) {
    case CL_MEM_OBJECT_ALLOCATION_FAILURE:
    case CL_OUT_OF_RESOURCES:
    case CL_OUT_OF_HOST_MEMORY:
    case CL_INVALID_BUFFER_SIZE:
    case CL_MAP_FAILURE:
      return FERRY_RESOURCE_EXHAUSTED;
    default:
      // CL_SUCCESS, too: a driver that returns no object and yet reports
      // success has failed.
      return FERRY_INTERNAL;
  }
}

int32_t opencl_fail(ferry_status* status, const char* what, cl_int error) {
  char message[sizeof(status->message)];
  snprintf(message, sizeof(message), "%s failed with %s", what,
           opencl_error_name(error));
  status->vendor_code = error;
  if (is_device_lost(error)) status->flags |= FERRY_STATUS_DEVICE_LOST;
  return ferry_fail(status, code_of(error), message);
}

int32_t opencl_no_host_memory(ferry_status* status) {
  return ferry_fail(status, FERRY_RESOURCE_EXHAUSTED, "out of host memory");
}
