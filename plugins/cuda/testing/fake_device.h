// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/cuda/testing/fake_device.h
// -----------------------------------------------------------------------------
//
// The devices of the fake driver: their memory, streams and events.
#ifndef FERRY_PLUGINS_CUDA_TESTING_FAKE_DEVICE_H_
#define FERRY_PLUGINS_CUDA_TESTING_FAKE_DEVICE_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "cuda_driver.h"

namespace fake_driver {

using ferry_cuda::DevicePointer;
using ferry_cuda::Result;

enum class Timing { kEager, kLate, kRandom };

// Prints a violation and ends the process.
void Violation(const std::string& what);

// An allocation on a device.
struct Allocation {
  // Note that a copy on a stream uses the memory, and that it has finished.
  void BeginCopy(const class StreamState* stream);
  void EndCopy(const StreamState* stream);
  // Whether a copy uses it, except on `stream`, if that is not null.
  bool IsInUse(const StreamState* stream);

  DevicePointer address = 0;
  uint64_t size_bytes = 0;
  // The stream of cuMemAllocAsync, and whether it has reached the allocation.
  bool is_from_pool = false;
  const StreamState* allocated_on = nullptr;
  std::atomic<bool> is_allocated{true};
  // Whether cuMemFreeAsync was called for it, and the stream. Guarded by the
  // mutex of DeviceMemory.
  bool is_freed = false;
  std::weak_ptr<StreamState> freed_on;

  std::mutex mutex;
  std::map<const StreamState*, int> copies;  // guarded by mutex
};

// DeviceMemory
//
// The addresses that it hands out are in a range of pages without any access,
// so that a host that dereferences one crashes, as with a real device. The
// bytes are in a second mapping. An address is not reused before the range,
// which is four times the memory, has been used up.
//
// Thread-safety: all methods may be called from any number of threads at once.
class DeviceMemory {
 public:
  // With `is_filled`, fresh memory and freed memory hold garbage.
  DeviceMemory(uint64_t capacity_bytes, bool is_filled);

  // Returns null if fewer than `size_bytes` bytes are free. The sum of the
  // sizes is exact: there is no rounding.
  std::shared_ptr<Allocation> Allocate(uint64_t size_bytes);
  // The same from the device's pool. The stream has yet to reach the
  // allocation.
  std::shared_ptr<Allocation> AllocateFromPool(uint64_t size_bytes,
                                               const StreamState* stream);
  // Returns false if `address` is not that of an allocation.
  bool Free(DevicePointer address);
  // Returns the allocation, which no later call may use, or null as `Free`.
  // FinishFree frees it, when the stream is there.
  std::shared_ptr<Allocation> BeginFree(
      DevicePointer address, const std::shared_ptr<StreamState>& stream);
  void FinishFree(const Allocation& freed);
  // Returns the streams that have yet to reach a free.
  std::vector<std::shared_ptr<StreamState>> FreeingStreams();
  // Gives back what the pool holds and nobody uses.
  void TrimPool();
  // Returns the allocation that contains the whole range, or null.
  std::shared_ptr<Allocation> Find(DevicePointer address, uint64_t size_bytes);
  // Returns where the bytes of an address are.
  char* BytesAt(DevicePointer address) const;

  uint64_t capacity_bytes() const { return capacity_bytes_; }
  // What is allocated, or is held by the pool.
  uint64_t used_bytes();
  size_t allocation_count();

 private:
  std::shared_ptr<Allocation> AllocateLocked(uint64_t size_bytes);
  void FreeLocked(const Allocation& freed);
  void FillWithGarbage(uint64_t offset, uint64_t size_bytes);
  bool FindRoom(uint64_t span, uint64_t* offset);

  const uint64_t capacity_bytes_;
  const bool is_filled_;
  const uint64_t range_bytes_;
  char* range_ = nullptr;  // no access
  char* bytes_ = nullptr;
  std::mutex mutex_;
  // All guarded by mutex_.
  std::map<uint64_t, std::shared_ptr<Allocation>> allocations_;  // by offset
  uint64_t next_offset_ = 0;
  uint64_t allocated_bytes_ = 0;
  uint64_t pooled_bytes_ = 0;  // held by the pool and not allocated
};

// EventState
//
// "cuEventRecord: captures the contents of the stream at the time of this
// call"; cuEventSynchronize "waits until the completion of all work currently
// captured" in the event. So each record has a number, and a wait is for the
// number at its call.
struct EventState {
  std::mutex mutex;
  std::condition_variable has_changed;
  uint64_t recorded = 0;
  uint64_t completed = 0;
  // The stream of the last record, and the number of its task there.
  std::weak_ptr<class StreamState> stream;
  uint64_t task = 0;
};

// StreamState
//
// Runs tasks in their order, on a thread of its own.
class StreamState {
 public:
  StreamState(Timing timing, uint64_t seed);
  StreamState(const StreamState&) = delete;
  StreamState& operator=(const StreamState&) = delete;
  // Runs what is left without delay, and ends the thread.
  ~StreamState();

  // Returns the number of the task, counted from 1.
  uint64_t Add(std::function<void()> task);
  // Waits until all tasks that were added before have run: not merely begun.
  void Synchronize();
  // Makes the tasks up to this one run, even if they are held back: somebody
  // waits for them.
  void Hurry(uint64_t task);
  // Ends the thread once the tasks have run, in their own time. Does not wait.
  void Close();
  // Whether the thread has ended.
  bool has_ended() const { return has_ended_.load(); }
  // A random number below `bound`, from the stream's seed.
  uint32_t Random(uint32_t bound);

 private:
  void Run();

  const Timing timing_;
  std::mutex mutex_;
  std::condition_variable has_changed_;
  // All guarded by mutex_.
  std::mt19937_64 random_;
  std::deque<std::function<void()>> tasks_;
  uint64_t added_ = 0;
  uint64_t done_ = 0;
  uint64_t hurried_ = 0;  // tasks up to this number are not held back
  bool is_closing_ = false;
  bool is_rushed_ = false;
  std::atomic<bool> has_ended_{false};
  std::thread thread_;
};

}  // namespace fake_driver

#endif  // FERRY_PLUGINS_CUDA_TESTING_FAKE_DEVICE_H_
