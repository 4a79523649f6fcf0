// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/large_allocator.h
// -----------------------------------------------------------------------------
//
// The allocator of containers that may become large. Large ones are on huge
// pages (core/huge_pages.h), small ones where operator new puts them.
//
// Example: a vector that may become large.
//
//   std::vector<int, HugePageAllocator<int>> numbers;
#ifndef FERRY_CORE_LARGE_ALLOCATOR_H_
#define FERRY_CORE_LARGE_ALLOCATOR_H_

#include <cstddef>
#include <cstdint>
#include <string>

namespace ferry {
inline namespace v1 {

// Allocates uninitialised memory: whole huge pages for 512 KiB or more, and
// operator new for less. Throws std::bad_alloc, as the containers of the
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

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_LARGE_ALLOCATOR_H_
