// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "fake_state.h"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "fake_driver.h"
#include "fake_settings.h"

namespace fake_driver {
namespace {

using ferry_cuda::Context;
using ferry_cuda::Event;
using ferry_cuda::kSuccess;
using ferry_cuda::Stream;

constexpr size_t kMaxLogLines = 1 << 20;

void Append(const std::string& path, const std::string& text) {
  if (path.empty()) return;
  FILE* const file = fopen(path.c_str(), "a");
  if (file == nullptr) abort();
  fwrite(text.data(), 1, text.size(), file);
  fclose(file);
}

}  // namespace

State& GetState() {
  static State* const state = new State;
  return *state;
}

void Violation(const std::string& what) {
  fprintf(stderr, "fake driver: violation: %s (seed %llu)\n", what.c_str(),
          static_cast<unsigned long long>(GetSettings().seed));
  abort();
}

// -----------------------------------------------------------------------------
// Contexts and handles
// -----------------------------------------------------------------------------

ContextStack::~ContextStack() {
  if (!devices.empty() && getpid() == GetState().owner) {
    Violation("a thread ends with " + std::to_string(devices.size()) +
              " contexts that it pushed and did not pop");
  }
}

ContextStack& CurrentContexts() {
  static thread_local ContextStack stack;
  return stack;
}

bool IsDevice(const State& state, int device) {
  return device >= 0 && device < static_cast<int>(state.gpus.size());
}

uintptr_t NewHandle(State* state) {
  return 0x100000 + 16 * static_cast<uintptr_t>(++state->handle_count);
}

Context ContextOf(int device) {
  return reinterpret_cast<Context>(static_cast<uintptr_t>(0x1000 + device));
}

int DeviceOf(const State& state, Context context) {
  for (int i = 0; IsDevice(state, i); ++i) {
    if (ContextOf(i) == context && state.gpus[i]->retains != 0) return i;
  }
  return -1;
}

std::shared_ptr<StreamState> NewStream(State* state) {
  const std::lock_guard<std::mutex> lock(state->mutex);
  auto& destroyed = state->destroyed_streams;
  destroyed.erase(std::remove_if(destroyed.begin(), destroyed.end(),
                                 [](const std::shared_ptr<StreamState>& old) {
                                   return old->has_ended();
                                 }),
                  destroyed.end());
  return std::make_shared<StreamState>(
      GetSettings().timing,
      GetSettings().seed * 1000003 + ++state->stream_count);
}

// "The legacy default stream is an implicit stream which synchronizes with all
// other streams in the same CUcontext except for non-blocking streams", and
// "the per-thread default stream is not a non-blocking stream and will
// synchronize with the legacy default stream" ("Stream synchronization
// behavior"). So work on either waits for the program's own.
std::shared_ptr<StreamState> FindStream(State* state, int device,
                                        Stream stream) {
  const auto handle = reinterpret_cast<uintptr_t>(stream);
  if (handle == 0 || handle == kStreamLegacy) {
    Violation(
        "the legacy default stream is used, which waits for other libraries");
    return nullptr;
  }
  if (handle == kStreamPerThread) {
    Violation(
        "the per-thread default stream is used, which waits for the legacy "
        "one");
    return nullptr;
  }
  const std::lock_guard<std::mutex> lock(state->mutex);
  const auto found = state->streams.find(handle);
  if (found == state->streams.end()) {
    Violation("a stream is used that does not exist");
    return nullptr;
  }
  return found->second.device == device ? found->second.state : nullptr;
}

std::shared_ptr<EventState> FindEvent(State* state, int device, Event event) {
  const std::lock_guard<std::mutex> lock(state->mutex);
  const auto found = state->events.find(reinterpret_cast<uintptr_t>(event));
  if (found == state->events.end()) {
    Violation("an event is used that does not exist");
    return nullptr;
  }
  return found->second.device == device ? found->second.state : nullptr;
}

std::shared_ptr<HostBlock> FindHostBlock(State* state, const void* address,
                                         uint64_t size_bytes) {
  const std::lock_guard<std::mutex> lock(state->mutex);
  const auto start = reinterpret_cast<uintptr_t>(address);
  auto found = state->host_blocks.upper_bound(start);
  if (found == state->host_blocks.begin()) return nullptr;
  --found;
  const uint64_t inside = start - found->first;
  const uint64_t total = found->second->size_bytes;
  if (inside > total || size_bytes > total - inside) return nullptr;
  return found->second;
}

// -----------------------------------------------------------------------------
// The log and the report
// -----------------------------------------------------------------------------

void AddToLog(const char* function, const std::string& arguments,
              Result result) {
  State& state = GetState();
  const std::lock_guard<std::mutex> lock(state.log_mutex);
  if (state.log.size() >= kMaxLogLines) return;
  state.log.push_back(std::string(function) + "(" + arguments +
                      ") = " + std::to_string(result));
}

std::string Report() {
  State& state = GetState();
  std::string text;
  for (size_t i = 0; i < state.gpus.size(); ++i) {
    const std::string device = "device " + std::to_string(i);
    Gpu& gpu = *state.gpus[i];
    // What a lost device held is lost with it.
    if (gpu.lost.load() == kSuccess && gpu.memory->allocation_count() != 0) {
      text += "leak: " + device + ": " +
              std::to_string(gpu.memory->allocation_count()) +
              " allocations with " + std::to_string(gpu.memory->used_bytes()) +
              " bytes\n";
    }
    if (gpu.retains > 1) {
      text += "leak: " + device + ": the primary context is retained " +
              std::to_string(gpu.retains) + " times\n";
    }
  }
  const std::lock_guard<std::mutex> lock(state.mutex);
  const auto is_leak = [&](int device) {
    return state.gpus[device]->lost.load() == kSuccess;
  };
  std::vector<int> left(state.gpus.size());
  for (const auto& [handle, stream] : state.streams) {
    left[stream.device] += is_leak(stream.device);
  }
  int streams = 0;
  for (const int count : left) {
    streams += std::max(count - GetSettings().streams, 0);
  }
  size_t events = 0;
  for (const auto& [handle, event] : state.events) {
    events += is_leak(event.device);
  }
  if (streams != 0) text += "leak: " + std::to_string(streams) + " streams\n";
  if (events != 0) text += "leak: " + std::to_string(events) + " events\n";
  bool any_lost = false;
  for (const auto& gpu : state.gpus) any_lost |= gpu->lost.load() != kSuccess;
  if (!state.host_blocks.empty() && !any_lost) {
    text += "leak: " + std::to_string(state.host_blocks.size()) +
            " blocks of host memory\n";
  }
  if (!CurrentContexts().devices.empty()) {
    text += "leak: contexts are current on this thread\n";
  }
  return text;
}

std::string Log() {
  State& state = GetState();
  const std::lock_guard<std::mutex> lock(state.log_mutex);
  std::string text;
  for (const std::string& line : state.log) text += line + "\n";
  return text;
}

// "CUDA_ERROR_DEINITIALIZED: This indicates that the CUDA driver is in the
// process of shutting down." Every later call returns it.
void ShutDown() {
  State& state = GetState();
  if (getpid() != state.owner) return;
  const std::string report = Report();
  state.is_deinitialized.store(true);
  Append(GetSettings().report_path, "fake driver: seed " +
                                        std::to_string(GetSettings().seed) +
                                        "\n" + report);
  Append(GetSettings().log_path, Log());
  std::map<uintptr_t, OwnedStream> streams;
  std::vector<std::shared_ptr<StreamState>> destroyed;
  {
    const std::lock_guard<std::mutex> lock(state.mutex);
    streams.swap(state.streams);
    destroyed.swap(state.destroyed_streams);
  }
}

}  // namespace fake_driver
