// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/cuda/testing/fake_driver.h
// -----------------------------------------------------------------------------
//
// A library that exports the functions of the CUDA driver that the backend
// calls, and models what NVIDIA's documentation says of them, in host memory.
// It runs no kernels and has no GPU: it shows what the backend calls in which
// order, and nothing about hardware, real drivers or speed. Its devices are
// named "Fake GPU", and no test on it counts as a run on CUDA.
//
// The backend opens it like a driver, by its path in FERRY_CUDA_DRIVER. Its
// first call reads the environment variable FERRY_FAKE_DRIVER: settings
// separated by commas, such as "devices=2,seed=7,timing=late".
//
//   devices=N       the number of devices, 0 to 16. Default: 2
//   memory=BYTES    the memory of each device. Default: 1 GiB
//   pools=N         whether the devices have memory pools, 0 or 1. Default: 1
//   version=N       the result of cuDriverGetVersion. Default: 12040
//   seed=N          the seed of all timing. Default: 1
//   timing=T        when the work of a stream runs: "eager" (at once), "late"
//                   (when a call waits for it, or after a while), or "random"
//                   (either, or after a short delay). Default: random
//   init=CODE       cuInit returns this error
//   stub=1          every function returns CUDA_ERROR_STUB_LIBRARY, and errors
//                   have no names, as the Toolkit's stub library does
//   fail=NAME:N:CODE
//                   the N-th call of a function, counted from 1, returns CODE
//                   and does nothing else. A code after which a device is lost
//                   (LosesDevice) loses it. May be given several times
//   lose=N          the N-th copy that a stream runs, counted from 1, does not
//                   happen, and the device is lost (CUDA_ERROR_ILLEGAL_ADDRESS)
//   streams=N       the number of streams of each device that are no leak: a
//                   backend may keep some for later calls. Default: 9
//   bus=BYTES_PER_SECOND:NANOSECONDS
//                   how fast the bus of each device is and the latency of each
//                   copy (fake_bus.h). A call that copies pageable memory then
//                   returns when the copy has ended. Default: copies take the
//                   time of a memcpy
//   discard=1       copies move no bytes, as if a copy engine moved them and
//                   not the CPU, and memory is not filled with garbage. For
//                   timing only
//   report=PATH     at exit, the report is appended to this file
//   log=PATH        at exit, the log of all calls is appended to this file
//
// A violation is something that a correct backend never does, such as freeing
// memory that a copy uses. It is printed, and ends the process. A leak is
// something that is left at exit.
#ifndef FERRY_PLUGINS_CUDA_TESTING_FAKE_DRIVER_H_
#define FERRY_PLUGINS_CUDA_TESTING_FAKE_DRIVER_H_

#include <cstddef>
#include <cstdint>

namespace fake_driver {

// The handles of the default streams (CU_STREAM_LEGACY and
// CU_STREAM_PER_THREAD), whose use is a violation.
inline constexpr uintptr_t kStreamLegacy = 1;
inline constexpr uintptr_t kStreamPerThread = 2;

}  // namespace fake_driver

extern "C" {

// Writes the report so far, null-terminated and truncated to `capacity`: one
// line for each kind of leak, empty if there are none.
// Returns its full length in bytes.
size_t fake_driver_report(char* text, size_t capacity);

// Writes the log of all calls so far in the same way: one line for each, such
// as "cuMemAlloc_v2(4096) = 0".
size_t fake_driver_log(char* text, size_t capacity);

// Loses device `index` with the sticky error `code`.
void fake_driver_lose(int index, int code);

// The types of the functions, for dlsym.
typedef size_t (*FakeDriverText)(char* text, size_t capacity);
typedef void (*FakeDriverLose)(int index, int code);

}  // extern "C"

#endif  // FERRY_PLUGINS_CUDA_TESTING_FAKE_DRIVER_H_
