// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "fake_device.h"

#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace fake_driver {
namespace {

// cuMemAlloc: "The allocated memory is suitably aligned for any kind of
// variable." Real drivers align to 512 bytes; so does this one, and leaves at
// least as much free after each allocation.
constexpr uint64_t kAlignment = 512;
constexpr uint64_t kRangePerMemory = 4;
constexpr uint64_t kMinRange = uint64_t{16} << 20;
// More of an allocation is not filled with garbage.
constexpr uint64_t kMaxGarbage = uint64_t{16} << 20;
constexpr int kGarbage = 0xCD;

// Long, so that a test does not depend on how fast it runs: what should have
// been awaited, and was not, has not run yet.
constexpr std::chrono::seconds kLongestDelay(1);

char* Reserve(uint64_t size_bytes, int protection) {
  void* const mapped = mmap(nullptr, size_bytes, protection,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) abort();
  return static_cast<char*>(mapped);
}

}  // namespace

// -----------------------------------------------------------------------------
// Memory
// -----------------------------------------------------------------------------

void Allocation::BeginCopy(const StreamState* stream) {
  if (!is_allocated.load() && stream != allocated_on) {
    Violation("memory is used before another stream has allocated it");
  }
  const std::lock_guard<std::mutex> lock(mutex);
  ++copies[stream];
}

void Allocation::EndCopy(const StreamState* stream) {
  const std::lock_guard<std::mutex> lock(mutex);
  if (--copies[stream] == 0) copies.erase(stream);
}

bool Allocation::IsInUse(const StreamState* stream) {
  const std::lock_guard<std::mutex> lock(mutex);
  return copies.size() > (stream == nullptr ? 0 : copies.count(stream));
}

DeviceMemory::DeviceMemory(uint64_t capacity_bytes, bool is_filled)
    : capacity_bytes_(capacity_bytes),
      is_filled_(is_filled),
      range_bytes_(std::max(capacity_bytes * kRangePerMemory, kMinRange)),
      range_(Reserve(range_bytes_, PROT_NONE)),
      bytes_(Reserve(range_bytes_, PROT_READ | PROT_WRITE)) {}

// Finds the first room at or after next_offset_, or else at the beginning.
bool DeviceMemory::FindRoom(uint64_t span, uint64_t* offset) {
  if (span > range_bytes_) return false;
  if (next_offset_ <= range_bytes_ - span) {
    const auto after = allocations_.lower_bound(next_offset_);
    if (after == allocations_.end() || next_offset_ + span <= after->first) {
      *offset = next_offset_;
      return true;
    }
  }
  uint64_t free_from = 0;
  for (const auto& [start, allocation] : allocations_) {
    if (free_from + span <= start) break;
    free_from = start + allocation->size_bytes + kAlignment;
    free_from = (free_from + kAlignment - 1) / kAlignment * kAlignment;
  }
  *offset = free_from;
  return free_from <= range_bytes_ - span;
}

void DeviceMemory::FillWithGarbage(uint64_t offset, uint64_t size_bytes) {
  if (!is_filled_) return;
  memset(bytes_ + offset, kGarbage, std::min(size_bytes, kMaxGarbage));
}

std::shared_ptr<Allocation> DeviceMemory::AllocateLocked(uint64_t size_bytes) {
  const uint64_t span =
      (size_bytes + kAlignment - 1) / kAlignment * kAlignment + kAlignment;
  uint64_t offset = 0;
  if (!FindRoom(span, &offset)) return nullptr;
  auto allocation = std::make_shared<Allocation>();
  allocation->address = reinterpret_cast<uintptr_t>(range_) + offset;
  allocation->size_bytes = size_bytes;
  allocations_[offset] = allocation;
  next_offset_ = offset + span;
  allocated_bytes_ += size_bytes;
  FillWithGarbage(offset, size_bytes);
  return allocation;
}

std::shared_ptr<Allocation> DeviceMemory::Allocate(uint64_t size_bytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (size_bytes > capacity_bytes_ - allocated_bytes_ - pooled_bytes_) {
    return nullptr;
  }
  return AllocateLocked(size_bytes);
}

std::shared_ptr<Allocation> DeviceMemory::AllocateFromPool(
    uint64_t size_bytes, const StreamState* stream) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (size_bytes > capacity_bytes_ - allocated_bytes_) return nullptr;
  std::shared_ptr<Allocation> allocation = AllocateLocked(size_bytes);
  if (allocation == nullptr) return nullptr;
  pooled_bytes_ -= std::min(pooled_bytes_, size_bytes);
  allocation->is_from_pool = true;
  allocation->allocated_on = stream;
  allocation->is_allocated.store(false);
  return allocation;
}

void DeviceMemory::FreeLocked(const Allocation& freed) {
  const uint64_t offset = freed.address - reinterpret_cast<uintptr_t>(range_);
  allocated_bytes_ -= freed.size_bytes;
  if (freed.is_from_pool) pooled_bytes_ += freed.size_bytes;
  // The next owner of these pages finds zeros or garbage, never old bytes.
  const uint64_t page = 4096;
  const uint64_t from = (offset + page - 1) / page * page;
  const uint64_t to = (offset + freed.size_bytes) / page * page;
  FillWithGarbage(offset, freed.size_bytes);
  if (from < to) madvise(bytes_ + from, to - from, MADV_DONTNEED);
  allocations_.erase(offset);
}

bool DeviceMemory::Free(DevicePointer address) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found =
      allocations_.find(address - reinterpret_cast<uintptr_t>(range_));
  if (found == allocations_.end() || found->second->is_freed) return false;
  const std::shared_ptr<Allocation> freed = found->second;
  if (freed->IsInUse(nullptr)) {
    Violation("device memory is freed while a copy uses it");
  }
  FreeLocked(*freed);
  return true;
}

std::shared_ptr<Allocation> DeviceMemory::BeginFree(
    DevicePointer address, const std::shared_ptr<StreamState>& stream) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found =
      allocations_.find(address - reinterpret_cast<uintptr_t>(range_));
  if (found == allocations_.end() || found->second->is_freed) return nullptr;
  Allocation& freed = *found->second;
  if (!freed.is_from_pool) {
    Violation("memory is freed in the order of a stream, and not allocated so");
  }
  if (freed.IsInUse(stream.get())) {
    Violation("device memory is freed while a copy uses it");
  }
  if (!freed.is_allocated.load() && freed.allocated_on != stream.get()) {
    Violation("memory is freed before another stream has allocated it");
  }
  freed.is_freed = true;
  freed.freed_on = stream;
  return found->second;
}

void DeviceMemory::FinishFree(const Allocation& freed) {
  const std::lock_guard<std::mutex> lock(mutex_);
  FreeLocked(freed);
}

std::vector<std::shared_ptr<StreamState>> DeviceMemory::FreeingStreams() {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<std::shared_ptr<StreamState>> streams;
  for (const auto& [offset, allocation] : allocations_) {
    if (!allocation->is_freed) continue;
    std::shared_ptr<StreamState> stream = allocation->freed_on.lock();
    if (stream != nullptr) streams.push_back(std::move(stream));
  }
  return streams;
}

void DeviceMemory::TrimPool() {
  const std::lock_guard<std::mutex> lock(mutex_);
  pooled_bytes_ = 0;
}

std::shared_ptr<Allocation> DeviceMemory::Find(DevicePointer address,
                                               uint64_t size_bytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const uint64_t offset = address - reinterpret_cast<uintptr_t>(range_);
  auto found = allocations_.upper_bound(offset);
  if (found == allocations_.begin()) return nullptr;
  --found;
  if (found->second->is_freed) return nullptr;
  const uint64_t inside = offset - found->first;
  const uint64_t total = found->second->size_bytes;
  if (inside > total || size_bytes > total - inside) return nullptr;
  return found->second;
}

char* DeviceMemory::BytesAt(DevicePointer address) const {
  return bytes_ + (address - reinterpret_cast<uintptr_t>(range_));
}

uint64_t DeviceMemory::used_bytes() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return allocated_bytes_ + pooled_bytes_;
}

size_t DeviceMemory::allocation_count() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return std::count_if(
      allocations_.begin(), allocations_.end(),
      [](const auto& entry) { return !entry.second->is_freed; });
}

// -----------------------------------------------------------------------------
// Streams
// -----------------------------------------------------------------------------

StreamState::StreamState(Timing timing, uint64_t seed)
    : timing_(timing), random_(seed), thread_([this] { Run(); }) {}

StreamState::~StreamState() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    is_closing_ = true;
    is_rushed_ = true;
    has_changed_.notify_all();
  }
  thread_.join();
}

uint64_t StreamState::Add(std::function<void()> task) {
  const std::lock_guard<std::mutex> lock(mutex_);
  tasks_.push_back(std::move(task));
  has_changed_.notify_all();
  return ++added_;
}

void StreamState::Synchronize() {
  std::unique_lock<std::mutex> lock(mutex_);
  const uint64_t last = added_;
  hurried_ = std::max(hurried_, last);
  has_changed_.notify_all();
  has_changed_.wait(lock, [&] { return done_ >= last; });
}

void StreamState::Hurry(uint64_t task) {
  const std::lock_guard<std::mutex> lock(mutex_);
  hurried_ = std::max(hurried_, task);
  has_changed_.notify_all();
}

uint32_t StreamState::Random(uint32_t bound) {
  const std::lock_guard<std::mutex> lock(mutex_);
  return static_cast<uint32_t>(random_() % bound);
}

void StreamState::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    has_changed_.wait(lock, [this] { return is_closing_ || !tasks_.empty(); });
    if (tasks_.empty()) break;
    // The driver promises no moment for any work, so each task draws one.
    std::chrono::microseconds delay(0);
    bool until_hurried = false;
    const uint64_t drawn = random_();
    if (timing_ == Timing::kLate ||
        (timing_ == Timing::kRandom && drawn % 4 == 0)) {
      until_hurried = true;
      delay = kLongestDelay;
    } else if (timing_ == Timing::kRandom && drawn % 4 == 1) {
      delay = std::chrono::microseconds(drawn / 4 % 200);
    }
    if (delay.count() != 0) {
      const uint64_t number = done_ + 1;
      has_changed_.wait_for(lock, delay, [&] {
        return is_rushed_ || (until_hurried && hurried_ >= number);
      });
    }
    const std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    lock.lock();
    ++done_;
    has_changed_.notify_all();
  }
  has_ended_.store(true);
}

void StreamState::Close() {
  const std::lock_guard<std::mutex> lock(mutex_);
  is_closing_ = true;
  has_changed_.notify_all();
}

}  // namespace fake_driver
