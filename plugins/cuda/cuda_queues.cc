// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "cuda_queues.h"

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <list>
#include <memory>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>

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

class Waiter;

// An event of the driver, and the result of its work once that is known. The
// host holds a reference, and so does each callback that waits.
class QueueEvent {
 public:
  QueueEvent(Gpu* gpu, Event event, std::shared_ptr<Waiter> waiter)
      : gpu_(gpu), event_(event), waiter_(std::move(waiter)) {}
  QueueEvent(const QueueEvent&) = delete;
  QueueEvent& operator=(const QueueEvent&) = delete;

  Waiter& waiter() { return *waiter_; }

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

  // Sets `*ready`, and returns the code of the work if it has finished.
  int32_t Query(uint32_t* ready, ferry_status* status) {
    if (!is_ready_.load(std::memory_order_acquire)) {
      ferry_status result = NewStatus();
      ScopedDevice device(gpu_, &result);
      if (device.ok()) {
        const Result error = device.driver().event_query(event_);
        if (error == kNotReady) {
          *ready = 0;
          return FERRY_OK;
        }
        if (error != kSuccess) device.FailWait("cuEventQuery", error);
      } else {
        device.FailWait();
      }
      SetResult(result);
    }
    *ready = 1;
    return Report(status);
  }

  void AddReference() { references_.fetch_add(1, std::memory_order_relaxed); }

  // Frees the event with the last reference.
  int32_t Release(ferry_status* status) {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) {
      return FERRY_OK;
    }
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
  const std::shared_ptr<Waiter> waiter_;
  std::atomic<int> references_{1};
  std::mutex mutex_;
  std::atomic<bool> is_ready_{false};
  ferry_status result_ = NewStatus();  // constant once is_ready_
};

// -----------------------------------------------------------------------------
// Callbacks
// -----------------------------------------------------------------------------

// Waiter
//
// The thread that calls the callbacks of a queue's events. It starts with the
// first callback. cuLaunchHostFunc would need no thread, but the driver does
// not call its function if the context has an error, and a callback must always
// be called.
class Waiter {
 public:
  Waiter() = default;
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  // Calls the callback when the event is ready: on the waiter's thread, or on
  // the caller's if the queue is destroyed.
  int32_t Add(QueueEvent* event, ferry_event_callback callback, void* context,
              ferry_status* status) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!is_closed_) {
        try {
          waiting_.push_back({event, callback, context});
          if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
        } catch (const std::bad_alloc&) {
          return NoHostMemory(status);
        } catch (const std::system_error&) {
          waiting_.pop_back();
          return ferry_fail(status, FERRY_RESOURCE_EXHAUSTED,
                            "cannot start a thread");
        }
        event->AddReference();
        has_changed_.notify_one();
        return FERRY_OK;
      }
    }
    ferry_status result = NewStatus();
    callback(context, event->Wait(&result));
    return FERRY_OK;
  }

  // Calls the callbacks that wait, and ends the thread.
  void Close() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      is_closed_ = true;
    }
    has_changed_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

 private:
  struct Waiting {
    QueueEvent* event;
    ferry_event_callback callback;
    void* context;
  };

  void Run() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      has_changed_.wait(lock,
                        [this] { return is_closed_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      const Waiting next = waiting_.front();
      waiting_.pop_front();
      lock.unlock();
      ferry_status status = NewStatus();
      next.callback(next.context, next.event->Wait(&status));
      next.event->Release(&status);
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable has_changed_;
  std::list<Waiting> waiting_;  // guarded by mutex_
  bool is_closed_ = false;      // guarded by mutex_
  std::thread thread_;          // started under mutex_
};

// -----------------------------------------------------------------------------
// Queues
// -----------------------------------------------------------------------------

struct Queue {
  Gpu* gpu;
  uint32_t index;
  Stream stream;
  std::shared_ptr<Waiter> waiter;
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
  std::unique_ptr<Queue> made;
  try {
    made = std::make_unique<Queue>(
        Queue{device.gpu(), index, nullptr, std::make_shared<Waiter>()});
  } catch (const std::bad_alloc&) {
    return NoHostMemory(status);
  }
  // A blocking stream would wait for the legacy default stream, which belongs
  // to the rest of the program.
  const Result error =
      device.driver().stream_create(&made->stream, kStreamNonBlocking);
  if (error != kSuccess) return device.Fail("cuStreamCreate", error);
  *queue = reinterpret_cast<uintptr_t>(made.release());
  return FERRY_OK;
}

int32_t QueueDestroy(void*, uint64_t queue, ferry_status* status) noexcept {
  if (IsForkedChild()) return FERRY_OK;
  const std::unique_ptr<Queue> destroyed(QueueOf(queue));
  int32_t code = FERRY_OK;
  if (!IsPastFreeing(*destroyed->gpu)) {
    ScopedDevice device(destroyed->gpu, status);
    code = device.code();
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
    code = CodeOfFreeing(*destroyed->gpu, code, status);
  }
  destroyed->waiter->Close();
  return code;
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
  auto* const made =
      new (std::nothrow) QueueEvent(on->gpu, recorded, on->waiter);
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
    int32_t failure = device.Fail(function, error);
    // Without an event the host cannot wait for the copy, so it must end here.
    if (driver.stream_synchronize(on->stream) != kSuccess) {
      failure = device.FailWait();
    }
    ferry_status ignored = NewStatus();
    made->Release(&ignored);
    return failure;
  }
  *event = reinterpret_cast<uintptr_t>(made);
  return FERRY_OK;
}

int32_t EventQuery(void*, uint64_t event, uint32_t* ready,
                   ferry_status* status) noexcept {
  return EventOf(event)->Query(ready, status);
}

int32_t EventWait(void*, uint64_t event, ferry_status* status) noexcept {
  return EventOf(event)->Wait(status);
}

int32_t EventOnReady(void*, uint64_t event, ferry_event_callback callback,
                     void* callback_context, ferry_status* status) noexcept {
  QueueEvent* const awaited = EventOf(event);
  uint32_t ready = 0;
  ferry_status result = NewStatus();
  const int32_t code = awaited->Query(&ready, &result);
  if (ready != 0) {
    callback(callback_context, code);
    return FERRY_OK;
  }
  return awaited->waiter().Add(awaited, callback, callback_context, status);
}

int32_t EventRelease(void*, uint64_t event, ferry_status* status) noexcept {
  return EventOf(event)->Release(status);
}

}  // namespace ferry_cuda
