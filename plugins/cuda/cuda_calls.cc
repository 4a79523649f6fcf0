// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "cuda_calls.h"

#include <cstdio>
#include <mutex>
#include <new>
#include <unordered_map>

#include "cuda_device.h"

namespace ferry_cuda {
namespace {

// The allocations, by address. The driver checks no ranges: a copy past the end
// of an allocation may reach the next one.
class Allocations {
 public:
  // Returns false if there is no host memory for the entry.
  bool Add(uint64_t address, uint32_t index, uint64_t size_bytes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    try {
      return sizes_.emplace(address, Entry{index, size_bytes}).second;
    } catch (const std::bad_alloc&) {
      return false;
    }
  }

  // Returns false if there is no such allocation on device `index`.
  bool Remove(uint64_t address, uint32_t index) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = sizes_.find(address);
    if (found == sizes_.end() || found->second.index != index) return false;
    sizes_.erase(found);
    return true;
  }

  // Sets `*size_bytes`. Returns false if there is no such allocation on device
  // `index`.
  bool Find(uint64_t address, uint32_t index, uint64_t* size_bytes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = sizes_.find(address);
    if (found == sizes_.end() || found->second.index != index) return false;
    *size_bytes = found->second.size_bytes;
    return true;
  }

 private:
  struct Entry {
    uint32_t index;
    uint64_t size_bytes;
  };
  std::mutex mutex_;
  std::unordered_map<uint64_t, Entry> sizes_;  // guarded by mutex_
};

Allocations& GetAllocations() {
  static auto* const allocations = new Allocations;
  return *allocations;
}

// Explains that a device has no `size_bytes` bytes left. The host's message
// says how many were requested.
int32_t FailOutOfMemory(ScopedDevice* device, const char* function,
                        ferry_status* status) {
  size_t free_bytes = 0;
  size_t total_bytes = 0;
  if (device->driver().mem_get_info(&free_bytes, &total_bytes) != kSuccess) {
    return device->Fail(function, kOutOfMemory);
  }
  status->vendor_code = kOutOfMemory;
  char message[sizeof(status->message)];
  snprintf(message, sizeof(message),
           "the GPU is out of memory: %zu of its %zu bytes are free; free "
           "memory there, or load with map_location cpu and copy only what the "
           "GPU needs",
           free_bytes, total_bytes);
  return ferry_fail(status, FERRY_RESOURCE_EXHAUSTED, message);
}

int32_t AllocateFromPool(ScopedDevice* device, uint64_t size_bytes,
                         DevicePointer* address, ferry_status* status) {
  BorrowedStream stream(device);
  if (!stream.ok()) return stream.code();
  const Result result =
      device->driver().mem_alloc_async(address, size_bytes, stream.get());
  if (result == kOutOfMemory) {
    return FailOutOfMemory(device, "cuMemAllocAsync", status);
  }
  // Only this stream is ordered after the allocation, and the host may use the
  // memory on any other.
  return stream.Finish("cuMemAllocAsync", result);
}

int32_t AllocateWithoutPool(ScopedDevice* device, uint64_t size_bytes,
                            DevicePointer* address, ferry_status* status) {
  const Result result = device->driver().mem_alloc(address, size_bytes);
  if (result == kOutOfMemory) {
    return FailOutOfMemory(device, "cuMemAlloc", status);
  }
  if (result != kSuccess) return device->Fail("cuMemAlloc", result);
  return FERRY_OK;
}

// Checks a device and a range of memory on it.
int32_t CheckRange(uint32_t index, uint64_t handle, uint64_t offset_bytes,
                   uint64_t size_bytes, ferry_status* status) {
  // Before the allocations: in a forked child another thread of the parent may
  // hold their lock for ever.
  const int32_t code = CheckUsable(FindGpu(index), status);
  if (code != FERRY_OK) return code;
  uint64_t allocated_bytes = 0;
  if (handle != 0 && !GetAllocations().Find(handle, index, &allocated_bytes)) {
    return ferry_fail(status, FERRY_INVALID_ARGUMENT,
                      "the CUDA plugin did not allocate this memory");
  }
  if (offset_bytes > allocated_bytes ||
      size_bytes > allocated_bytes - offset_bytes) {
    return ferry_fail(status, FERRY_OUT_OF_RANGE,
                      "the range is not inside the memory");
  }
  return FERRY_OK;
}

int32_t FreeOnDevice(ScopedDevice* device, DevicePointer address) {
  if (!device->gpu()->has_pool) {
    const Result result = device->driver().mem_free(address);
    return result == kSuccess ? FERRY_OK : device->Fail("cuMemFree", result);
  }
  // The host has waited for all copies of the memory, so no other stream uses
  // it. The shared stream waits for no copy of other memory either.
  Stream stream = nullptr;
  Result result = device->gpu()->streams.Share(device->driver(), &stream);
  if (result != kSuccess) return device->Fail("cuStreamCreate", result);
  result = device->driver().mem_free_async(address, stream);
  if (result == kSuccess) return FERRY_OK;
  return device->Fail("cuMemFreeAsync", result);
}

// Asks the driver for an error of `gpu` by a call that concerns no other
// device. Fills `status` if there is one; the device is lost if LosesDevice.
void AskForError(Gpu* gpu, ferry_status* status) {
  ScopedDevice device(gpu, status);
  if (!device.ok()) return;
  Stream stream = nullptr;
  Result result = gpu->streams.Share(device.driver(), &stream);
  if (result == kSuccess) result = device.driver().stream_synchronize(stream);
  if (result != kSuccess) device.Fail("cuStreamSynchronize", result);
}

// Fails a copy between two devices that the driver did not take because of
// `error`, which loses a device. The error may be that of earlier work on
// either device, so this asks for the error of each. `stream` is one of `from`.
int32_t FailPeerCopy(ScopedDevice* from, ScopedDevice* to,
                     BorrowedStream* stream, Result error,
                     ferry_status* status) {
  AskForError(to->gpu(), status);
  const Result waited = stream->Wait();
  if (waited != kSuccess) return from->FailWait("cuStreamSynchronize", waited);
  if (to->gpu()->lost.load() != kSuccess) return to->CheckAgain();
  // Neither has an error of its own, so neither can be relied on.
  to->Fail("cuMemcpyPeerAsync", error);
  return from->Fail("cuMemcpyPeerAsync", error);
}

}  // namespace

int32_t DeviceCount(void*, ferry_devices* out, ferry_status*) noexcept {
  const DriverState& driver = GetDriver();
  out->count = static_cast<uint32_t>(driver.device_count);
  if (out->count == 0) {
    out->absence = driver.absence;
    snprintf(out->why, sizeof(out->why), "%s", driver.why);
  }
  return FERRY_OK;
}

int32_t DeviceProperties(void*, uint32_t index, ferry_device_properties* out,
                         ferry_status* status) noexcept {
  Gpu* const gpu = FindGpu(index);
  const int32_t code = CheckUsable(gpu, status);
  if (code != FERRY_OK) return code;
  // None of these calls needs a context, so listing devices takes no memory on
  // them.
  const Driver& driver = GetDriver().driver;
  Result result = driver.device_get_name(
      out->name, static_cast<int>(sizeof(out->name)), gpu->device);
  if (result != kSuccess) {
    return FailCall(gpu, "cuDeviceGetName", result, status);
  }
  size_t total_bytes = 0;
  result = driver.device_total_mem(&total_bytes, gpu->device);
  if (result != kSuccess) {
    return FailCall(gpu, "cuDeviceTotalMem", result, status);
  }
  out->memory_bytes = total_bytes;
  result = driver.device_get_uuid(reinterpret_cast<CUuuid_st*>(out->uuid),
                                  gpu->device);
  if (result != kSuccess) {
    return FailCall(gpu, "cuDeviceGetUuid", result, status);
  }
  return FERRY_OK;
}

int32_t Allocate(void*, uint32_t index, uint64_t size_bytes, uint64_t* handle,
                 ferry_status* status) noexcept {
  *handle = 0;
  // The driver refuses a size of 0 (cuMemAlloc, "If bytesize is 0").
  if (size_bytes == 0) return CheckUsable(FindGpu(index), status);
  ScopedDevice device(index, status);
  if (!device.ok()) return device.code();
  DevicePointer address = 0;
  const int32_t code =
      device.gpu()->has_pool
          ? AllocateFromPool(&device, size_bytes, &address, status)
          : AllocateWithoutPool(&device, size_bytes, &address, status);
  if (code != FERRY_OK) return code;
  if (!GetAllocations().Add(address, index, size_bytes)) {
    FreeOnDevice(&device, address);
    return ferry_fail(status, FERRY_RESOURCE_EXHAUSTED, "out of host memory");
  }
  *handle = address;
  return FERRY_OK;
}

int32_t Free(void*, uint32_t index, uint64_t handle,
             ferry_status* status) noexcept {
  Gpu* const gpu = FindGpu(index);
  if (gpu == nullptr) return CheckUsable(gpu, status);
  if (handle == 0 || IsPastFreeing(*gpu)) return FERRY_OK;
  if (!GetAllocations().Remove(handle, index)) {
    return ferry_fail(status, FERRY_INVALID_ARGUMENT,
                      "the CUDA plugin did not allocate this memory");
  }
  ScopedDevice device(gpu, status);
  int32_t code = device.code();
  if (device.ok()) code = FreeOnDevice(&device, handle);
  return CodeOfFreeing(*gpu, code, status);
}

int32_t CheckCopy(const ferry_copy& copy, ferry_status* status) {
  if (copy.direction != FERRY_COPY_TO_DEVICE &&
      copy.direction != FERRY_COPY_TO_HOST) {
    return ferry_fail(
        status, FERRY_UNIMPLEMENTED,
        "the CUDA plugin copies only to a device and to the host");
  }
  return CheckRange(copy.device_index, copy.handle, copy.offset_bytes,
                    copy.size_bytes, status);
}

Result IssueCopy(const ferry_copy& copy, Stream stream, const char** function) {
  const Driver& driver = GetDriver().driver;
  const DevicePointer address = copy.handle + copy.offset_bytes;
  if (copy.direction == FERRY_COPY_TO_DEVICE) {
    *function = "cuMemcpyHtoDAsync";
    return driver.memcpy_htod_async(address, copy.host_source, copy.size_bytes,
                                    stream);
  }
  *function = "cuMemcpyDtoHAsync";
  return driver.memcpy_dtoh_async(copy.host_destination, address,
                                  copy.size_bytes, stream);
}

int32_t Copy(void*, const ferry_copy* copy, ferry_status* status) noexcept {
  const int32_t code = CheckCopy(*copy, status);
  if (code != FERRY_OK) return code;
  if (copy->size_bytes == 0) return FERRY_OK;
  ScopedDevice device(copy->device_index, status);
  if (!device.ok()) return device.code();
  // cuMemcpyHtoD would not do: from pageable memory it may return before the
  // bytes are on the device ("API synchronization behavior"), where another
  // stream then cannot read them yet.
  BorrowedStream stream(&device);
  if (!stream.ok()) return stream.code();
  const char* function = nullptr;
  const Result result = IssueCopy(*copy, stream.get(), &function);
  return stream.Finish(function, result);
}

int32_t CopyBetween(void*, const ferry_device_copy* copy,
                    ferry_status* status) noexcept {
  const uint64_t size_bytes = copy->size_bytes;
  const uint64_t from_offset = copy->source_offset_bytes;
  const uint64_t to_offset = copy->destination_offset_bytes;
  int32_t code = CheckRange(copy->source_index, copy->source_handle,
                            from_offset, size_bytes, status);
  if (code != FERRY_OK) return code;
  code = CheckRange(copy->destination_index, copy->destination_handle,
                    to_offset, size_bytes, status);
  if (code != FERRY_OK || size_bytes == 0) return code;
  const uint64_t distance = from_offset < to_offset ? to_offset - from_offset
                                                    : from_offset - to_offset;
  if (copy->source_handle == copy->destination_handle &&
      distance < size_bytes) {
    return ferry_fail(status, FERRY_INVALID_ARGUMENT,
                      "the ranges of a copy overlap");
  }
  // The destination first, so that the source, whose stream runs the copy, is
  // current.
  ScopedDevice to(copy->destination_index, status);
  if (!to.ok()) return to.code();
  ScopedDevice from(copy->source_index, status);
  if (!from.ok()) return from.code();
  BorrowedStream stream(&from);
  if (!stream.ok()) return stream.code();
  const DevicePointer to_address = copy->destination_handle + to_offset;
  const DevicePointer from_address = copy->source_handle + from_offset;
  if (from.gpu() == to.gpu()) {
    const Result result = from.driver().memcpy_dtod_async(
        to_address, from_address, size_bytes, stream.get());
    return stream.Finish("cuMemcpyDtoDAsync", result);
  }
  // Devices without a link need no other function: the driver copies through
  // its own host memory then.
  const Result result = from.driver().memcpy_peer_async(
      to_address, to.gpu()->context.load(), from_address,
      from.gpu()->context.load(), size_bytes, stream.get());
  if (LosesDevice(result)) {
    return FailPeerCopy(&from, &to, &stream, result, status);
  }
  code = stream.Finish("cuMemcpyPeerAsync", result);
  // The copy may go on, so neither memory may be used for anything else.
  if (stream.waited() != kSuccess) {
    to.FailWait("cuStreamSynchronize", stream.waited());
  }
  return code;
}

int32_t HostAllocate(void*, uint32_t index, uint64_t size_bytes, void** address,
                     ferry_status* status) noexcept {
  ScopedDevice device(index, status);
  if (!device.ok()) return device.code();
  const Result result =
      device.driver().mem_host_alloc(address, size_bytes, kHostAllocPortable);
  if (result != kSuccess) return device.Fail("cuMemHostAlloc", result);
  return FERRY_OK;
}

int32_t HostFree(void*, uint32_t index, void* address,
                 ferry_status* status) noexcept {
  Gpu* const gpu = FindGpu(index);
  if (gpu == nullptr) return CheckUsable(gpu, status);
  if (IsPastFreeing(*gpu)) return FERRY_OK;
  ScopedDevice device(gpu, status);
  int32_t code = device.code();
  if (device.ok()) {
    const Result result = device.driver().mem_free_host(address);
    if (result != kSuccess) code = device.Fail("cuMemFreeHost", result);
  }
  return CodeOfFreeing(*gpu, code, status);
}

}  // namespace ferry_cuda
