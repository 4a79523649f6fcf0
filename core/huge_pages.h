// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/huge_pages.h
// -----------------------------------------------------------------------------
//
// Memory on huge pages, where the system has them. The first touch of a page
// costs about the same whatever its size, so memory that is used once and
// whole, as a load uses it, is had many times faster in pages of 2 MiB than of
// 4 KiB.
//
// Example: a vector that may become large.
//
//   std::vector<int, HugePageAllocator<int>> numbers;
#ifndef FERRY_CORE_HUGE_PAGES_H_
#define FERRY_CORE_HUGE_PAGES_H_

#include <cstddef>
#include <cstdint>
#include <new>

namespace ferry {

// The size of a huge page on x86-64 and, most often, on aarch64.
inline constexpr uint64_t kHugePageBytes = uint64_t{2} << 20;

// Zeroed memory that begins on the boundary of a huge page, at least
// `size_bytes` of it; null if it is not to be had. Huge pages are advised for
// the first `huge_bytes`: each that lies inside them whole.
void* MapPages(uint64_t size_bytes, uint64_t huge_bytes);

// Gives back what `MapPages` gave for `size_bytes`.
void UnmapPages(void* pages, uint64_t size_bytes);

// HugePageAllocator
//
// For standard containers: huge pages for 1 MiB and more, else as
// std::allocator. Wastes less than 2 MiB.
template <typename T>
class HugePageAllocator {
 public:
  using value_type = T;

  HugePageAllocator() = default;
  template <typename U>
  HugePageAllocator(const HugePageAllocator<U>&) {}  // NOLINT: as the standard

  T* allocate(size_t count) {
    if (count < kFromBytes / sizeof(T)) {
      return static_cast<T*>(::operator new(count * sizeof(T)));
    }
    // The standard's containers do not ask for more than there are addresses.
    const uint64_t size = RoundUp(uint64_t{count} * sizeof(T));
    void* const pages = MapPages(size, size);
    if (pages == nullptr) throw std::bad_alloc();
    return static_cast<T*>(pages);
  }

  void deallocate(T* data, size_t count) {
    if (count < kFromBytes / sizeof(T)) {
      ::operator delete(data);
    } else {
      UnmapPages(data, RoundUp(uint64_t{count} * sizeof(T)));
    }
  }

  friend bool operator==(const HugePageAllocator&, const HugePageAllocator&) {
    return true;
  }
  friend bool operator!=(const HugePageAllocator&, const HugePageAllocator&) {
    return false;
  }

 private:
  static constexpr uint64_t kFromBytes = uint64_t{1} << 20;

  static uint64_t RoundUp(uint64_t size) {
    return (size + kHugePageBytes - 1) / kHugePageBytes * kHugePageBytes;
  }
};

}  // namespace ferry

#endif  // FERRY_CORE_HUGE_PAGES_H_
