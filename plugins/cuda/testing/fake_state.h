// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/cuda/testing/fake_state.h
// -----------------------------------------------------------------------------
//
// What the fake driver keeps: its devices and the handles that it gave out.
#ifndef FERRY_PLUGINS_CUDA_TESTING_FAKE_STATE_H_
#define FERRY_PLUGINS_CUDA_TESTING_FAKE_STATE_H_

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "cuda_driver.h"
#include "fake_bus.h"
#include "fake_device.h"

namespace fake_driver {

// A block of page-locked host memory.
struct HostBlock {
  uint64_t size_bytes = 0;
  std::atomic<int> copies_under_way{0};
};

struct Gpu {
  explicit Gpu(const BusSpeed& speed) : bus(speed) {}

  FakeBus bus;
  std::unique_ptr<DeviceMemory> memory;
  std::atomic<Result> lost{ferry_cuda::kSuccess};
  int retains = 0;
};

// A stream or an event, and the device whose context it was made in.
struct OwnedStream {
  int device;
  std::shared_ptr<StreamState> state;
};

struct OwnedEvent {
  int device;
  std::shared_ptr<EventState> state;
};

// The driver.
struct State {
  pid_t owner = 0;  // 0 before cuInit
  std::atomic<bool> is_deinitialized{false};
  std::atomic<uint64_t> copies_run{0};
  std::vector<std::unique_ptr<Gpu>> gpus;  // constant after cuInit

  std::mutex mutex;
  // All guarded by mutex.
  std::map<std::string, uint64_t> calls;
  std::map<uintptr_t, OwnedStream> streams;
  std::map<uintptr_t, OwnedEvent> events;
  std::map<uintptr_t, std::shared_ptr<HostBlock>> host_blocks;
  std::vector<std::shared_ptr<StreamState>> destroyed_streams;
  uint64_t handle_count = 0;
  uint64_t stream_count = 0;

  std::mutex log_mutex;
  std::vector<std::string> log;  // guarded by log_mutex
};

// Returns the driver. It is made by the first call and never destroyed.
State& GetState();

// The contexts that are current on this thread; the innermost is last.
// "A host thread may have only one device context current at a time. [...]
// Each host thread has a stack of current contexts." (Programming Guide,
// "Context")
struct ContextStack {
  std::vector<int> devices;
  ~ContextStack();
};

ContextStack& CurrentContexts();

bool IsDevice(const State& state, int device);

ferry_cuda::Context ContextOf(int device);
// Returns the device of a context that is retained, or -1.
int DeviceOf(const State& state, ferry_cuda::Context context);

// Returns a handle that was never used before, so that stale ones are noticed.
// The caller holds the mutex.
uintptr_t NewHandle(State* state);

std::shared_ptr<StreamState> NewStream(State* state);

// Find what a handle means. Return null if it belongs to another context.
std::shared_ptr<StreamState> FindStream(State* state, int device,
                                        ferry_cuda::Stream stream);
std::shared_ptr<EventState> FindEvent(State* state, int device,
                                      ferry_cuda::Event event);

// Returns the page-locked block that contains the whole range, or null.
std::shared_ptr<HostBlock> FindHostBlock(State* state, const void* address,
                                         uint64_t size_bytes);

// Adds a call to the log.
void AddToLog(const char* function, const std::string& arguments,
              Result result);

// Return the texts that fake_driver_report and fake_driver_log write.
std::string Report();
std::string Log();

// Writes the report and the log to their files, and ends the driver. The
// process is exiting.
void ShutDown();

}  // namespace fake_driver

#endif  // FERRY_PLUGINS_CUDA_TESTING_FAKE_STATE_H_
