// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/devices/testing/fake_backend.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"

namespace ferry {

struct FakeBackend::Heap {
  struct Block {
    int device = 0;
    std::vector<uint8_t> bytes;
  };

  mutable std::mutex mutex;
  // All guarded by mutex.
  std::map<uintptr_t, Block> blocks;
  // The first page is never mapped, and there are fewer handles than would
  // leave it in a test; odd, so that no address is taken for one.
  uintptr_t next_handle = 1;
  uint64_t allocated_bytes = 0;
  uint64_t largest_copy_bytes = 0;
  int copy_count = 0;

  void Free(uintptr_t handle) {
    const std::lock_guard<std::mutex> lock(mutex);
    const auto block = blocks.find(handle);
    allocated_bytes -= block->second.bytes.size();
    blocks.erase(block);
  }

  // Where the range lies; counts the copy. The mutex is held.
  absl::StatusOr<uint8_t*> Find(const Memory& memory, uint64_t offset_bytes,
                                uint64_t size_bytes) {
    ++copy_count;
    largest_copy_bytes = std::max(largest_copy_bytes, size_bytes);
    if (size_bytes == 0) return nullptr;
    const auto block = blocks.find(reinterpret_cast<uintptr_t>(memory.data));
    if (block == blocks.end()) {
      return absl::InternalError("memory that is not allocated");
    }
    std::vector<uint8_t>& bytes = block->second.bytes;
    if (offset_bytes > bytes.size() ||
        size_bytes > bytes.size() - offset_bytes) {
      return absl::InternalError("a copy past the end of the memory");
    }
    return bytes.data() + offset_bytes;
  }
};

FakeBackend::FakeBackend(Options options)
    : options_(std::move(options)), heap_(std::make_shared<Heap>()) {}

absl::StatusOr<int> FakeBackend::DeviceCount() const {
  if (!options_.absence.ok()) return options_.absence;
  return options_.device_count;
}

absl::StatusOr<DeviceProperties> FakeBackend::Properties(int index) const {
  if (index < 0 || index >= options_.device_count) {
    return absl::OutOfRangeError(absl::StrCat("no device ", index));
  }
  return DeviceProperties{absl::StrCat("Fake ", index),
                          options_.capacity_bytes};
}

absl::Status FakeBackend::Allocate(int index,
                                   absl::Span<const uint64_t> sizes_bytes,
                                   absl::Span<Memory> out) {
  if (index < 0 || index >= options_.device_count) {
    return absl::OutOfRangeError(absl::StrCat("no device ", index));
  }
  if (!options_.has_bytes) return absl::OkStatus();
  const std::lock_guard<std::mutex> lock(heap_->mutex);
  uint64_t free_bytes = options_.capacity_bytes - heap_->allocated_bytes;
  for (uint64_t size_bytes : sizes_bytes) {
    if (size_bytes > free_bytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat("no fake memory for ", size_bytes, " bytes"));
    }
    free_bytes -= size_bytes;
  }
  for (size_t i = 0; i < sizes_bytes.size(); ++i) {
    if (sizes_bytes[i] == 0) continue;
    const uintptr_t handle = heap_->next_handle;
    heap_->next_handle += 2;
    heap_->allocated_bytes += sizes_bytes[i];
    heap_->blocks[handle] = Heap::Block{
        index, std::vector<uint8_t>(static_cast<size_t>(sizes_bytes[i]))};
    void* const data = reinterpret_cast<void*>(handle);
    out[i] = Memory{
        data, std::shared_ptr<void>(
                  data, [heap = heap_, handle](void*) { heap->Free(handle); })};
  }
  return absl::OkStatus();
}

absl::Status FakeBackend::CopyFromHost(const void* from, const Memory& to,
                                       uint64_t offset_bytes,
                                       uint64_t size_bytes) {
  if (!options_.has_bytes) return absl::OkStatus();
  const std::lock_guard<std::mutex> lock(heap_->mutex);
  FERRY_ASSIGN_OR_RETURN(uint8_t* const bytes,
                         heap_->Find(to, offset_bytes, size_bytes));
  if (size_bytes != 0) std::memcpy(bytes, from, size_bytes);
  return absl::OkStatus();
}

absl::Status FakeBackend::CopyToHost(const Memory& from, uint64_t offset_bytes,
                                     void* to, uint64_t size_bytes) {
  if (!options_.has_bytes) return absl::InvalidArgumentError("no bytes");
  const std::lock_guard<std::mutex> lock(heap_->mutex);
  FERRY_ASSIGN_OR_RETURN(uint8_t* const bytes,
                         heap_->Find(from, offset_bytes, size_bytes));
  if (size_bytes != 0) std::memcpy(to, bytes, size_bytes);
  return absl::OkStatus();
}

uint64_t FakeBackend::allocated_bytes() const {
  const std::lock_guard<std::mutex> lock(heap_->mutex);
  return heap_->allocated_bytes;
}

uint64_t FakeBackend::largest_copy_bytes() const {
  const std::lock_guard<std::mutex> lock(heap_->mutex);
  return heap_->largest_copy_bytes;
}

int FakeBackend::copy_count() const {
  const std::lock_guard<std::mutex> lock(heap_->mutex);
  return heap_->copy_count;
}

int FakeBackend::DeviceOf(const Memory& memory) const {
  const std::lock_guard<std::mutex> lock(heap_->mutex);
  const auto block =
      heap_->blocks.find(reinterpret_cast<uintptr_t>(memory.data));
  return block == heap_->blocks.end() ? -1 : block->second.device;
}

}  // namespace ferry
