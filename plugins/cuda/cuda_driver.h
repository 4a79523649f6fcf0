// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/cuda/cuda_driver.h
// -----------------------------------------------------------------------------
//
// Declares the part of the CUDA driver API that the backend calls, and opens
// the driver. Ferry declares these functions itself, so building it needs no
// CUDA Toolkit. cuda_driver_drift_test compares each declaration with the
// Toolkit's cuda.h on machines that have one.
//
// The names are those that the library exports: cuda.h maps `cuMemAlloc` to
// `cuMemAlloc_v2`, for instance. The driver keeps every exported name with its
// meaning ("CUDA Compatibility", section 1), so a newer driver works too.
#ifndef FERRY_PLUGINS_CUDA_CUDA_DRIVER_H_
#define FERRY_PLUGINS_CUDA_CUDA_DRIVER_H_

#include <cstddef>
#include <cstdint>

// The names that cuda.h gives to its opaque types.
struct CUctx_st;
struct CUevent_st;
struct CUstream_st;
struct CUuuid_st;

namespace ferry_cuda {

// cuda.h declares `CUresult` as an enum, which C passes as an int.
using Result = int;
using Device = int;
using DeviceAttribute = int;               // likewise
using DevicePointer = unsigned long long;  // NOLINT: the type in cuda.h
using Context = CUctx_st*;
using Event = CUevent_st*;
using Stream = CUstream_st*;

// The error codes that the backend or the fake driver treats specially.
#define FERRY_CUDA_RESULTS(RESULT)                                      \
  RESULT(kSuccess, CUDA_SUCCESS, 0)                                     \
  RESULT(kInvalidValue, CUDA_ERROR_INVALID_VALUE, 1)                    \
  RESULT(kOutOfMemory, CUDA_ERROR_OUT_OF_MEMORY, 2)                     \
  RESULT(kNotInitialized, CUDA_ERROR_NOT_INITIALIZED, 3)                \
  RESULT(kDeinitialized, CUDA_ERROR_DEINITIALIZED, 4)                   \
  RESULT(kStubLibrary, CUDA_ERROR_STUB_LIBRARY, 34)                     \
  RESULT(kDeviceUnavailable, CUDA_ERROR_DEVICE_UNAVAILABLE, 46)         \
  RESULT(kNoDevice, CUDA_ERROR_NO_DEVICE, 100)                          \
  RESULT(kInvalidDevice, CUDA_ERROR_INVALID_DEVICE, 101)                \
  RESULT(kInvalidContext, CUDA_ERROR_INVALID_CONTEXT, 201)              \
  RESULT(kEccUncorrectable, CUDA_ERROR_ECC_UNCORRECTABLE, 214)          \
  RESULT(kNvlinkUncorrectable, CUDA_ERROR_NVLINK_UNCORRECTABLE, 220)    \
  RESULT(kInvalidHandle, CUDA_ERROR_INVALID_HANDLE, 400)                \
  RESULT(kIllegalAddress, CUDA_ERROR_ILLEGAL_ADDRESS, 700)              \
  RESULT(kLaunchTimeout, CUDA_ERROR_LAUNCH_TIMEOUT, 702)                \
  RESULT(kContextIsDestroyed, CUDA_ERROR_CONTEXT_IS_DESTROYED, 709)     \
  RESULT(kAssert, CUDA_ERROR_ASSERT, 710)                               \
  RESULT(kHardwareStackError, CUDA_ERROR_HARDWARE_STACK_ERROR, 714)     \
  RESULT(kIllegalInstruction, CUDA_ERROR_ILLEGAL_INSTRUCTION, 715)      \
  RESULT(kMisalignedAddress, CUDA_ERROR_MISALIGNED_ADDRESS, 716)        \
  RESULT(kInvalidAddressSpace, CUDA_ERROR_INVALID_ADDRESS_SPACE, 717)   \
  RESULT(kInvalidPc, CUDA_ERROR_INVALID_PC, 718)                        \
  RESULT(kLaunchFailed, CUDA_ERROR_LAUNCH_FAILED, 719)                  \
  RESULT(kNotPermitted, CUDA_ERROR_NOT_PERMITTED, 800)                  \
  RESULT(kNotSupported, CUDA_ERROR_NOT_SUPPORTED, 801)                  \
  RESULT(kSystemNotReady, CUDA_ERROR_SYSTEM_NOT_READY, 802)             \
  RESULT(kSystemDriverMismatch, CUDA_ERROR_SYSTEM_DRIVER_MISMATCH, 803) \
  RESULT(kCompatNotSupportedOnDevice,                                   \
         CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE, 804)                \
  RESULT(kUnknown, CUDA_ERROR_UNKNOWN, 999)

// More of them, which older versions of cuda.h lack; version 13.0 has all.
#define FERRY_CUDA_NEW_RESULTS(RESULT)                                \
  RESULT(kContained, CUDA_ERROR_CONTAINED, 226)                       \
  RESULT(kTensorMemoryLeak, CUDA_ERROR_TENSOR_MEMORY_LEAK, 721)       \
  RESULT(kMpsClientTerminated, CUDA_ERROR_MPS_CLIENT_TERMINATED, 810) \
  RESULT(kExternalDevice, CUDA_ERROR_EXTERNAL_DEVICE, 911)

#define FERRY_CUDA_CONSTANT(ours, theirs, value) \
  inline constexpr Result ours = value;
FERRY_CUDA_RESULTS(FERRY_CUDA_CONSTANT)
FERRY_CUDA_NEW_RESULTS(FERRY_CUDA_CONSTANT)
#undef FERRY_CUDA_CONSTANT

inline constexpr unsigned int kStreamNonBlocking = 1;
inline constexpr unsigned int kEventBlockingSync = 1;
inline constexpr unsigned int kEventDisableTiming = 2;
inline constexpr unsigned int kHostAllocPortable = 1;

// Whether a device has memory pools: cuMemAllocAsync and cuMemFreeAsync.
inline constexpr DeviceAttribute kMemoryPoolsSupported = 115;

// The functions: the member of `Driver`, the exported name, the parameters.
#define FERRY_CUDA_FUNCTIONS(FUNCTION)                                        \
  FUNCTION(init, cuInit, (unsigned int flags))                                \
  FUNCTION(driver_get_version, cuDriverGetVersion, (int* version))            \
  FUNCTION(get_error_name, cuGetErrorName, (Result error, const char** text)) \
  FUNCTION(get_error_string, cuGetErrorString,                                \
           (Result error, const char** text))                                 \
  FUNCTION(device_get_count, cuDeviceGetCount, (int* count))                  \
  FUNCTION(device_get, cuDeviceGet, (Device * device, int ordinal))           \
  FUNCTION(device_get_attribute, cuDeviceGetAttribute,                        \
           (int* value, DeviceAttribute attribute, Device device))            \
  FUNCTION(device_get_name, cuDeviceGetName,                                  \
           (char* name, int capacity, Device device))                         \
  FUNCTION(device_get_uuid, cuDeviceGetUuid_v2,                               \
           (CUuuid_st * uuid, Device device))                                 \
  FUNCTION(device_total_mem, cuDeviceTotalMem_v2,                             \
           (size_t * size_bytes, Device device))                              \
  FUNCTION(device_primary_ctx_retain, cuDevicePrimaryCtxRetain,               \
           (Context * context, Device device))                                \
  FUNCTION(ctx_push_current, cuCtxPushCurrent_v2, (Context context))          \
  FUNCTION(ctx_pop_current, cuCtxPopCurrent_v2, (Context * context))          \
  FUNCTION(mem_get_info, cuMemGetInfo_v2,                                     \
           (size_t * free_bytes, size_t * total_bytes))                       \
  FUNCTION(mem_alloc, cuMemAlloc_v2,                                          \
           (DevicePointer * address, size_t size_bytes))                      \
  FUNCTION(mem_free, cuMemFree_v2, (DevicePointer address))                   \
  FUNCTION(mem_alloc_async, cuMemAllocAsync,                                  \
           (DevicePointer * address, size_t size_bytes, Stream stream))       \
  FUNCTION(mem_free_async, cuMemFreeAsync,                                    \
           (DevicePointer address, Stream stream))                            \
  FUNCTION(mem_host_alloc, cuMemHostAlloc,                                    \
           (void** address, size_t size_bytes, unsigned int flags))           \
  FUNCTION(mem_free_host, cuMemFreeHost, (void* address))                     \
  FUNCTION(                                                                   \
      memcpy_htod_async, cuMemcpyHtoDAsync_v2,                                \
      (DevicePointer to, const void* from, size_t size_bytes, Stream stream)) \
  FUNCTION(memcpy_dtoh_async, cuMemcpyDtoHAsync_v2,                           \
           (void* to, DevicePointer from, size_t size_bytes, Stream stream))  \
  FUNCTION(memcpy_dtod_async, cuMemcpyDtoDAsync_v2,                           \
           (DevicePointer to, DevicePointer from, size_t size_bytes,          \
            Stream stream))                                                   \
  FUNCTION(memcpy_peer_async, cuMemcpyPeerAsync,                              \
           (DevicePointer to, Context to_context, DevicePointer from,         \
            Context from_context, size_t size_bytes, Stream stream))          \
  FUNCTION(stream_create, cuStreamCreate,                                     \
           (Stream * stream, unsigned int flags))                             \
  FUNCTION(stream_destroy, cuStreamDestroy_v2, (Stream stream))               \
  FUNCTION(stream_synchronize, cuStreamSynchronize, (Stream stream))          \
  FUNCTION(event_create, cuEventCreate, (Event * event, unsigned int flags))  \
  FUNCTION(event_destroy, cuEventDestroy_v2, (Event event))                   \
  FUNCTION(event_record, cuEventRecord, (Event event, Stream stream))         \
  FUNCTION(event_synchronize, cuEventSynchronize, (Event event))

// The driver's functions.
struct Driver {
#define FERRY_CUDA_MEMBER(member, name, parameters) Result(*member) parameters;
  FERRY_CUDA_FUNCTIONS(FERRY_CUDA_MEMBER)
#undef FERRY_CUDA_MEMBER
};

// The oldest CUDA version whose driver the backend accepts, as
// cuDriverGetVersion encodes it: 11.8.
inline constexpr int kLowestVersion = 11080;

// The driver, or why there is none.
struct DriverState {
  Driver driver = {};
  // The number of devices; 0 if the driver cannot be used.
  int device_count = 0;
  // Read only if there is no device.
  uint32_t absence = 0;  // FERRY_ABSENCE_*
  char why[256] = {};
};

// Opens and initialises the driver: the library that the environment variable
// FERRY_CUDA_DRIVER names by an absolute path, or libcuda.so.1. Ignores the
// variable if the process has more rights than its user (secure_getenv). Takes
// a second or less with a driver, and less than a millisecond without one.
// The library is never unloaded.
DriverState OpenDriver();

// Returns the driver's name for `error`, such as "CUDA_ERROR_OUT_OF_MEMORY", or
// "an unknown error". The stub library has no names and returns null.
const char* ErrorName(const Driver& driver, Result error);

// Returns the driver's description of `error`, or "".
const char* ErrorText(const Driver& driver, Result error);

// Whether a device is lost after `error`: its memory cannot be used any more.
// The quotations are from the documentation of CUresult.
inline bool LosesDevice(Result error) {
  switch (error) {
    // "This leaves the process in an inconsistent state and any further CUDA
    // work will return the same error. To continue using CUDA, the process must
    // be terminated and relaunched."
    case kContained:
    case kIllegalAddress:
    case kLaunchTimeout:
    case kHardwareStackError:
    case kIllegalInstruction:
    case kMisalignedAddress:
    case kInvalidAddressSpace:
    case kInvalidPc:
    case kLaunchFailed:
    case kTensorMemoryLeak:
    case kExternalDevice:
      return true;
    // "[...] the MPS client has been terminated by the server. To continue
    // using CUDA, the process must be terminated and relaunched."
    case kMpsClientTerminated:
      return true;
    // "The context cannot be used anymore, and must be destroyed. All existing
    // device memory allocations from this context are invalid".
    case kAssert:
      return true;
    // "[...] the context current to the calling thread has been destroyed",
    // such as by cuDevicePrimaryCtxReset: the memory went with it.
    case kContextIsDestroyed:
      return true;
    // "[...] an uncorrectable ECC error was detected during execution", and the
    // same of NVLink: no byte on the device can be relied on.
    case kEccUncorrectable:
    case kNvlinkUncorrectable:
      return true;
    default:
      return false;
  }
}

}  // namespace ferry_cuda

#endif  // FERRY_PLUGINS_CUDA_CUDA_DRIVER_H_
