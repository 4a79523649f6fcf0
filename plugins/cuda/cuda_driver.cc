// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "cuda_driver.h"

#include <dlfcn.h>
#include <stdlib.h>

#include <cstdarg>
#include <cstdio>

#include "ferry/plugin.h"

namespace ferry_cuda {
namespace {

constexpr char kDefaultLibrary[] = "libcuda.so.1";
constexpr char kLibraryVariable[] = "FERRY_CUDA_DRIVER";

__attribute__((format(printf, 3, 4))) void SetAbsence(DriverState* state,
                                                      uint32_t absence,
                                                      const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(state->why, sizeof(state->why), format, arguments);
  va_end(arguments);
  state->absence = absence;
  state->device_count = 0;
}

void SetStubAbsence(DriverState* state, const char* library) {
  SetAbsence(state, FERRY_ABSENCE_NO_DRIVER,
             "found only the stub library of the CUDA Toolkit; remove its "
             "folder from LD_LIBRARY_PATH: %.128s",
             library);
}

// Explains an error of cuInit or cuDeviceGetCount.
void SetInitAbsence(DriverState* state, const char* library, Result error) {
  const char* const visible = getenv("CUDA_VISIBLE_DEVICES");
  switch (error) {
    case kStubLibrary:
      return SetStubAbsence(state, library);
    case kNoDevice:
      if (visible != nullptr) {
        return SetAbsence(state, FERRY_ABSENCE_NO_DEVICE,
                          "the driver shows no GPU; CUDA_VISIBLE_DEVICES=%.64s "
                          "hides the others",
                          visible);
      }
      return SetAbsence(state, FERRY_ABSENCE_NO_DEVICE,
                        "the driver finds no GPU; in a container, check that "
                        "it was started with access to the GPU");
    case kNotPermitted:
      return SetAbsence(state, FERRY_ABSENCE_NO_PERMISSION,
                        "the driver refuses access; check the permissions of "
                        "/dev/nvidia*");
    case kSystemNotReady:
      return SetAbsence(state, FERRY_ABSENCE_NO_DEVICE,
                        "the driver is not ready; check that the services of "
                        "the system, such as nvidia-fabricmanager, run");
    case kSystemDriverMismatch:
      return SetAbsence(state, FERRY_ABSENCE_DRIVER_TOO_OLD,
                        "the library and the kernel module of the driver have "
                        "different versions; restart the machine");
    case kCompatNotSupportedOnDevice:
      return SetAbsence(state, FERRY_ABSENCE_DRIVER_TOO_OLD,
                        "this GPU does not support the compatibility package "
                        "in use; install a newer driver");
    default:
      return SetAbsence(state, FERRY_ABSENCE_NO_DEVICE,
                        "the driver cannot start: %s (code %d) %s",
                        ErrorName(state->driver, error), error,
                        ErrorText(state->driver, error));
  }
}

// Returns the name of a function that the library lacks, or null.
const char* FindFunctions(void* library, Driver* driver) {
#define FERRY_CUDA_FIND(member, name, parameters)                    \
  driver->member =                                                   \
      reinterpret_cast<Result(*) parameters>(dlsym(library, #name)); \
  if (driver->member == nullptr) return #name;
  FERRY_CUDA_FUNCTIONS(FERRY_CUDA_FIND)
#undef FERRY_CUDA_FIND
  return nullptr;
}

}  // namespace

DriverState OpenDriver() {
  DriverState state;
  const char* path = secure_getenv(kLibraryVariable);
  if (path == nullptr || path[0] == '\0') {
    path = kDefaultLibrary;
  } else if (path[0] != '/') {
    SetAbsence(&state, FERRY_ABSENCE_NO_DRIVER,
               "%s should be an absolute path, but is %.128s", kLibraryVariable,
               path);
    return state;
  }
  void* const library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) {
    const char* const error = dlerror();
    SetAbsence(&state, FERRY_ABSENCE_NO_DRIVER,
               "cannot open the NVIDIA driver: %.160s",
               error == nullptr ? path : error);
    return state;
  }
  const char* const missing = FindFunctions(library, &state.driver);
  if (missing != nullptr) {
    SetAbsence(&state, FERRY_ABSENCE_DRIVER_TOO_OLD,
               "the driver has no function %s; Ferry needs that of CUDA 11.8 "
               "or newer: %.128s",
               missing, path);
    return state;
  }
  int version = 0;
  Result result = state.driver.driver_get_version(&version);
  if (result == kStubLibrary) {
    SetStubAbsence(&state, path);
    return state;
  }
  if (result == kSuccess && version < kLowestVersion) {
    SetAbsence(&state, FERRY_ABSENCE_DRIVER_TOO_OLD,
               "the driver is that of CUDA %d.%d; Ferry needs %d.%d or newer",
               version / 1000, version % 1000 / 10, kLowestVersion / 1000,
               kLowestVersion % 1000 / 10);
    return state;
  }
  result = state.driver.init(0);
  if (result == kSuccess) {
    result = state.driver.device_get_count(&state.device_count);
  }
  if (result == kSuccess && state.device_count <= 0) result = kNoDevice;
  if (result != kSuccess) SetInitAbsence(&state, path, result);
  return state;
}

const char* ErrorName(const Driver& driver, Result error) {
  const char* text = nullptr;
  const Result result = driver.get_error_name(error, &text);
  return result == kSuccess && text != nullptr ? text : "an unknown error";
}

const char* ErrorText(const Driver& driver, Result error) {
  const char* text = nullptr;
  const Result result = driver.get_error_string(error, &text);
  return result == kSuccess && text != nullptr ? text : "";
}

}  // namespace ferry_cuda
