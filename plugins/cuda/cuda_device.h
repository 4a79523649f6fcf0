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
#include "cuda_stream_pool.h"
#include "ferry/plugin.h"

namespace ferry_cuda {

// A GPU.
struct Gpu {
  Device device = 0;
  // Whether the device allocates in the order of a stream.
  bool has_pool = false;
  // The device's primary context, retained by the first call that needs it and
  // never released. Null before.
  std::atomic<Context> context{nullptr};
  std::mutex mutex;  // guards the first retain
  // The error that lost the device; 0 as long as it is not lost.
  std::atomic<Result> lost{kSuccess};
  StreamPool streams;
};

// Returns the driver and its devices. The first call opens the driver.
const DriverState& GetDriver();

// Returns device `index`, or null if there is no such device.
Gpu* FindGpu(uint32_t index);

// Returns FERRY_OK if functions of the driver may be called for `gpu`. Returns
// FERRY_OUT_OF_RANGE if it is null, FERRY_FAILED_PRECONDITION in a forked
// child, and FERRY_UNAVAILABLE, with the first error, if it is lost. Every
// function of the plugin that is about a device makes this check, most of them
// by a ScopedDevice.
int32_t CheckUsable(Gpu* gpu, ferry_status* status);

// Fills `status` with an error that the driver returned from `function`, and
// returns its code. The device is lost if LosesDevice(result). Notes that the
// driver has shut down.
int32_t FailCall(Gpu* gpu, const char* function, Result result,
                 ferry_status* status);

// ScopedDevice
//
// Makes the primary context of a device current on the calling thread, and
// restores the thread's previous context when it is destroyed.
//
// The constructor fails if CheckUsable does, or if the driver cannot make the
// context; `ok` is then false.
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

  // Reports that `function`, which should have waited for work, failed. The
  // device is lost whatever the error is: the work may go on, so its memory
  // must not be used for anything else.
  int32_t FailWait(const char* function, Result result);
  // Reports the constructor's error in the same way. Call it when there was
  // work to wait for.
  int32_t FailWait();

  // Ends the work on `stream`, a stream of the device, to which `function` has
  // added with the result `issued`. Waits for the stream, also after an error,
  // because a call that fails may have added work. Returns the code, and sets
  // `*waited` to the result of the wait. If that fails, the device is lost.
  int32_t Finish(Stream stream, const char* function, Result issued,
                 Result* waited);

  // Checks again whether the device is usable. Call it after a wait for another
  // thread, which may have found the device lost.
  int32_t CheckAgain() { return code_ = CheckUsable(gpu_, status_); }

 private:
  void Enter();
  void FailToEnter(const char* function, Result result);

  Gpu* const gpu_;
  ferry_status* const status_;
  int32_t code_ = FERRY_OK;
  // The function of the driver that failed in the constructor, if one did.
  const char* failed_function_ = nullptr;
  Result failed_result_ = kSuccess;
  bool is_current_ = false;  // the destructor has to restore the context
};

// BorrowedStream
//
// A stream of a device, for the work of one blocking function. It comes from
// the device's pool, to which the destructor returns it. After a wait that
// failed the stream may still be at work, so the destructor closes the pool
// instead.
class BorrowedStream {
 public:
  // `device` is ok, and outlives this. Waits while all streams are lent. If the
  // driver has no stream, or the device is lost by then, `ok` is false, and the
  // device's status says why.
  explicit BorrowedStream(ScopedDevice* device);
  BorrowedStream(const BorrowedStream&) = delete;
  BorrowedStream& operator=(const BorrowedStream&) = delete;
  ~BorrowedStream();

  bool ok() const { return code_ == FERRY_OK; }
  int32_t code() const { return code_; }
  Stream get() const { return stream_; }

  // Waits for the work, and returns the driver's result. Reports nothing.
  Result Wait();
  // Waits for the work that `function` has added with the result `issued`, as
  // ScopedDevice::Finish.
  int32_t Finish(const char* function, Result issued) {
    return device_->Finish(stream_, function, issued, &waited_);
  }
  // The result of the last wait.
  Result waited() const { return waited_; }

 private:
  ScopedDevice* const device_;
  Stream stream_ = nullptr;
  int32_t code_ = FERRY_OK;
  Result waited_ = kSuccess;
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
