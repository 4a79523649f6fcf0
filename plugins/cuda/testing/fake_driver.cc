// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// The functions of the driver. The comments quote the documentation that a
// behaviour models: the reference of the CUDA driver API 12.4 (13.0 for memory
// pools and copies between devices), by the name of the function or section,
// and the CUDA C++ Programming Guide.

#include "fake_driver.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "cuda_driver.h"
#include "fake_bus.h"
#include "fake_device.h"
#include "fake_settings.h"
#include "fake_state.h"

#define FAKE_EXPORT extern "C" __attribute__((visibility("default")))

namespace fake_driver {
namespace {

using ferry_cuda::Context;
using ferry_cuda::Device;
using ferry_cuda::Event;
using ferry_cuda::kSuccess;
using ferry_cuda::LosesDevice;
using ferry_cuda::Stream;

constexpr uint64_t kMaxScribble = 64 << 10;
constexpr int kScribble = 0xA5;

// -----------------------------------------------------------------------------
// Calls
// -----------------------------------------------------------------------------

// Returns the error that the settings want of this call, or kSuccess.
Result InjectedFailure(const char* function) {
  State& state = GetState();
  const std::lock_guard<std::mutex> lock(state.mutex);
  const uint64_t call = ++state.calls[function];
  for (const Failure& failure : GetSettings().failures) {
    if (failure.function != function || failure.call != call) continue;
    const std::vector<int>& current = CurrentContexts().devices;
    if (LosesDevice(failure.result) && !current.empty()) {
      state.gpus[current.back()]->lost.store(failure.result);
    }
    return failure.result;
  }
  return kSuccess;
}

// Returns the error with which a function fails before it does anything, or
// kSuccess.
Result Before(const char* function) {
  State& state = GetState();
  if (GetSettings().is_stub) return ferry_cuda::kStubLibrary;
  if (state.is_deinitialized.load()) return ferry_cuda::kDeinitialized;
  const bool is_first = strcmp(function, "cuInit") == 0 ||
                        strcmp(function, "cuDriverGetVersion") == 0;
  if (!is_first && state.owner == 0) return ferry_cuda::kNotInitialized;
  // "The CUDA interfaces [...] the child process [...] fork" is unsupported
  // (Programming Guide, "Initialization"); a real driver answers this.
  if (state.owner != 0 && state.owner != getpid()) {
    return ferry_cuda::kNotInitialized;
  }
  return InjectedFailure(function);
}

template <typename Body>
Result Call(const char* function, const std::string& arguments,
            const Body& body) {
  Result result = Before(function);
  if (result == kSuccess) result = body(GetState());
  AddToLog(function, arguments, result);
  return result;
}

// A call that needs a current context: its body gets the device.
template <typename Body>
Result CallInContext(const char* function, const std::string& arguments,
                     const Body& body) {
  return Call(function, arguments, [&](State& state) -> Result {
    const std::vector<int>& current = CurrentContexts().devices;
    if (current.empty()) return ferry_cuda::kInvalidContext;
    const int device = current.back();
    Gpu& gpu = *state.gpus[device];
    // "[...] any further CUDA work will return the same error."
    const Result lost = gpu.lost.load();
    if (lost != kSuccess) return lost;
    return body(state, device, gpu);
  });
}

// The copy itself, on the thread of a stream of `gpu`. Its destination holds
// garbage until it is done: the documentation promises nothing about it before.
//
//   other  the other device of a copy between two, or `gpu`. If it is lost, the
//          copy fails, and so loses `gpu` as well.
//   end    when the bus has brought the bytes, or the epoch without a bus.
void RunCopy(Gpu* gpu, Gpu* other, FakeBus::Time end, char* to,
             const char* from, uint64_t size_bytes) {
  State& state = GetState();
  if (gpu->lost.load() != kSuccess) return;
  if (const Result lost = other->lost.load(); lost != kSuccess) {
    gpu->lost.store(lost);
    return;
  }
  if (state.copies_run.fetch_add(1) + 1 == GetSettings().lose_at_copy) {
    gpu->lost.store(ferry_cuda::kIllegalAddress);
    return;
  }
  if (!GetSettings().discards) {
    memset(to, kScribble, std::min(size_bytes, kMaxScribble));
    std::this_thread::yield();
    memcpy(to, from, size_bytes);
  }
  std::this_thread::sleep_until(end);
}

Result CopyAsync(bool to_device, DevicePointer address, void* host,
                 uint64_t size_bytes, Stream stream) {
  const char* const function =
      to_device ? "cuMemcpyHtoDAsync_v2" : "cuMemcpyDtoHAsync_v2";
  return CallInContext(
      function, std::to_string(size_bytes),
      [&](State& state, int device, Gpu& gpu) -> Result {
        if (size_bytes == 0) return kSuccess;
        const std::shared_ptr<StreamState> on =
            FindStream(&state, device, stream);
        if (on == nullptr) return ferry_cuda::kInvalidHandle;
        const std::shared_ptr<Allocation> allocation =
            gpu.memory->Find(address, size_bytes);
        if (allocation == nullptr) {
          Violation("a copy leaves the memory of its device");
          return ferry_cuda::kInvalidValue;
        }
        const std::shared_ptr<HostBlock> block =
            FindHostBlock(&state, host, size_bytes);
        char* const bytes = gpu.memory->BytesAt(address);
        auto* const host_bytes = static_cast<char*>(host);
        allocation->BeginCopy(on.get());
        if (block != nullptr) block->copies_under_way.fetch_add(1);
        const auto finish = [allocation, block, stream = on.get()] {
          allocation->EndCopy(stream);
          if (block != nullptr) block->copies_under_way.fetch_sub(1);
        };
        // Pageable memory ("API synchronization behavior", "Memcpy",
        // asynchronous): "For transfers from pageable host memory to device
        // memory, host memory is copied to a staging buffer immediately", and
        // otherwise the call "might be synchronous with respect to host". The
        // backend may rely on neither, so a draw decides.
        // With a bus, the call waits for the bus. The bus serves copies in the
        // order of their calls, so the time that a thread oversleeps does not
        // add up.
        FakeBus::Time end;
        if (gpu.bus.is_modelled()) {
          end = gpu.bus.Reserve(to_device, size_bytes,
                                std::chrono::steady_clock::now());
        }
        const bool is_blocking = block == nullptr && gpu.bus.is_modelled();
        const bool is_early =
            block == nullptr && !is_blocking && on->Random(2) == 0;
        if (to_device) {
          std::shared_ptr<std::string> staged;
          if (is_early) {
            staged = std::make_shared<std::string>(host_bytes, size_bytes);
          }
          on->Add([&gpu, end, bytes, host_bytes, staged, size_bytes, finish] {
            RunCopy(&gpu, &gpu, end, bytes,
                    staged != nullptr ? staged->data() : host_bytes,
                    size_bytes);
            finish();
          });
          if (is_blocking) on->Synchronize();
          return kSuccess;
        }
        on->Add([&gpu, end, bytes, host_bytes, size_bytes, finish] {
          RunCopy(&gpu, &gpu, end, host_bytes, bytes, size_bytes);
          finish();
        });
        if (is_early || is_blocking) on->Synchronize();
        return kSuccess;
      });
}

size_t CopyText(const std::string& from, char* to, size_t capacity) {
  if (capacity != 0) {
    const size_t size = std::min(from.size(), capacity - 1);
    memcpy(to, from.data(), size);
    to[size] = '\0';
  }
  return from.size();
}

// Copies between two memories of devices, on a stream of device `on_device`.
Result CopyOnDevices(State* state, int on_device, Stream stream, Gpu* to_gpu,
                     DevicePointer to, Gpu* from_gpu, DevicePointer from,
                     uint64_t size_bytes) {
  if (size_bytes == 0) return kSuccess;
  const std::shared_ptr<StreamState> on = FindStream(state, on_device, stream);
  if (on == nullptr) return ferry_cuda::kInvalidHandle;
  const std::shared_ptr<Allocation> target =
      to_gpu->memory->Find(to, size_bytes);
  const std::shared_ptr<Allocation> source =
      from_gpu->memory->Find(from, size_bytes);
  if (target == nullptr || source == nullptr) {
    Violation("a copy leaves the memory of its device");
    return ferry_cuda::kInvalidValue;
  }
  if (target == source && to < from + size_bytes && from < to + size_bytes) {
    Violation("the ranges of a copy overlap");
  }
  target->BeginCopy(on.get());
  source->BeginCopy(on.get());
  Gpu* const gpu = state->gpus[on_device].get();
  Gpu* const other = gpu == from_gpu ? to_gpu : from_gpu;
  char* const to_bytes = to_gpu->memory->BytesAt(to);
  const char* const from_bytes = from_gpu->memory->BytesAt(from);
  on->Add([=, stream = on.get()] {
    RunCopy(gpu, other, FakeBus::Time(), to_bytes, from_bytes, size_bytes);
    target->EndCopy(stream);
    source->EndCopy(stream);
  });
  return kSuccess;
}

const char* NameOf(Result error) {
  switch (error) {
#define FAKE_NAME(ours, theirs, value) \
  case value:                          \
    return #theirs;
    FERRY_CUDA_RESULTS(FAKE_NAME)
    FERRY_CUDA_NEW_RESULTS(FAKE_NAME)
#undef FAKE_NAME
    default:
      return nullptr;
  }
}

// "CUDA_ERROR_INVALID_VALUE [...] if the error code is not recognized", and the
// text is then null. The stub library leaves it null as well. The function
// needs no driver, so it also works in a forked child and at exit. Only its
// failures are in the log.
Result GetErrorText(const char* function, Result error, const char** text) {
  *text = nullptr;
  if (GetSettings().is_stub) return ferry_cuda::kStubLibrary;
  const Result failure = InjectedFailure(function);
  if (failure != kSuccess) {
    AddToLog(function, std::to_string(error), failure);
    return failure;
  }
  *text = NameOf(error);
  return *text == nullptr ? ferry_cuda::kInvalidValue : kSuccess;
}

}  // namespace
}  // namespace fake_driver

using namespace fake_driver;  // NOLINT: the driver's functions are global
using ferry_cuda::Context;
using ferry_cuda::Device;
using ferry_cuda::Event;
using ferry_cuda::kSuccess;
using ferry_cuda::Stream;

// -----------------------------------------------------------------------------
// The control functions
// -----------------------------------------------------------------------------

FAKE_EXPORT size_t fake_driver_report(char* text, size_t capacity) {
  return CopyText(Report(), text, capacity);
}

FAKE_EXPORT size_t fake_driver_log(char* text, size_t capacity) {
  return CopyText(Log(), text, capacity);
}

FAKE_EXPORT void fake_driver_lose(int index, int code) {
  State& state = GetState();
  if (IsDevice(state, index)) state.gpus[index]->lost.store(code);
}

// -----------------------------------------------------------------------------
// The driver's functions
// -----------------------------------------------------------------------------

FAKE_EXPORT Result cuInit(unsigned int) {
  return Call("cuInit", "", [](State& state) -> Result {
    if (GetSettings().init != kSuccess) return GetSettings().init;
    if (GetSettings().devices == 0) return ferry_cuda::kNoDevice;
    const std::lock_guard<std::mutex> lock(state.mutex);
    if (state.owner != 0) return kSuccess;
    for (int i = 0; i < GetSettings().devices; ++i) {
      state.gpus.push_back(std::make_unique<Gpu>(GetSettings().bus));
      state.gpus.back()->memory = std::make_unique<DeviceMemory>(
          GetSettings().memory_bytes, !GetSettings().discards);
    }
    state.owner = getpid();
    atexit(ShutDown);
    return kSuccess;
  });
}

FAKE_EXPORT Result cuDriverGetVersion(int* version) {
  return Call("cuDriverGetVersion", "", [&](State&) -> Result {
    *version = GetSettings().version;
    return kSuccess;
  });
}

FAKE_EXPORT Result cuGetErrorName(Result error, const char** text) {
  return GetErrorText("cuGetErrorName", error, text);
}

FAKE_EXPORT Result cuGetErrorString(Result error, const char** text) {
  return GetErrorText("cuGetErrorString", error, text);
}

FAKE_EXPORT Result cuDeviceGetCount(int* count) {
  return Call("cuDeviceGetCount", "", [&](State& state) -> Result {
    *count = static_cast<int>(state.gpus.size());
    return kSuccess;
  });
}

FAKE_EXPORT Result cuDeviceGet(Device* device, int ordinal) {
  return Call("cuDeviceGet", std::to_string(ordinal),
              [&](State& state) -> Result {
                if (!IsDevice(state, ordinal)) {
                  return ferry_cuda::kInvalidDevice;
                }
                *device = ordinal;
                return kSuccess;
              });
}

FAKE_EXPORT Result cuDeviceGetAttribute(int* value,
                                        ferry_cuda::DeviceAttribute attribute,
                                        Device device) {
  return Call("cuDeviceGetAttribute",
              std::to_string(attribute) + ", " + std::to_string(device),
              [&](State& state) -> Result {
                if (!IsDevice(state, device)) return ferry_cuda::kInvalidDevice;
                if (attribute != ferry_cuda::kMemoryPoolsSupported) {
                  return ferry_cuda::kInvalidValue;
                }
                *value = GetSettings().has_pools ? 1 : 0;
                return kSuccess;
              });
}

FAKE_EXPORT Result cuDeviceGetName(char* name, int capacity, Device device) {
  return Call("cuDeviceGetName", std::to_string(device),
              [&](State& state) -> Result {
                if (!IsDevice(state, device)) return ferry_cuda::kInvalidDevice;
                CopyText("Fake GPU (a model of the driver, no hardware)", name,
                         static_cast<size_t>(capacity));
                return kSuccess;
              });
}

FAKE_EXPORT Result cuDeviceGetUuid_v2(CUuuid_st* uuid, Device device) {
  return Call("cuDeviceGetUuid_v2", std::to_string(device),
              [&](State& state) -> Result {
                if (!IsDevice(state, device)) return ferry_cuda::kInvalidDevice;
                char bytes[16] = "fake GPU";
                bytes[15] = static_cast<char>(device);
                memcpy(reinterpret_cast<char*>(uuid), bytes, sizeof(bytes));
                return kSuccess;
              });
}

FAKE_EXPORT Result cuDeviceTotalMem_v2(size_t* size_bytes, Device device) {
  return Call("cuDeviceTotalMem_v2", std::to_string(device),
              [&](State& state) -> Result {
                if (!IsDevice(state, device)) return ferry_cuda::kInvalidDevice;
                *size_bytes = GetSettings().memory_bytes;
                return kSuccess;
              });
}

FAKE_EXPORT Result cuDevicePrimaryCtxRetain(Context* context, Device device) {
  return Call("cuDevicePrimaryCtxRetain", std::to_string(device),
              [&](State& state) -> Result {
                if (!IsDevice(state, device)) return ferry_cuda::kInvalidDevice;
                const std::lock_guard<std::mutex> lock(state.mutex);
                ++state.gpus[device]->retains;
                *context = ContextOf(device);
                return kSuccess;
              });
}

FAKE_EXPORT Result cuCtxPushCurrent_v2(Context context) {
  return Call("cuCtxPushCurrent_v2", "", [&](State& state) -> Result {
    const int device = DeviceOf(state, context);
    if (device < 0) return ferry_cuda::kInvalidContext;
    CurrentContexts().devices.push_back(device);
    return kSuccess;
  });
}

FAKE_EXPORT Result cuCtxPopCurrent_v2(Context* context) {
  return Call("cuCtxPopCurrent_v2", "", [&](State&) -> Result {
    std::vector<int>& current = CurrentContexts().devices;
    if (current.empty()) return ferry_cuda::kInvalidContext;
    if (context != nullptr) *context = ContextOf(current.back());
    current.pop_back();
    return kSuccess;
  });
}

FAKE_EXPORT Result cuCtxGetCurrent(Context* context) {
  const std::vector<int>& current = CurrentContexts().devices;
  *context = current.empty() ? nullptr : ContextOf(current.back());
  return kSuccess;
}

FAKE_EXPORT Result cuMemGetInfo_v2(size_t* free_bytes, size_t* total_bytes) {
  return CallInContext("cuMemGetInfo_v2", "",
                       [&](State&, int, Gpu& gpu) -> Result {
                         *total_bytes = gpu.memory->capacity_bytes();
                         *free_bytes = *total_bytes - gpu.memory->used_bytes();
                         return kSuccess;
                       });
}

// "If bytesize is 0, cuMemAlloc() returns CUDA_ERROR_INVALID_VALUE."
FAKE_EXPORT Result cuMemAlloc_v2(DevicePointer* address, size_t size_bytes) {
  return CallInContext("cuMemAlloc_v2", std::to_string(size_bytes),
                       [&](State&, int, Gpu& gpu) -> Result {
                         if (size_bytes == 0) return ferry_cuda::kInvalidValue;
                         const std::shared_ptr<Allocation> allocation =
                             gpu.memory->Allocate(size_bytes);
                         if (allocation == nullptr) {
                           return ferry_cuda::kOutOfMemory;
                         }
                         *address = allocation->address;
                         return kSuccess;
                       });
}

FAKE_EXPORT Result cuMemFree_v2(DevicePointer address) {
  return CallInContext(
      "cuMemFree_v2", "", [&](State&, int, Gpu& gpu) -> Result {
        if (gpu.memory->Free(address)) return kSuccess;
        Violation("memory is freed that its device did not allocate");
        return ferry_cuda::kInvalidValue;
      });
}

// "The allocation must not be accessed until the the allocation operation
// completes." "Basic stream ordering allows future work submitted into the same
// stream to use the allocation. Stream query, stream synchronize, and CUDA
// events can be used to guarantee that the allocation operation completes
// before work submitted in a separate stream runs."
//
// By default the pool may "insert new stream dependencies in order to establish
// the stream ordering required to reuse a piece of memory released by
// cuMemFreeAsync" (CU_MEMPOOL_ATTR_REUSE_ALLOW_INTERNAL_DEPENDENCIES). The fake
// waits in the call instead.
FAKE_EXPORT Result cuMemAllocAsync(DevicePointer* address, size_t size_bytes,
                                   Stream stream) {
  return CallInContext(
      "cuMemAllocAsync", std::to_string(size_bytes),
      [&](State& state, int device, Gpu& gpu) -> Result {
        if (!GetSettings().has_pools) return ferry_cuda::kNotSupported;
        if (size_bytes == 0) return ferry_cuda::kInvalidValue;
        const std::shared_ptr<StreamState> on =
            FindStream(&state, device, stream);
        if (on == nullptr) return ferry_cuda::kInvalidHandle;
        std::shared_ptr<Allocation> allocation =
            gpu.memory->AllocateFromPool(size_bytes, on.get());
        if (allocation == nullptr) {
          for (const auto& freeing : gpu.memory->FreeingStreams()) {
            freeing->Synchronize();
          }
          allocation = gpu.memory->AllocateFromPool(size_bytes, on.get());
        }
        if (allocation == nullptr) return ferry_cuda::kOutOfMemory;
        on->Add([allocation] { allocation->is_allocated.store(true); });
        *address = allocation->address;
        return kSuccess;
      });
}

// "Inserts a free operation into hStream. The allocation must not be accessed
// after stream execution reaches the free."
FAKE_EXPORT Result cuMemFreeAsync(DevicePointer address, Stream stream) {
  return CallInContext(
      "cuMemFreeAsync", "", [&](State& state, int device, Gpu& gpu) -> Result {
        const std::shared_ptr<StreamState> on =
            FindStream(&state, device, stream);
        if (on == nullptr) return ferry_cuda::kInvalidHandle;
        const std::shared_ptr<Allocation> freed =
            gpu.memory->BeginFree(address, on);
        if (freed == nullptr) {
          Violation("memory is freed that its device did not allocate");
          return ferry_cuda::kInvalidValue;
        }
        on->Add([&gpu, freed] { gpu.memory->FinishFree(*freed); });
        return kSuccess;
      });
}

FAKE_EXPORT Result cuMemHostAlloc(void** address, size_t size_bytes,
                                  unsigned int) {
  return CallInContext(
      "cuMemHostAlloc", std::to_string(size_bytes),
      [&](State& state, int, Gpu&) -> Result {
        if (size_bytes == 0) return ferry_cuda::kInvalidValue;
        void* const mapped = mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (mapped == MAP_FAILED) return ferry_cuda::kOutOfMemory;
        auto block = std::make_shared<HostBlock>();
        block->size_bytes = size_bytes;
        const std::lock_guard<std::mutex> lock(state.mutex);
        state.host_blocks[reinterpret_cast<uintptr_t>(mapped)] =
            std::move(block);
        *address = mapped;
        return kSuccess;
      });
}

FAKE_EXPORT Result cuMemFreeHost(void* address) {
  return CallInContext(
      "cuMemFreeHost", "", [&](State& state, int, Gpu&) -> Result {
        const std::lock_guard<std::mutex> lock(state.mutex);
        const auto found =
            state.host_blocks.find(reinterpret_cast<uintptr_t>(address));
        if (found == state.host_blocks.end()) {
          Violation("host memory is freed that cuMemHostAlloc did not return");
          return ferry_cuda::kInvalidValue;
        }
        if (found->second->copies_under_way.load() != 0) {
          Violation("host memory is freed while a copy uses it");
        }
        munmap(address, found->second->size_bytes);
        state.host_blocks.erase(found);
        return kSuccess;
      });
}

FAKE_EXPORT Result cuMemcpyHtoDAsync_v2(DevicePointer to, const void* from,
                                        size_t size_bytes, Stream stream) {
  return CopyAsync(true, to, const_cast<void*>(from), size_bytes, stream);
}

FAKE_EXPORT Result cuMemcpyDtoHAsync_v2(void* to, DevicePointer from,
                                        size_t size_bytes, Stream stream) {
  return CopyAsync(false, from, to, size_bytes, stream);
}

// "dstDevice and srcDevice are the base pointers of the destination and source,
// respectively." The fake takes only memory of the current context here.
FAKE_EXPORT Result cuMemcpyDtoDAsync_v2(DevicePointer to, DevicePointer from,
                                        size_t size_bytes, Stream stream) {
  return CallInContext("cuMemcpyDtoDAsync_v2", std::to_string(size_bytes),
                       [&](State& state, int device, Gpu& gpu) -> Result {
                         return CopyOnDevices(&state, device, stream, &gpu, to,
                                              &gpu, from, size_bytes);
                       });
}

// "Copies from device memory in one context to device memory in another
// context."
FAKE_EXPORT Result cuMemcpyPeerAsync(DevicePointer to, Context to_context,
                                     DevicePointer from, Context from_context,
                                     size_t size_bytes, Stream stream) {
  return CallInContext("cuMemcpyPeerAsync", std::to_string(size_bytes),
                       [&](State& state, int device, Gpu&) -> Result {
                         const int to_device = DeviceOf(state, to_context);
                         const int from_device = DeviceOf(state, from_context);
                         if (to_device < 0 || from_device < 0) {
                           return ferry_cuda::kInvalidContext;
                         }
                         Gpu& to_gpu = *state.gpus[to_device];
                         const Result lost = to_gpu.lost.load();
                         if (lost != kSuccess) return lost;
                         return CopyOnDevices(&state, device, stream, &to_gpu,
                                              to, state.gpus[from_device].get(),
                                              from, size_bytes);
                       });
}

FAKE_EXPORT Result cuStreamCreate(Stream* stream, unsigned int flags) {
  return CallInContext(
      "cuStreamCreate", std::to_string(flags),
      [&](State& state, int device, Gpu&) -> Result {
        if (flags != ferry_cuda::kStreamNonBlocking) {
          Violation(
              "a stream waits for the legacy default stream of the program");
        }
        const std::shared_ptr<StreamState> made = NewStream(&state);
        const std::lock_guard<std::mutex> lock(state.mutex);
        const uintptr_t handle = NewHandle(&state);
        state.streams[handle] = {device, made};
        *stream = reinterpret_cast<Stream>(handle);
        return kSuccess;
      });
}

// "In case the device is still doing work in the stream hStream when
// cuStreamDestroy() is called, the function will return immediately".
FAKE_EXPORT Result cuStreamDestroy_v2(Stream stream) {
  return CallInContext(
      "cuStreamDestroy_v2", "", [&](State& state, int device, Gpu&) -> Result {
        const std::shared_ptr<StreamState> destroyed =
            FindStream(&state, device, stream);
        if (destroyed == nullptr) return ferry_cuda::kInvalidHandle;
        destroyed->Close();
        const std::lock_guard<std::mutex> lock(state.mutex);
        state.destroyed_streams.push_back(destroyed);
        state.streams.erase(reinterpret_cast<uintptr_t>(stream));
        return kSuccess;
      });
}

// "When more than the release threshold bytes of memory are held by the memory
// pool, the allocator will try to release memory back to the OS on the next
// call to stream, event or context synchronize. (default 0)"
// (CU_MEMPOOL_ATTR_RELEASE_THRESHOLD)
FAKE_EXPORT Result cuStreamSynchronize(Stream stream) {
  return CallInContext("cuStreamSynchronize", "",
                       [&](State& state, int device, Gpu& gpu) -> Result {
                         const std::shared_ptr<StreamState> awaited =
                             FindStream(&state, device, stream);
                         if (awaited == nullptr) {
                           return ferry_cuda::kInvalidHandle;
                         }
                         awaited->Synchronize();
                         gpu.memory->TrimPool();
                         return gpu.lost.load();
                       });
}

FAKE_EXPORT Result cuEventCreate(Event* event, unsigned int flags) {
  return CallInContext(
      "cuEventCreate", std::to_string(flags),
      [&](State& state, int device, Gpu&) -> Result {
        const std::lock_guard<std::mutex> lock(state.mutex);
        const uintptr_t handle = NewHandle(&state);
        state.events[handle] = {device, std::make_shared<EventState>()};
        *event = reinterpret_cast<Event>(handle);
        return kSuccess;
      });
}

// "An event may be destroyed before it is complete [...]. In this case, the
// call does not block on completion of the event".
FAKE_EXPORT Result cuEventDestroy_v2(Event event) {
  return CallInContext("cuEventDestroy_v2", "",
                       [&](State& state, int device, Gpu&) -> Result {
                         if (FindEvent(&state, device, event) == nullptr) {
                           return ferry_cuda::kInvalidHandle;
                         }
                         const std::lock_guard<std::mutex> lock(state.mutex);
                         state.events.erase(reinterpret_cast<uintptr_t>(event));
                         return kSuccess;
                       });
}

// "hEvent and hStream must be from the same context", or the result is
// CUDA_ERROR_INVALID_HANDLE.
FAKE_EXPORT Result cuEventRecord(Event event, Stream stream) {
  return CallInContext(
      "cuEventRecord", "", [&](State& state, int device, Gpu&) -> Result {
        const std::shared_ptr<EventState> recorded =
            FindEvent(&state, device, event);
        const std::shared_ptr<StreamState> on =
            FindStream(&state, device, stream);
        if (recorded == nullptr || on == nullptr) {
          return ferry_cuda::kInvalidHandle;
        }
        const std::lock_guard<std::mutex> lock(recorded->mutex);
        const uint64_t number = ++recorded->recorded;
        recorded->stream = on;
        recorded->task = on->Add([recorded, number] {
          const std::lock_guard<std::mutex> lock(recorded->mutex);
          recorded->completed = std::max(recorded->completed, number);
          recorded->has_changed.notify_all();
        });
        return kSuccess;
      });
}

FAKE_EXPORT Result cuEventSynchronize(Event event) {
  return CallInContext(
      "cuEventSynchronize", "",
      [&](State& state, int device, Gpu& gpu) -> Result {
        const std::shared_ptr<EventState> awaited =
            FindEvent(&state, device, event);
        if (awaited == nullptr) return ferry_cuda::kInvalidHandle;
        std::shared_ptr<StreamState> stream;
        uint64_t number = 0;
        uint64_t task = 0;
        {
          const std::lock_guard<std::mutex> lock(awaited->mutex);
          number = awaited->recorded;
          stream = awaited->stream.lock();
          task = awaited->task;
        }
        if (stream != nullptr) stream->Hurry(task);
        std::unique_lock<std::mutex> lock(awaited->mutex);
        awaited->has_changed.wait(lock,
                                  [&] { return awaited->completed >= number; });
        gpu.memory->TrimPool();
        return gpu.lost.load();
      });
}
