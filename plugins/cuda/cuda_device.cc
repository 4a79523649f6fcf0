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
    const Result result = driver.driver.device_get(&devices->gpus[i].device, i);
    if (result == kSuccess) continue;
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
      return IsSticky(result) ? FERRY_UNAVAILABLE : FERRY_INTERNAL;
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
      return IsSticky(result) ? "; restart the process to use the GPU again"
                              : "";
  }
}

}  // namespace

const DriverState& GetDriver() { return GetDevices().driver; }

Gpu* FindGpu(uint32_t index) {
  const Devices& devices = GetDevices();
  return index < static_cast<uint32_t>(devices.driver.device_count)
             ? &devices.gpus[index]
             : nullptr;
}

bool IsForkedChild() { return is_forked_child.load(std::memory_order_relaxed); }

bool IsPastFreeing(const Gpu& gpu) {
  return IsForkedChild() || is_shut_down.load() || gpu.lost.load() != kSuccess;
}

int32_t CodeOfFreeing(const Gpu& gpu, int32_t code, ferry_status* status) {
  if (code == FERRY_OK || !IsPastFreeing(gpu)) return code;
  status->vendor_code = 0;
  status->flags = 0;
  return ferry_fail(status, FERRY_OK, "");
}

int32_t FailCall(Gpu* gpu, const char* function, Result result,
                 ferry_status* status) {
  const Driver& driver = GetDriver().driver;
  status->vendor_code = result;
  if (result == kDeinitialized) is_shut_down.store(true);
  if (IsSticky(result)) {
    Result none = kSuccess;
    gpu->lost.compare_exchange_strong(none, result);
    status->flags |= FERRY_STATUS_DEVICE_LOST;
  }
  char message[sizeof(status->message)];
  snprintf(message, sizeof(message), "%s failed: %s: %.100s%s", function,
           ErrorName(driver, result), ErrorText(driver, result),
           AdviceOn(result));
  return ferry_fail(status, CodeOf(result), message);
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
  Fail(function, result);
  return FailWait();
}

int32_t ScopedDevice::FailWait() {
  code_ = status_->code;
  if (gpu_ == nullptr || IsForkedChild() || is_shut_down.load()) return code_;
  Result none = kSuccess;
  gpu_->lost.compare_exchange_strong(none, status_->vendor_code);
  status_->flags |= FERRY_STATUS_DEVICE_LOST;
  return code_;
}

void ScopedDevice::Enter() {
  if (gpu_ == nullptr) {
    code_ = ferry_fail(status_, FERRY_OUT_OF_RANGE, "there is no such GPU");
    return;
  }
  if (IsForkedChild()) {
    code_ = ferry_fail(status_, FERRY_FAILED_PRECONDITION,
                       "this process was forked after it used CUDA, which does "
                       "not work; start it with exec(), or fork before CUDA is "
                       "used");
    return;
  }
  const Result lost = gpu_->lost.load();
  if (lost != kSuccess) {
    code_ = FailCall(gpu_, "an earlier call", lost, status_);
    return;
  }
  Context context = gpu_->context.load(std::memory_order_acquire);
  if (context == nullptr) {
    const std::lock_guard<std::mutex> lock(gpu_->mutex);
    context = gpu_->context.load(std::memory_order_acquire);
    if (context == nullptr) {
      const Result result =
          driver().device_primary_ctx_retain(&context, gpu_->device);
      if (result != kSuccess) {
        code_ = Fail("cuDevicePrimaryCtxRetain", result);
        return;
      }
      gpu_->context.store(context, std::memory_order_release);
    }
  }
  const Result result = driver().ctx_push_current(context);
  if (result != kSuccess) {
    code_ = Fail("cuCtxPushCurrent", result);
    return;
  }
  is_current_ = true;
}

ScopedDevice::~ScopedDevice() {
  if (!is_current_) return;
  Context popped = nullptr;
  driver().ctx_pop_current(&popped);
}

}  // namespace ferry_cuda
