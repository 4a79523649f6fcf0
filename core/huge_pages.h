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
// Example: a vector that may become large, and two that share their pages.
//
//   std::vector<int, HugePageAllocator<int>> numbers;
//
//   HugePageResource memory;
//   memory.Reserve(2 * 100000 * sizeof(int));
//   std::pmr::vector<int> first(100000, &memory), second(100000, &memory);
#ifndef FERRY_CORE_HUGE_PAGES_H_
#define FERRY_CORE_HUGE_PAGES_H_

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <string>

namespace ferry {

// The size of a huge page on x86-64 and, most often, on aarch64.
inline constexpr uint64_t kHugePageBytes = uint64_t{2} << 20;

// From here on memory is had on huge pages: the touch of one costs less than
// that of so many small ones, and most often whole pages follow.
inline constexpr uint64_t kHugeFromBytes = uint64_t{256} << 10;

// The same for slabs of what lives as long as its tensors, where a page that
// one of them keeps is a loss.
inline constexpr uint64_t kHugeSlabBytes = uint64_t{512} << 10;

// The least multiple of `unit` that is not below `value`. Must fit.
constexpr uint64_t RoundUp(uint64_t value, uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

// Huge pages that have been used are kept for whoever asks next, up to so much:
// what is needed for the reading of a file then serves for its contents, and
// the next load finds it all there. The system may take what is free of it
// back, and does once it is short of memory (MADV_FREE).
inline constexpr uint64_t kKeptBytes = uint64_t{64} << 20;

// Memory that begins on the boundary of a huge page, at least `size_bytes` of
// it, not initialised; null if it is not to be had. Huge pages are advised for
// the first `huge_bytes`: each that lies inside them whole. Whole huge pages,
// up to half of kKeptBytes, come from what is kept.
void* MapPages(uint64_t size_bytes, uint64_t huge_bytes);

// Gives back what `MapPages` gave for `size_bytes`.
void UnmapPages(void* pages, uint64_t size_bytes);

// Memory that is not zeroed, from `MapPages` or operator new, by its size: huge
// pages for kHugeFromBytes and more. Throws std::bad_alloc, as the standard's
// containers expect it.
void* AllocateBySize(uint64_t size_bytes, uint64_t alignment_bytes);
void FreeBySize(void* data, uint64_t size_bytes, uint64_t alignment_bytes);

// HugePageAllocator
//
// For one standard container: `AllocateBySize`.
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
// For several containers, which share huge pages if their sizes can be guessed
// (`Reserve`). Else `AllocateBySize`.
//
// Thread-safety: none.
class HugePageResource final : public std::pmr::memory_resource {
 public:
  HugePageResource() = default;
  ~HugePageResource() override;
  HugePageResource(const HugePageResource&) = delete;
  HugePageResource& operator=(const HugePageResource&) = delete;

  // Makes one room, of which what is asked for from now on is taken, one after
  // another, as long as it lasts; it is given back as a whole, at the end. What
  // is freed while it is the last in the room is taken again. Room that is
  // never used is not touched, so a guess may be generous; but of kept pages
  // nobody else has it meanwhile. Does nothing for less than kHugeFromBytes,
  // where there is no memory, and the second time.
  void Reserve(uint64_t size_bytes);

 private:
  void* do_allocate(size_t size_bytes, size_t alignment_bytes) override;
  void do_deallocate(void* data, size_t size_bytes,
                     size_t alignment_bytes) override;
  bool do_is_equal(const memory_resource& other) const noexcept override {
    return this == &other;
  }

  char* room_ = nullptr;
  uint64_t room_bytes_ = 0;
  uint64_t used_bytes_ = 0;
};

}  // namespace ferry

#endif  // FERRY_CORE_HUGE_PAGES_H_
