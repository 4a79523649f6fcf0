// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "cuda_queues.h"

#include <atomic>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>

#include "cuda_calls.h"
#include "cuda_device.h"
#include "cuda_driver.h"

namespace ferry_cuda {
namespace {

ferry_status NewStatus() {
  ferry_status status;
  std::memset(&status, 0, sizeof(status));
  status.struct_size = sizeof(status);
  return status;
}

int32_t NoHostMemory(ferry_status* status) {
  return ferry_fail(status, FERRY_RESOURCE_EXHAUSTED, "out of host memory");
}

// -----------------------------------------------------------------------------
// Events
// -----------------------------------------------------------------------------

// An event of the driver, and the result of its work once that is known.
class QueueEvent {
 public:
  QueueEvent(Gpu* gpu, Event event) : gpu_(gpu), event_(event) {}
  QueueEvent(const QueueEvent&) = delete;
  QueueEvent& operator=(const QueueEvent&) = delete;

  // Waits until the work has finished, and returns its code.
  int32_t Wait(ferry_status* status) {
    if (!is_ready_.load(std::memory_order_acquire)) {
      ferry_status result = NewStatus();
      // Waiting for a lost device must not hang, so errors are results too.
      ScopedDevice device(gpu_, &result);
      if (device.ok()) {
        const Result error = device.driver().event_synchronize(event_);
        if (error != kSuccess) device.FailWait("cuEventSynchronize", error);
      } else {
        device.FailWait();
      }
      SetResult(result);
    }
    return Report(status);
  }

  // Frees the event.
  int32_t Release(ferry_status* status) {
    const std::unique_ptr<QueueEvent> self(this);
    if (IsPastFreeing(*gpu_)) return FERRY_OK;
    ScopedDevice device(gpu_, status);
    int32_t code = device.code();
    if (device.ok()) {
      // The driver keeps what it needs until the work has finished.
      const Result error = device.driver().event_destroy(event_);
      if (error != kSuccess) code = device.Fail("cuEventDestroy", error);
    }
    return CodeOfFreeing(*gpu_, code, status);
  }

 private:
  // Keeps the first result, so that every call reports the same.
  void SetResult(const ferry_status& result) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (is_ready_.load(std::memory_order_relaxed)) return;
    result_ = result;
    is_ready_.store(true, std::memory_order_release);
  }

  int32_t Report(ferry_status* status) const {
    if (result_.code == FERRY_OK) return FERRY_OK;
    status->vendor_code = result_.vendor_code;
    status->flags = result_.flags;
    return ferry_fail(status, result_.code, result_.message);
  }

  Gpu* const gpu_;
  Event event_;
  std::mutex mutex_;
  std::atomic<bool> is_ready_{false};
  ferry_status result_ = NewStatus();  // constant once is_ready_
};

// -----------------------------------------------------------------------------
// Queues
// -----------------------------------------------------------------------------

struct Queue {
  Gpu* gpu;
  uint32_t index;
  Stream stream;
};

Queue* QueueOf(uint64_t handle) {
  return reinterpret_cast<Queue*>(static_cast<uintptr_t>(handle));
}

QueueEvent* EventOf(uint64_t handle) {
  return reinterpret_cast<QueueEvent*>(static_cast<uintptr_t>(handle));
}

}  // namespace

int32_t QueueCreate(void*, uint32_t index, uint64_t* queue,
                    ferry_status* status) noexcept {
  ScopedDevice device(index, status);
  if (!device.ok()) return device.code();
  std::unique_ptr<Queue> made(new (std::nothrow)
                                  Queue{device.gpu(), index, nullptr});
  if (made == nullptr) return NoHostMemory(status);
  // A blocking stream would wait for the legacy default stream, which belongs
  // to the rest of the program.
  const Result error =
      device.driver().stream_create(&made->stream, kStreamNonBlocking);
  if (error != kSuccess) return device.Fail("cuStreamCreate", error);
  *queue = reinterpret_cast<uintptr_t>(made.release());
  return FERRY_OK;
}

int32_t QueueDestroy(void*, uint64_t queue, ferry_status* status) noexcept {
  const std::unique_ptr<Queue> destroyed(QueueOf(queue));
  if (IsPastFreeing(*destroyed->gpu)) return FERRY_OK;
  ScopedDevice device(destroyed->gpu, status);
  int32_t code = device.code();
  if (device.ok()) {
    // cuStreamDestroy does not wait for the work.
    Result error = device.driver().stream_synchronize(destroyed->stream);
    if (error != kSuccess) {
      code = device.FailWait("cuStreamSynchronize", error);
    } else {
      error = device.driver().stream_destroy(destroyed->stream);
      if (error != kSuccess) code = device.Fail("cuStreamDestroy", error);
    }
  } else {
    device.FailWait();
  }
  // The host has learnt of a lost device from its copies.
  return CodeOfFreeing(*destroyed->gpu, code, status);
}

int32_t CopyAsync(void*, uint64_t queue, const ferry_copy* copy,
                  uint64_t* event, ferry_status* status) noexcept {
  Queue* const on = QueueOf(queue);
  const int32_t code = CheckCopy(*copy, status);
  if (code != FERRY_OK) return code;
  if (copy->device_index != on->index) {
    return ferry_fail(status, FERRY_INVALID_ARGUMENT,
                      "the memory is on another GPU than the queue");
  }
  ScopedDevice device(on->gpu, status);
  if (!device.ok()) return device.code();
  const Driver& driver = device.driver();
  Event recorded = nullptr;
  Result error =
      driver.event_create(&recorded, kEventDisableTiming | kEventBlockingSync);
  if (error != kSuccess) return device.Fail("cuEventCreate", error);
  auto* const made = new (std::nothrow) QueueEvent(on->gpu, recorded);
  if (made == nullptr) {
    driver.event_destroy(recorded);
    return NoHostMemory(status);
  }
  const char* function = "";
  if (copy->size_bytes != 0) {
    error = IssueCopy(*copy, on->stream, &function);
  }
  if (error == kSuccess) {
    function = "cuEventRecord";
    error = driver.event_record(recorded, on->stream);
  }
  if (error != kSuccess) {
    // Without an event the host cannot wait for the copy, so it must end here.
    Result waited = kSuccess;
    const int32_t failure = device.Finish(on->stream, function, error, &waited);
    ferry_status ignored = NewStatus();
    made->Release(&ignored);
    return failure;
  }
  *event = reinterpret_cast<uintptr_t>(made);
  return FERRY_OK;
}

int32_t EventWait(void*, uint64_t event, ferry_status* status) noexcept {
  return EventOf(event)->Wait(status);
}

int32_t EventRelease(void*, uint64_t event, ferry_status* status) noexcept {
  return EventOf(event)->Release(status);
}

}  // namespace ferry_cuda
