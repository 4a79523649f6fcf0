// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "cuda_device.h"

#include <pthread.h>

#include <cstdio>
#include <memory>

namespace ferry_cuda {
namespace {

// Set in the child of a fork. A flag and not a comparison of process ids, which
// would cost every call of the plugin a system call.
std::atomic<bool> is_forked_child{false};

// Set by the first call that finds the driver shut down.
std::atomic<bool> is_shut_down{false};

// Whether this process is a fork of one that had opened the driver. CUDA does
// not work there ("CUDA C++ Programming Guide", section "Initialization").
bool IsForkedChild() { return is_forked_child.load(std::memory_order_relaxed); }

struct Devices {
  DriverState driver;
  std::unique_ptr<Gpu[]> gpus;
};

Devices* OpenDevices() {
  // Never destroyed: tensors in static variables outlive static destructors.
  auto* const devices = new Devices;
  devices->driver = OpenDriver();
  DriverState& driver = devices->driver;
  pthread_atfork(nullptr, nullptr, [] {
    is_forked_child.store(true, std::memory_order_relaxed);
  });
  devices->gpus = std::make_unique<Gpu[]>(driver.device_count);
  for (int i = 0; i < driver.device_count; ++i) {
    Gpu& gpu = devices->gpus[i];
    const Result result = driver.driver.device_get(&gpu.device, i);
    if (result == kSuccess) {
      // After an error the plugin uses cuMemAlloc, which every device supports.
      int has_pool = 0;
      gpu.has_pool =
          driver.driver.device_get_attribute(&has_pool, kMemoryPoolsSupported,
                                             gpu.device) == kSuccess &&
          has_pool != 0;
      continue;
    }
    snprintf(driver.why, sizeof(driver.why),
             "the driver cannot find its device %d: %s (code %d)", i,
             ErrorName(driver.driver, result), result);
    driver.absence = FERRY_ABSENCE_NO_DEVICE;
    driver.device_count = 0;
  }
  return devices;
}

Devices& GetDevices() {
  static Devices* const devices = OpenDevices();
  return *devices;
}

int32_t CodeOf(Result result) {
  switch (result) {
    case kOutOfMemory:
      return FERRY_RESOURCE_EXHAUSTED;
    case kNotInitialized:
    case kDeinitialized:
      return FERRY_FAILED_PRECONDITION;
    case kNotPermitted:
      return FERRY_PERMISSION_DENIED;
    case kDeviceUnavailable:
    case kNoDevice:
    case kInvalidDevice:
    case kSystemNotReady:
      return FERRY_UNAVAILABLE;
    default:
      return FERRY_INTERNAL;
  }
}

// Returns what the user can do about an error, or "".
const char* AdviceOn(Result result) {
  switch (result) {
    case kNotInitialized:
      return "; the process may have been forked after it used CUDA";
    case kDeinitialized:
      return "; the process is exiting";
    case kDeviceUnavailable:
      return "; another process may use the GPU exclusively";
    default:
      return "";
  }
}

int32_t Report(const char* function, Result result, int32_t code,
               const char* advice, ferry_status* status) {
  const Driver& driver = GetDriver().driver;
  status->vendor_code = result;
  char message[sizeof(status->message)];
  snprintf(message, sizeof(message), "%s failed: %s: %.100s%s", function,
           ErrorName(driver, result), ErrorText(driver, result), advice);
  return ferry_fail(status, code, message);
}

// Fails a call on a device that is lost, which it may have been before.
int32_t FailLost(Gpu* gpu, const char* function, Result result,
                 ferry_status* status) {
  Result none = kSuccess;
  gpu->lost.compare_exchange_strong(none, result);
  // Nobody may wait for the streams of a lost device.
  gpu->streams.Close(result);
  status->flags |= FERRY_STATUS_DEVICE_LOST;
  return Report(function, result, FERRY_UNAVAILABLE,
                "; restart the process to use the GPU again", status);
}

}  // namespace

const DriverState& GetDriver() { return GetDevices().driver; }

Gpu* FindGpu(uint32_t index) {
  const Devices& devices = GetDevices();
  return index < static_cast<uint32_t>(devices.driver.device_count)
             ? &devices.gpus[index]
             : nullptr;
}

bool IsPastFreeing(const Gpu& gpu) {
  return IsForkedChild() || is_shut_down.load() || gpu.lost.load() != kSuccess;
}

int32_t CodeOfFreeing(const Gpu& gpu, int32_t code, ferry_status* status) {
  if (code == FERRY_OK || !IsPastFreeing(gpu)) return code;
  status->vendor_code = 0;
  status->flags = 0;
  return ferry_fail(status, FERRY_OK, "");
}

int32_t CheckUsable(Gpu* gpu, ferry_status* status) {
  if (gpu == nullptr) {
    return ferry_fail(status, FERRY_OUT_OF_RANGE, "there is no such GPU");
  }
  if (IsForkedChild()) {
    return ferry_fail(status, FERRY_FAILED_PRECONDITION,
                      "this process was forked after it used CUDA, which does "
                      "not work; start it with exec(), or fork before CUDA is "
                      "used");
  }
  const Result lost = gpu->lost.load();
  if (lost == kSuccess) return FERRY_OK;
  return FailLost(gpu, "an earlier call", lost, status);
}

int32_t FailCall(Gpu* gpu, const char* function, Result result,
                 ferry_status* status) {
  if (LosesDevice(result)) return FailLost(gpu, function, result, status);
  if (result == kDeinitialized) is_shut_down.store(true);
  return Report(function, result, CodeOf(result), AdviceOn(result), status);
}

ScopedDevice::ScopedDevice(uint32_t index, ferry_status* status)
    : gpu_(FindGpu(index)), status_(status) {
  Enter();
}

ScopedDevice::ScopedDevice(Gpu* gpu, ferry_status* status)
    : gpu_(gpu), status_(status) {
  Enter();
}

int32_t ScopedDevice::FailWait(const char* function, Result result) {
  // A driver that has shut down runs no work.
  code_ = result == kDeinitialized ? FailCall(gpu_, function, result, status_)
                                   : FailLost(gpu_, function, result, status_);
  return code_;
}

int32_t ScopedDevice::FailWait() {
  return failed_function_ == nullptr
             ? code_
             : FailWait(failed_function_, failed_result_);
}

int32_t ScopedDevice::Finish(Stream stream, const char* function, Result issued,
                             Result* waited) {
  int32_t code = issued == kSuccess ? FERRY_OK : Fail(function, issued);
  *waited = driver().stream_synchronize(stream);
  if (*waited != kSuccess) code = FailWait("cuStreamSynchronize", *waited);
  return code;
}

void ScopedDevice::FailToEnter(const char* function, Result result) {
  failed_function_ = function;
  failed_result_ = result;
  code_ = Fail(function, result);
}

void ScopedDevice::Enter() {
  code_ = CheckUsable(gpu_, status_);
  if (code_ != FERRY_OK) return;
  Context context = gpu_->context.load(std::memory_order_acquire);
  if (context == nullptr) {
    const std::lock_guard<std::mutex> lock(gpu_->mutex);
    context = gpu_->context.load(std::memory_order_acquire);
    if (context == nullptr) {
      const Result result =
          driver().device_primary_ctx_retain(&context, gpu_->device);
      if (result != kSuccess) {
        return FailToEnter("cuDevicePrimaryCtxRetain", result);
      }
      gpu_->context.store(context, std::memory_order_release);
    }
  }
  const Result result = driver().ctx_push_current(context);
  if (result != kSuccess) {
    return FailToEnter("cuCtxPushCurrent", result);
  }
  is_current_ = true;
}

ScopedDevice::~ScopedDevice() {
  if (!is_current_) return;
  Context popped = nullptr;
  driver().ctx_pop_current(&popped);
}

BorrowedStream::BorrowedStream(ScopedDevice* device) : device_(device) {
  StreamPool& streams = device_->gpu()->streams;
  const Result result = streams.Borrow(device_->driver(), &stream_);
  code_ = device_->CheckAgain();
  if (result == kSuccess) {
    if (!ok()) streams.Return(stream_);
  } else if (ok()) {
    code_ = device_->Fail("cuStreamCreate", result);
  }
}

BorrowedStream::~BorrowedStream() {
  if (!ok()) return;
  StreamPool& streams = device_->gpu()->streams;
  if (waited_ == kSuccess) {
    streams.Return(stream_);
  } else {
    streams.Close(waited_);
  }
}

Result BorrowedStream::Wait() {
  waited_ = device_->driver().stream_synchronize(stream_);
  return waited_;
}

}  // namespace ferry_cuda
