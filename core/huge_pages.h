// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/huge_pages.h
// -----------------------------------------------------------------------------
//
// Allocates large memory on huge pages, where the system has them. The first
// touch of a page costs about 190 us for 2 MiB in one piece and 950 us for the
// same memory in pages of 4 KiB, unmapping included. Without huge pages the
// first load of 20 000 tensors takes 1.7 times as long.
//
// Nothing is cached unless the caller passes a `PagePool`: freed memory goes
// back to the system at once.
//
// Example: a vector that may become large.
//
//   std::vector<int, HugePageAllocator<int>> numbers;
#ifndef FERRY_CORE_HUGE_PAGES_H_
#define FERRY_CORE_HUGE_PAGES_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <string>
#include <utility>

#include "ferry/core/page_pool.h"

namespace ferry {

// Allocations of this size or more use huge pages. One huge page of 2 MiB costs
// as much as 100 pages of 4 KiB, which is 400 KiB.
inline constexpr uint64_t kHugeFromBytes = uint64_t{512} << 10;

// Returns the least multiple of `unit` that is not below `value`. The result
// must fit in 64 bits.
constexpr uint64_t RoundUp(uint64_t value, uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

// Returns the size of a huge page in bytes: 2 MiB on x86-64 and mostly on
// aarch64. Returns the size of an ordinary page if the system has no huge pages
// or only pages of more than 4 MiB, of which small allocations would waste
// most. Thread-safe.
uint64_t HugePageBytes();

// Maps `size_bytes` of memory that begins at a multiple of `HugePageBytes()`.
// Advises the system to back it with huge pages, except for the last part if
// that does not fill one. The memory is zeroed, except if it comes from `pool`.
// Returns null if the system has no memory, or if `size_bytes` is 0.
// Thread-safe.
void* MapPages(uint64_t size_bytes, PagePool* pool = nullptr);

// Frees what `MapPages` returned for the same size and pool. Without a pool,
// the memory is unmapped. Thread-safe.
void UnmapPages(void* pages, uint64_t size_bytes, PagePool* pool = nullptr);

// Allocates uninitialised memory: whole huge pages for kHugeFromBytes or more,
// and operator new for less. Throws std::bad_alloc, as the containers of the
// standard library expect. Thread-safe.
void* AllocateBySize(uint64_t size_bytes, uint64_t alignment_bytes);

// Frees what `AllocateBySize` returned for the same arguments. Thread-safe.
void FreeBySize(void* data, uint64_t size_bytes, uint64_t alignment_bytes);

// HugePageAllocator
//
// The allocator of a standard container that may become large. Calls
// `AllocateBySize`.
template <typename T>
class HugePageAllocator {
 public:
  using value_type = T;

  HugePageAllocator() = default;
  template <typename U>
  HugePageAllocator(const HugePageAllocator<U>&) {}  // NOLINT: as the standard

  // The containers do not ask for more than there are addresses.
  T* allocate(size_t count) {
    return static_cast<T*>(AllocateBySize(count * sizeof(T), alignof(T)));
  }
  void deallocate(T* data, size_t count) {
    FreeBySize(data, count * sizeof(T), alignof(T));
  }

  friend bool operator==(const HugePageAllocator&, const HugePageAllocator&) {
    return true;
  }
  friend bool operator!=(const HugePageAllocator&, const HugePageAllocator&) {
    return false;
  }
};

// Text that may become large.
using LargeString =
    std::basic_string<char, std::char_traits<char>, HugePageAllocator<char>>;

// HugePageResource
//
// The arena of several containers that live together, so that they share huge
// pages instead of wasting a part of the last one each.
//
// Thread-safety: none.
class HugePageResource final : public std::pmr::memory_resource {
 public:
  // The block of `Reserve` comes from `pool`, if that is not null.
  explicit HugePageResource(std::shared_ptr<PagePool> pool = nullptr)
      : pool_(std::move(pool)) {}
  ~HugePageResource() override;
  HugePageResource(const HugePageResource&) = delete;
  HugePageResource& operator=(const HugePageResource&) = delete;

  // Reserves one block of memory. Later allocations are taken from the block,
  // one after another; those that do not fit come from `AllocateBySize`. Memory
  // of the block is reused only if the last allocation is freed first. The
  // block is freed when this object is destroyed. Unused pages of it are never
  // touched, so they take no memory. Does nothing if `size_bytes` is below
  // kHugeFromBytes, if there is no memory, or if a block is already reserved.
  void Reserve(uint64_t size_bytes);

 private:
  void* do_allocate(size_t size_bytes, size_t alignment_bytes) override;
  void do_deallocate(void* data, size_t size_bytes,
                     size_t alignment_bytes) override;
  bool do_is_equal(const memory_resource& other) const noexcept override {
    return this == &other;
  }

  const std::shared_ptr<PagePool> pool_;
  char* block_ = nullptr;
  uint64_t block_bytes_ = 0;
  uint64_t used_bytes_ = 0;
};

}  // namespace ferry

#endif  // FERRY_CORE_HUGE_PAGES_H_
