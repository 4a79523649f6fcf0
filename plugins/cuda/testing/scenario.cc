// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "scenario.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "cuda_driver.h"
#include "fake_driver.h"
#include "fake_process.h"

namespace fake_driver {
namespace {

constexpr uint64_t kDeviceBytes = 1 << 20;
constexpr uint64_t kBufferBytes = 40000;

// Bytes that say where they are and who wrote them.
std::vector<char> Pattern(uint64_t size_bytes, int writer) {
  std::vector<char> bytes(size_bytes);
  for (uint64_t i = 0; i < size_bytes; ++i) {
    bytes[i] = static_cast<char>(i * 7 + i / 251 + writer * 37);
  }
  return bytes;
}

ferry_copy CopyOf(uint32_t direction, uint32_t index, uint64_t handle,
                  uint64_t offset_bytes, uint64_t size_bytes, void* host) {
  ferry_copy copy = HostStruct<ferry_copy>();
  copy.direction = direction;
  copy.device_index = index;
  copy.handle = handle;
  copy.offset_bytes = offset_bytes;
  copy.size_bytes = size_bytes;
  if (direction == FERRY_COPY_TO_HOST) {
    copy.host_destination = host;
  } else {
    copy.host_source = host;
  }
  return copy;
}

ferry_device_copy DeviceCopyOf(uint32_t from_index, uint64_t from,
                               uint64_t from_offset_bytes, uint32_t to_index,
                               uint64_t to, uint64_t to_offset_bytes,
                               uint64_t size_bytes) {
  ferry_device_copy copy = HostStruct<ferry_device_copy>();
  copy.source_index = from_index;
  copy.source_handle = from;
  copy.source_offset_bytes = from_offset_bytes;
  copy.destination_index = to_index;
  copy.destination_handle = to;
  copy.destination_offset_bytes = to_offset_bytes;
  copy.size_bytes = size_bytes;
  return copy;
}

// The plugin's functions, which must succeed.
class Plugin {
 public:
  explicit Plugin(const ferry_backend& table) : table_(table) {}

  uint64_t Allocate(uint32_t index, uint64_t size_bytes) {
    uint64_t handle = 0;
    ferry_status status = HostStruct<ferry_status>();
    Succeed(
        "allocate",
        table_.allocate(table_.context, index, size_bytes, &handle, &status),
        status);
    return handle;
  }
  void Free(uint32_t index, uint64_t handle) {
    ferry_status status = HostStruct<ferry_status>();
    Succeed("free", table_.free(table_.context, index, handle, &status),
            status);
  }
  void Copy(const ferry_copy& copy) {
    ferry_status status = HostStruct<ferry_status>();
    Succeed("copy", table_.copy(table_.context, &copy, &status), status);
  }
  int32_t CopyCode(const ferry_copy& copy) {
    ferry_status status = HostStruct<ferry_status>();
    return table_.copy(table_.context, &copy, &status);
  }
  void CopyBetween(const ferry_device_copy& copy) {
    ferry_status status = HostStruct<ferry_status>();
    Succeed("copy_between", table_.copy_between(table_.context, &copy, &status),
            status);
  }
  int32_t CopyBetweenCode(const ferry_device_copy& copy) {
    ferry_status status = HostStruct<ferry_status>();
    return table_.copy_between(table_.context, &copy, &status);
  }
  uint64_t CreateQueue(uint32_t index) {
    uint64_t queue = 0;
    ferry_status status = HostStruct<ferry_status>();
    Succeed("queue_create",
            table_.queue_create(table_.context, index, &queue, &status),
            status);
    return queue;
  }
  void DestroyQueue(uint64_t queue) {
    ferry_status status = HostStruct<ferry_status>();
    Succeed("queue_destroy",
            table_.queue_destroy(table_.context, queue, &status), status);
  }
  uint64_t CopyAsync(uint64_t queue, const ferry_copy& copy) {
    uint64_t event = 0;
    ferry_status status = HostStruct<ferry_status>();
    Succeed("copy_async",
            table_.copy_async(table_.context, queue, &copy, &event, &status),
            status);
    return event;
  }
  void Wait(uint64_t event) {
    ferry_status status = HostStruct<ferry_status>();
    Succeed("event_wait", table_.event_wait(table_.context, event, &status),
            status);
  }
  void Release(uint64_t event) {
    ferry_status status = HostStruct<ferry_status>();
    Succeed("event_release",
            table_.event_release(table_.context, event, &status), status);
  }
  char* HostAllocate(uint32_t index, uint64_t size_bytes) {
    void* address = nullptr;
    ferry_status status = HostStruct<ferry_status>();
    Succeed("host_allocate",
            table_.host_allocate(table_.context, index, size_bytes, &address,
                                 &status),
            status);
    return static_cast<char*>(address);
  }
  void HostFree(uint32_t index, void* address) {
    ferry_status status = HostStruct<ferry_status>();
    Succeed("host_free",
            table_.host_free(table_.context, index, address, &status), status);
  }
  const ferry_backend& table() const { return table_; }

 private:
  static void Succeed(const char* function, int32_t code,
                      const ferry_status& status) {
    if (code != FERRY_OK) Fail(std::string(function) + ": " + status.message);
  }

  const ferry_backend& table_;
};

ferry_cuda::Context CurrentContext() {
  ferry_cuda::Context context = nullptr;
  reinterpret_cast<ferry_cuda::Result (*)(ferry_cuda::Context*)>(
      FakeFunction("cuCtxGetCurrent"))(&context);
  return context;
}

// Fails unless every function of the table that needs device `index` has the
// given code and message. `handle` is memory of at least 1 byte on it.
void RequireRefusals(const ferry_backend& table, uint32_t index,
                     uint64_t handle, int32_t code, uint64_t flags,
                     int64_t vendor_code, const std::string& message) {
  ferry_status status = HostStruct<ferry_status>();
  const auto require = [&](const char* function, int32_t returned) {
    Require(returned == code && status.flags == flags &&
                status.vendor_code == vendor_code &&
                std::strstr(status.message, message.c_str()) != nullptr,
            std::string(function) + " reports \"" + message + "\", not \"" +
                status.message + "\" with code " + std::to_string(returned));
    status = HostStruct<ferry_status>();
  };
  ferry_device_properties properties = HostStruct<ferry_device_properties>();
  require("device_properties",
          table.device_properties(table.context, index, &properties, &status));
  uint64_t made = 0;
  void* address = nullptr;
  for (uint64_t size_bytes : {0, 1}) {
    char byte = 0;
    require("allocate",
            table.allocate(table.context, index, size_bytes, &made, &status));
    ferry_copy copy =
        CopyOf(FERRY_COPY_TO_DEVICE, index, handle, 0, size_bytes, &byte);
    require("copy", table.copy(table.context, &copy, &status));
    copy = CopyOf(FERRY_COPY_TO_HOST, index, handle, 0, size_bytes, &byte);
    require("copy", table.copy(table.context, &copy, &status));
  }
  const auto copy_between = [&](uint32_t from, uint32_t to, uint64_t of,
                                uint64_t size_bytes) {
    const ferry_device_copy copy =
        DeviceCopyOf(from, of, 0, to, of, 0, size_bytes);
    require("copy_between", table.copy_between(table.context, &copy, &status));
  };
  for (uint64_t size_bytes : {0, 1}) {
    copy_between(index, index, handle, size_bytes);
  }
  copy_between(index, 1 - index, 0, 0);
  copy_between(1 - index, index, 0, 0);
  require("queue_create",
          table.queue_create(table.context, index, &made, &status));
  require("host_allocate",
          table.host_allocate(table.context, index, 1, &address, &status));
}

// The same for a device that is lost because of `cause`.
void RequireLost(const ferry_backend& table, uint32_t index, uint64_t handle,
                 ferry_cuda::Result cause, const std::string& name) {
  RequireRefusals(table, index, handle, FERRY_UNAVAILABLE,
                  FERRY_STATUS_DEVICE_LOST, cause,
                  "an earlier call failed: " + name);
}

// -----------------------------------------------------------------------------
// The parts of UseEverything
// -----------------------------------------------------------------------------

void UseBlockingCopies(Plugin* plugin, uint32_t index) {
  const std::vector<char> bytes = Pattern(5000, 1);
  std::vector<char> read(bytes.size());
  const uint64_t handle = plugin->Allocate(index, 6000);
  for (uint64_t offset : {uint64_t{0}, uint64_t{17}, uint64_t{1000}}) {
    std::vector<char> source = bytes;
    plugin->Copy(CopyOf(FERRY_COPY_TO_DEVICE, index, handle, offset,
                        source.size(), source.data()));
    std::fill(source.begin(), source.end(), 'x');
    // On a queue, which is not ordered after the stream of the copy.
    const uint64_t queue = plugin->CreateQueue(index);
    std::fill(read.begin(), read.end(), 'y');
    const uint64_t event =
        plugin->CopyAsync(queue, CopyOf(FERRY_COPY_TO_HOST, index, handle,
                                        offset, read.size(), read.data()));
    plugin->Wait(event);
    Require(read == bytes, "a queue reads what a blocking copy wrote");
    plugin->Release(event);
    plugin->DestroyQueue(queue);
    std::fill(read.begin(), read.end(), 'z');
    plugin->Copy(CopyOf(FERRY_COPY_TO_HOST, index, handle, offset, read.size(),
                        read.data()));
    Require(read == bytes, "a blocking copy reads what another one wrote");
  }
  plugin->Free(index, handle);
}

// A load: staging buffers of the plugin that are reused on their events.
void UseStaging(Plugin* plugin, uint32_t index) {
  constexpr int kBuffers = 2;
  constexpr int kPieces = 9;
  const uint64_t queue = plugin->CreateQueue(index);
  const uint64_t handle = plugin->Allocate(index, kPieces * kBufferBytes);
  char* buffers[kBuffers];
  uint64_t events[kBuffers] = {};
  for (char*& buffer : buffers) {
    buffer = plugin->HostAllocate(index, kBufferBytes);
    Require(reinterpret_cast<uintptr_t>(buffer) % 64 == 0, "aligned to 64");
  }
  for (int i = 0; i < kPieces; ++i) {
    uint64_t& event = events[i % kBuffers];
    if (event != 0) {
      plugin->Wait(event);
      plugin->Release(event);
    }
    const std::vector<char> bytes = Pattern(kBufferBytes, i);
    std::memcpy(buffers[i % kBuffers], bytes.data(), kBufferBytes);
    event = plugin->CopyAsync(
        queue, CopyOf(FERRY_COPY_TO_DEVICE, index, handle, i * kBufferBytes,
                      kBufferBytes, buffers[i % kBuffers]));
  }
  for (uint64_t event : events) {
    plugin->Wait(event);
    plugin->Release(event);
  }
  // A save: the same way back.
  for (int i = 0; i < kPieces; ++i) {
    char* const buffer = buffers[i % kBuffers];
    std::memset(buffer, 'x', kBufferBytes);
    const uint64_t event = plugin->CopyAsync(
        queue, CopyOf(FERRY_COPY_TO_HOST, index, handle, i * kBufferBytes,
                      kBufferBytes, buffer));
    plugin->Wait(event);
    Require(
        std::memcmp(buffer, Pattern(kBufferBytes, i).data(), kBufferBytes) == 0,
        "a staged save reads what a staged load wrote");
    plugin->Wait(event);
    plugin->Release(event);
  }
  // A copy of 0 bytes has an event, too.
  const uint64_t empty = plugin->CopyAsync(
      queue, CopyOf(FERRY_COPY_TO_DEVICE, index, handle, 0, 0, nullptr));
  plugin->Wait(empty);
  plugin->Release(empty);
  // Events that are released early, and a queue that is destroyed at work.
  for (char* buffer : buffers) {
    std::memset(buffer, 'w', kBufferBytes);
    plugin->Release(plugin->CopyAsync(
        queue,
        CopyOf(FERRY_COPY_TO_DEVICE, index, handle, 0, kBufferBytes, buffer)));
  }
  plugin->DestroyQueue(queue);
  for (char* buffer : buffers) plugin->HostFree(index, buffer);
  plugin->Free(index, handle);
}

// Returns the bytes that a queue reads: it is not ordered after any other work.
std::vector<char> ReadOnQueue(Plugin* plugin, uint32_t index, uint64_t handle,
                              uint64_t size_bytes) {
  std::vector<char> read(size_bytes, 'x');
  const uint64_t queue = plugin->CreateQueue(index);
  const uint64_t event = plugin->CopyAsync(
      queue,
      CopyOf(FERRY_COPY_TO_HOST, index, handle, 0, size_bytes, read.data()));
  plugin->Wait(event);
  plugin->Release(event);
  plugin->DestroyQueue(queue);
  return read;
}

void UseDeviceCopies(Plugin* plugin, uint32_t from, uint32_t to) {
  std::vector<char> bytes = Pattern(9000, 6);
  std::vector<char> expected(9000, 'd');
  const uint64_t source = plugin->Allocate(from, bytes.size());
  const uint64_t target = plugin->Allocate(to, expected.size());
  plugin->Copy(CopyOf(FERRY_COPY_TO_DEVICE, from, source, 0, bytes.size(),
                      bytes.data()));
  plugin->Copy(CopyOf(FERRY_COPY_TO_DEVICE, to, target, 0, expected.size(),
                      expected.data()));
  plugin->CopyBetween(DeviceCopyOf(from, source, 100, to, target, 300, 5000));
  std::copy_n(bytes.begin() + 100, 5000, expected.begin() + 300);
  Require(ReadOnQueue(plugin, to, target, expected.size()) == expected,
          "a queue reads what was copied between devices");
  // From one range of a memory to the next.
  plugin->CopyBetween(DeviceCopyOf(from, source, 0, from, source, 4500, 4500));
  std::copy_n(bytes.begin(), 4500, bytes.begin() + 4500);
  Require(ReadOnQueue(plugin, from, source, bytes.size()) == bytes,
          "a queue reads what was copied in one memory");
  const struct {
    uint64_t from_offset_bytes, to_offset_bytes, size_bytes;
    int32_t code;
  } cases[] = {
      {0, 0, 0, FERRY_OK},
      {9000, 9000, 0, FERRY_OK},
      {9001, 0, 0, FERRY_OUT_OF_RANGE},
      {0, 9001, 0, FERRY_OUT_OF_RANGE},
      {0, 4001, 5000, FERRY_OUT_OF_RANGE},
      {4001, 0, 5000, FERRY_OUT_OF_RANGE},
      {~uint64_t{0}, 0, 2, FERRY_OUT_OF_RANGE},
      {0, 2, ~uint64_t{0}, FERRY_OUT_OF_RANGE},
  };
  for (const auto& copy : cases) {
    Require(plugin->CopyBetweenCode(DeviceCopyOf(
                from, source, copy.from_offset_bytes, to, target,
                copy.to_offset_bytes, copy.size_bytes)) == copy.code,
            "a copy between devices has code " + std::to_string(copy.code));
  }
  for (uint64_t offset : {0, 1, 4499}) {
    Require(plugin->CopyBetweenCode(
                DeviceCopyOf(from, source, offset, from, source, 0, 4500)) ==
                    FERRY_INVALID_ARGUMENT &&
                plugin->CopyBetweenCode(DeviceCopyOf(from, source, 0, from,
                                                     source, offset, 4500)) ==
                    FERRY_INVALID_ARGUMENT,
            "ranges that overlap are refused");
  }
  plugin->Free(from, source);
  plugin->Free(to, target);
}

void UseBounds(Plugin* plugin) {
  const uint64_t handle = plugin->Allocate(0, 1000);
  const uint64_t other = plugin->Allocate(1, 1000);
  Require(plugin->Allocate(0, 0) == 0, "0 bytes have the handle 0");
  plugin->Free(0, 0);
  std::vector<char> bytes(2000, 'b');
  const struct {
    uint32_t index;
    uint64_t handle, offset_bytes, size_bytes;
    int32_t code;
  } cases[] = {
      {0, handle, 0, 1001, FERRY_OUT_OF_RANGE},
      {0, handle, 1000, 1, FERRY_OUT_OF_RANGE},
      {0, handle, ~uint64_t{0}, 2, FERRY_OUT_OF_RANGE},
      {0, handle, 1, ~uint64_t{0}, FERRY_OUT_OF_RANGE},
      {2, handle, 0, 1, FERRY_OUT_OF_RANGE},
      {0, other, 0, 1, FERRY_INVALID_ARGUMENT},
      {1, handle, 0, 1, FERRY_INVALID_ARGUMENT},
      {0, handle + 1, 0, 1, FERRY_INVALID_ARGUMENT},
      {0, 0, 0, 1, FERRY_OUT_OF_RANGE},
      {0, handle, 1000, 0, FERRY_OK},
      {0, 0, 0, 0, FERRY_OK},
  };
  for (const auto& wrong : cases) {
    for (uint32_t direction : {FERRY_COPY_TO_DEVICE, FERRY_COPY_TO_HOST}) {
      const ferry_copy copy =
          CopyOf(direction, wrong.index, wrong.handle, wrong.offset_bytes,
                 wrong.size_bytes, bytes.data());
      Require(
          plugin->CopyCode(copy) == wrong.code,
          "a copy outside the memory has code " + std::to_string(wrong.code));
    }
  }
  ferry_copy copy = CopyOf(3, 0, handle, 0, 1, bytes.data());
  Require(plugin->CopyCode(copy) == FERRY_UNIMPLEMENTED, "unknown direction");
  // The queue of one device and the memory of another.
  const uint64_t queue = plugin->CreateQueue(1);
  copy = CopyOf(FERRY_COPY_TO_DEVICE, 0, handle, 0, 1, bytes.data());
  ferry_status status = HostStruct<ferry_status>();
  uint64_t event = 0;
  const ferry_backend& table = plugin->table();
  Require(table.copy_async(table.context, queue, &copy, &event, &status) ==
              FERRY_INVALID_ARGUMENT,
          "a queue refuses memory of another device");
  plugin->DestroyQueue(queue);
  plugin->Free(0, handle);
  plugin->Free(1, other);
  status = HostStruct<ferry_status>();
  Require(
      table.free(table.context, 0, handle, &status) == FERRY_INVALID_ARGUMENT,
      "memory is freed once");
  Require(table.allocate(table.context, 2, 1, &event, &status) ==
              FERRY_OUT_OF_RANGE,
          "there is no third device");
}

void UseAllMemory(Plugin* plugin) {
  const ferry_backend& table = plugin->table();
  const uint64_t most = plugin->Allocate(0, kDeviceBytes - 100);
  uint64_t handle = 7;
  ferry_status status = HostStruct<ferry_status>();
  Require(table.allocate(table.context, 0, 101, &handle, &status) ==
              FERRY_RESOURCE_EXHAUSTED,
          "memory has an end");
  const std::string message = status.message;
  Require(
      message.find("100 of its 1048576 bytes are free") != std::string::npos &&
          message.find("map_location") != std::string::npos,
      "the message tells how much is free: " + message);
  const uint64_t rest = plugin->Allocate(0, 100);
  plugin->Free(0, most);
  plugin->Free(0, rest);
  plugin->Free(0, plugin->Allocate(0, kDeviceBytes));
}

}  // namespace

void UseEverything(const ferry_backend& table) {
  Plugin plugin(table);
  ferry_devices devices = HostStruct<ferry_devices>();
  ferry_status status = HostStruct<ferry_status>();
  table.device_count(table.context, &devices, &status);
  Require(devices.count == 2, "two devices");
  // Once without any context, and once in the context that another library
  // made current. Neither may be changed.
  for (int round = 0; round < 2; ++round) {
    ferry_cuda::Context before = CurrentContext();
    for (uint32_t index = 0; index < 2; ++index) {
      UseBlockingCopies(&plugin, index);
      UseStaging(&plugin, index);
      UseDeviceCopies(&plugin, index, 0);
      UseDeviceCopies(&plugin, index, 1);
      Require(CurrentContext() == before, "the current context is restored");
    }
    UseBounds(&plugin);
    UseAllMemory(&plugin);
    Require(CurrentContext() == before, "the current context is restored");
    std::thread([&] {
      UseBlockingCopies(&plugin, 1);
      Require(CurrentContext() == nullptr, "a thread is left as it was");
    }).join();
    if (round == 1) break;
    // Context 1, which the plugin has retained by now.
    const auto push =
        reinterpret_cast<ferry_cuda::Result (*)(ferry_cuda::Context)>(
            FakeFunction("cuCtxPushCurrent_v2"));
    const auto retain = reinterpret_cast<ferry_cuda::Result (*)(
        ferry_cuda::Context*, ferry_cuda::Device)>(
        FakeFunction("cuDevicePrimaryCtxRetain"));
    ferry_cuda::Context other = nullptr;
    RequireCleanReport();
    retain(&other, 1);
    Require(push(other) == ferry_cuda::kSuccess, "a context can be pushed");
  }
  ferry_cuda::Context popped = nullptr;
  reinterpret_cast<ferry_cuda::Result (*)(ferry_cuda::Context*)>(
      FakeFunction("cuCtxPopCurrent_v2"))(&popped);
  const std::string log = FakeLog();
  Require(log.find("cuMemAllocAsync(") == std::string::npos ||
              log.find("cuMemFree_v2(") == std::string::npos,
          "memory from a pool is freed without waiting for the device");
}

void LoseADevice(const ferry_backend& table) {
  Plugin plugin(table);
  const uint64_t queue = plugin.CreateQueue(1);
  const uint64_t handle = plugin.Allocate(1, kBufferBytes);
  char* const buffer = plugin.HostAllocate(1, kBufferBytes);
  const ferry_copy copy =
      CopyOf(FERRY_COPY_TO_DEVICE, 1, handle, 0, kBufferBytes, buffer);
  const uint64_t done = plugin.CopyAsync(queue, copy);
  plugin.Wait(done);
  const uint64_t event = plugin.CopyAsync(queue, copy);
  reinterpret_cast<FakeDriverLose>(FakeFunction("fake_driver_lose"))(
      1, ferry_cuda::kIllegalAddress);
  ferry_status status = HostStruct<ferry_status>();
  // A call that finds the device lost, if the event did not.
  Require(table.copy(table.context, &copy, &status) == FERRY_UNAVAILABLE,
          "a copy on a lost device is unavailable");
  Require((status.flags & FERRY_STATUS_DEVICE_LOST) != 0 &&
              status.vendor_code == ferry_cuda::kIllegalAddress &&
              std::strstr(status.message, "ILLEGAL_ADDRESS") != nullptr,
          "the error is reported as a lost device");
  const std::string log = FakeLog();
  status = HostStruct<ferry_status>();
  const int32_t first = table.event_wait(table.context, event, &status);
  for (int i = 0; i < 3; ++i) {
    status = HostStruct<ferry_status>();
    Require(table.event_wait(table.context, event, &status) == first,
            "an event on a lost device has one result");
  }
  status = HostStruct<ferry_status>();
  Require(table.event_wait(table.context, done, &status) == FERRY_OK,
          "what was done before stays done");
  RequireLost(table, 1, handle, ferry_cuda::kIllegalAddress,
              "CUDA_ERROR_ILLEGAL_ADDRESS");
  plugin.Release(event);
  plugin.Release(done);
  plugin.DestroyQueue(queue);
  plugin.HostFree(1, buffer);
  plugin.Free(1, handle);
  Require(FakeLog() == log, "the driver is not called for a lost device");
  UseBlockingCopies(&plugin, 0);
  RequireCleanReport();
}

void LoseACopy(const ferry_backend& table) {
  Plugin plugin(table);
  const uint64_t queue = plugin.CreateQueue(0);
  const uint64_t handle = plugin.Allocate(0, kBufferBytes);
  char* const buffer = plugin.HostAllocate(0, kBufferBytes);
  const ferry_copy copy =
      CopyOf(FERRY_COPY_TO_DEVICE, 0, handle, 0, kBufferBytes, buffer);
  const uint64_t event = plugin.CopyAsync(queue, copy);
  ferry_status status = HostStruct<ferry_status>();
  Require(table.event_wait(table.context, event, &status) == FERRY_UNAVAILABLE,
          "the wait reports the error of the copy");
  Require((status.flags & FERRY_STATUS_DEVICE_LOST) != 0 &&
              status.vendor_code == ferry_cuda::kIllegalAddress,
          "the error of the copy says that the device is lost");
  plugin.Release(event);
  plugin.DestroyQueue(queue);
  plugin.HostFree(0, buffer);
  plugin.Free(0, handle);
  UseBlockingCopies(&plugin, 1);
  RequireCleanReport();
}

void LoseAPeerCopy(const ferry_backend& table) {
  Plugin plugin(table);
  const uint64_t source = plugin.Allocate(0, kBufferBytes);
  const uint64_t target = plugin.Allocate(1, kBufferBytes);
  const ferry_device_copy copy =
      DeviceCopyOf(0, source, 0, 1, target, 0, kBufferBytes);
  ferry_status status = HostStruct<ferry_status>();
  Require(
      table.copy_between(table.context, &copy, &status) == FERRY_UNAVAILABLE &&
          status.flags == FERRY_STATUS_DEVICE_LOST &&
          status.vendor_code == ferry_cuda::kIllegalAddress,
      "the copy reports its error");
  RequireLost(table, 0, source, ferry_cuda::kIllegalAddress,
              "CUDA_ERROR_ILLEGAL_ADDRESS");
  RequireLost(table, 1, target, ferry_cuda::kIllegalAddress,
              "CUDA_ERROR_ILLEGAL_ADDRESS");
  plugin.Free(0, source);
  plugin.Free(1, target);
}

void LoseOneOfTwo(const ferry_backend& table, uint32_t lost) {
  Plugin plugin(table);
  const uint64_t memory[] = {plugin.Allocate(0, kBufferBytes),
                             plugin.Allocate(1, kBufferBytes)};
  reinterpret_cast<FakeDriverLose>(FakeFunction("fake_driver_lose"))(
      static_cast<int>(lost), ferry_cuda::kIllegalAddress);
  const ferry_device_copy copy =
      DeviceCopyOf(0, memory[0], 0, 1, memory[1], 0, kBufferBytes);
  ferry_status status = HostStruct<ferry_status>();
  Require(
      table.copy_between(table.context, &copy, &status) == FERRY_UNAVAILABLE &&
          status.flags == FERRY_STATUS_DEVICE_LOST &&
          status.vendor_code == ferry_cuda::kIllegalAddress,
      "the copy reports the error of the device");
  RequireLost(table, lost, memory[lost], ferry_cuda::kIllegalAddress,
              "CUDA_ERROR_ILLEGAL_ADDRESS");
  UseBlockingCopies(&plugin, 1 - lost);
  plugin.Free(0, memory[0]);
  plugin.Free(1, memory[1]);
  RequireCleanReport();
}

void LoseTheDestinationAtWork(const ferry_backend& table) {
  Plugin plugin(table);
  const uint64_t source = plugin.Allocate(0, kBufferBytes);
  const uint64_t target = plugin.Allocate(1, kBufferBytes);
  ferry_cuda::Driver driver = {};
#define FAKE_MEMBER(member, name, parameters) \
  driver.member =                             \
      reinterpret_cast<decltype(driver.member)>(FakeFunction(#name));
  FERRY_CUDA_FUNCTIONS(FAKE_MEMBER)
#undef FAKE_MEMBER
  ferry_cuda::Context contexts[2] = {};
  for (int i = 0; i < 2; ++i) {
    driver.device_primary_ctx_retain(&contexts[i], i);
  }
  driver.ctx_push_current(contexts[0]);
  ferry_cuda::Stream stream = nullptr;
  driver.stream_create(&stream, ferry_cuda::kStreamNonBlocking);
  Require(
      driver.memcpy_peer_async(target, contexts[1], source, contexts[0],
                               kBufferBytes, stream) == ferry_cuda::kSuccess,
      "the copy is issued");
  reinterpret_cast<FakeDriverLose>(FakeFunction("fake_driver_lose"))(
      1, ferry_cuda::kIllegalAddress);
  Require(driver.stream_synchronize(stream) == ferry_cuda::kIllegalAddress,
          "the wait reports that the copy did not happen");
  driver.ctx_pop_current(&contexts[0]);
}

void LoseADeviceWithWaiters(const ferry_backend& table) {
  constexpr int kThreads = 12;
  constexpr int kStreams = 8;  // as many as the plugin lends
  Plugin plugin(table);
  const uint64_t handle = plugin.Allocate(0, kBufferBytes);
  const auto count = [](const std::string& call) {
    const std::string log = FakeLog();
    int found = 0;
    for (size_t at = log.find(call); at != std::string::npos;
         at = log.find(call, at + 1)) {
      ++found;
    }
    return found;
  };
  const int pushed = count("cuCtxPushCurrent_v2(");
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  std::atomic<int> failures{0};
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      std::vector<char> bytes = Pattern(100, i);
      failures += plugin.CopyCode(CopyOf(FERRY_COPY_TO_DEVICE, 0, handle,
                                         i * bytes.size(), bytes.size(),
                                         bytes.data())) == FERRY_UNAVAILABLE;
    });
  }
  while (count("cuCtxPushCurrent_v2(") != pushed + kThreads) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  reinterpret_cast<FakeDriverLose>(FakeFunction("fake_driver_lose"))(
      0, ferry_cuda::kIllegalAddress);
  for (std::thread& thread : threads) thread.join();
  Require(failures == kThreads, "each copy says that the device is lost");
  Require(count("cuMemcpyHtoDAsync_v2(") <= kStreams,
          "a thread that waited for a stream does not use a lost device");
  plugin.Free(0, handle);
}

void FailToWait(const ferry_backend& table) {
  Plugin plugin(table);
  const uint64_t queue = plugin.CreateQueue(0);
  const uint64_t handle = plugin.Allocate(0, kBufferBytes);
  char* const buffer = plugin.HostAllocate(0, kBufferBytes);
  const ferry_copy copy =
      CopyOf(FERRY_COPY_TO_DEVICE, 0, handle, 0, kBufferBytes, buffer);
  const uint64_t event = plugin.CopyAsync(queue, copy);
  for (int i = 0; i < 2; ++i) {
    ferry_status status = HostStruct<ferry_status>();
    Require(
        table.event_wait(table.context, event, &status) == FERRY_UNAVAILABLE &&
            status.flags == FERRY_STATUS_DEVICE_LOST &&
            status.vendor_code == ferry_cuda::kUnknown,
        "a wait that fails for whatever reason loses the device");
  }
  const std::string log = FakeLog();
  RequireLost(table, 0, handle, ferry_cuda::kUnknown, "CUDA_ERROR_UNKNOWN");
  plugin.Release(event);
  plugin.DestroyQueue(queue);
  plugin.HostFree(0, buffer);
  plugin.Free(0, handle);
  Require(FakeLog() == log, "the driver is not called for a lost device");
  UseBlockingCopies(&plugin, 1);
}

void ForkAfterUse(const ferry_backend& table) {
  Plugin plugin(table);
  const uint64_t handle = plugin.Allocate(0, 100);
  const uint64_t queue = plugin.CreateQueue(0);
  char* const buffer = plugin.HostAllocate(0, 100);
  const ferry_copy copy =
      CopyOf(FERRY_COPY_TO_DEVICE, 0, handle, 0, 100, buffer);
  const uint64_t event = plugin.CopyAsync(queue, copy);
  plugin.Wait(event);
  const pid_t child = fork();
  if (child == 0) {
    // A hang must not outlive the test, whose own alarm ends only the parent.
    alarm(kChildSeconds);
    RequireRefusals(table, 0, handle, FERRY_FAILED_PRECONDITION, 0, 0,
                    "this process was forked after it used CUDA");
    ferry_status status = HostStruct<ferry_status>();
    uint64_t more = 0;
    Require(table.copy_async(table.context, queue, &copy, &more, &status) ==
                FERRY_FAILED_PRECONDITION,
            "a queue after a fork is refused");
    // The parent's memory is not the child's to free.
    plugin.Release(event);
    plugin.DestroyQueue(queue);
    plugin.HostFree(0, buffer);
    plugin.Free(0, handle);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  Require(WIFEXITED(status) && WEXITSTATUS(status) == 0,
          "the forked process exits");
  plugin.Wait(event);
  plugin.Release(event);
  plugin.DestroyQueue(queue);
  plugin.HostFree(0, buffer);
  plugin.Free(0, handle);
  UseBlockingCopies(&plugin, 0);
  RequireCleanReport();
}

void UseInSpiteOfErrors(const ferry_backend& table) {
  static auto* const kept = new std::vector<std::vector<char>*>;
  for (uint32_t index = 0; index < 2; ++index) {
    ferry_status status = HostStruct<ferry_status>();
    ferry_device_properties properties = HostStruct<ferry_device_properties>();
    table.device_properties(table.context, index, &properties, &status);
    uint64_t handle = 0;
    uint64_t queue = 0;
    void* buffer = nullptr;
    const bool has_memory = table.allocate(table.context, index, kBufferBytes,
                                           &handle, &status) == FERRY_OK;
    const bool has_queue =
        table.queue_create(table.context, index, &queue, &status) == FERRY_OK;
    const bool has_buffer =
        table.host_allocate(table.context, index, kBufferBytes, &buffer,
                            &status) == FERRY_OK;
    const std::vector<char> expected = Pattern(kBufferBytes, 5);
    // Never freed: after a wait that fails, a copy may still use them.
    auto* const bytes = new std::vector<char>(expected);
    auto* const pageable = new std::vector<char>(expected);
    kept->insert(kept->end(), {bytes, pageable});
    char* const host =
        has_buffer ? static_cast<char*>(buffer) : pageable->data();
    bool is_written = false;
    if (has_memory && has_queue) {
      std::memcpy(host, expected.data(), kBufferBytes);
      const ferry_copy copy =
          CopyOf(FERRY_COPY_TO_DEVICE, index, handle, 0, kBufferBytes, host);
      uint64_t event = 0;
      if (table.copy_async(table.context, queue, &copy, &event, &status) ==
          FERRY_OK) {
        is_written =
            table.event_wait(table.context, event, &status) == FERRY_OK;
        table.event_release(table.context, event, &status);
      }
      if (is_written) std::memset(host, 'x', kBufferBytes);
    }
    if (has_memory && !is_written) {
      const ferry_copy copy = CopyOf(FERRY_COPY_TO_DEVICE, index, handle, 0,
                                     kBufferBytes, bytes->data());
      is_written = table.copy(table.context, &copy, &status) == FERRY_OK;
    }
    if (is_written) {
      const ferry_copy copy = CopyOf(FERRY_COPY_TO_HOST, index, handle, 0,
                                     kBufferBytes, pageable->data());
      if (table.copy(table.context, &copy, &status) == FERRY_OK) {
        Require(*pageable == expected, "what was written is read");
      }
    }
    // To the same device, and to the other one.
    for (uint32_t to = 0; is_written && to < 2; ++to) {
      uint64_t other = 0;
      if (table.allocate(table.context, to, kBufferBytes, &other, &status) !=
          FERRY_OK) {
        continue;
      }
      const ferry_device_copy moved =
          DeviceCopyOf(index, handle, 0, to, other, 0, kBufferBytes);
      const ferry_copy back = CopyOf(FERRY_COPY_TO_HOST, to, other, 0,
                                     kBufferBytes, pageable->data());
      std::fill(pageable->begin(), pageable->end(), 'z');
      if (table.copy_between(table.context, &moved, &status) == FERRY_OK &&
          table.copy(table.context, &back, &status) == FERRY_OK) {
        Require(*pageable == expected, "what was moved is read");
      }
      table.free(table.context, to, other, &status);
    }
    if (has_queue) table.queue_destroy(table.context, queue, &status);
    if (has_buffer) table.host_free(table.context, index, buffer, &status);
    if (has_memory) table.free(table.context, index, handle, &status);
  }
}

}  // namespace fake_driver
