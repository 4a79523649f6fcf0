// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/cuda/cuda_device.h
// -----------------------------------------------------------------------------
//
// The devices of the process, and what every call on one of them needs: the
// checks before it, the current context during it, and the report of an error.
//
// Example: a function of the plugin that works on device `index`.
//
//   ScopedDevice device(index, status);
//   if (!device.ok()) return device.code();
//   const Result result = device.driver().mem_free(address);
//   if (result == kSuccess) return FERRY_OK;
//   return device.Fail("cuMemFree", result);
#ifndef FERRY_PLUGINS_CUDA_CUDA_DEVICE_H_
#define FERRY_PLUGINS_CUDA_CUDA_DEVICE_H_

#include <atomic>
#include <cstdint>
#include <mutex>

#include "cuda_driver.h"
#include "ferry/plugin.h"

namespace ferry_cuda {

// A GPU.
struct Gpu {
  Device device = 0;
  // The device's primary context, retained by the first call that needs it and
  // never released. Null before.
  std::atomic<Context> context{nullptr};
  std::mutex mutex;  // guards the first retain
  // The first sticky error; 0 if there was none. The device is then lost.
  std::atomic<Result> lost{kSuccess};
};

// Returns the driver and its devices. The first call opens the driver.
const DriverState& GetDriver();

// Returns device `index`, or null if there is no such device.
Gpu* FindGpu(uint32_t index);

// Whether this process is a fork of one that had opened the driver. CUDA does
// not work there ("CUDA C++ Programming Guide", section "Initialization").
bool IsForkedChild();

// Fills `status` with an error that the driver returned from `function`, and
// returns its code. Marks `gpu` as lost if the error is sticky, and notes that
// the driver has shut down.
int32_t FailCall(Gpu* gpu, const char* function, Result result,
                 ferry_status* status);

// ScopedDevice
//
// Makes the primary context of a device current on the calling thread, and
// restores the thread's previous context when it is destroyed.
//
// The constructor fails if there is no such device, if it is lost, in a forked
// child, or if the driver cannot make the context; `ok` is then false.
class ScopedDevice {
 public:
  ScopedDevice(uint32_t index, ferry_status* status);
  ScopedDevice(Gpu* gpu, ferry_status* status);
  ScopedDevice(const ScopedDevice&) = delete;
  ScopedDevice& operator=(const ScopedDevice&) = delete;
  ~ScopedDevice();

  bool ok() const { return code_ == FERRY_OK; }
  int32_t code() const { return code_; }
  Gpu* gpu() const { return gpu_; }
  const Driver& driver() const { return GetDriver().driver; }

  int32_t Fail(const char* function, Result result) {
    return FailCall(gpu_, function, result, status_);
  }

  // As Fail, for a function that should have waited for work. Marks the device
  // as lost whatever the error is: the work may go on, so its memory must not
  // be used for anything else.
  int32_t FailWait(const char* function, Result result);
  // The same for an error that `status` reports already.
  int32_t FailWait();

 private:
  void Enter();

  Gpu* const gpu_;
  ferry_status* const status_;
  int32_t code_ = FERRY_OK;
  bool is_current_ = false;  // the destructor has to restore the context
};

// Whether memory of a device need not, and must not, be given back to the
// driver: the process has forked, the device is lost, or the driver has shut
// down because the process exits.
bool IsPastFreeing(const Gpu& gpu);

// Returns the code of a function that gives something back and could not:
// FERRY_OK, with `status` as it was, if IsPastFreeing by now.
int32_t CodeOfFreeing(const Gpu& gpu, int32_t code, ferry_status* status);

}  // namespace ferry_cuda

#endif  // FERRY_PLUGINS_CUDA_CUDA_DEVICE_H_
