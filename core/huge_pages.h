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
// core/large_allocator.h has an allocator for one container, and
// core/huge_page_resource.h an arena for several.
//
// Example: 4 MiB.
//
//   void* const pages = MapPages(uint64_t{4} << 20);
//   UnmapPages(pages, uint64_t{4} << 20);
#ifndef FERRY_CORE_HUGE_PAGES_H_
#define FERRY_CORE_HUGE_PAGES_H_

#include <cstdint>

namespace ferry {
inline namespace v1 {

class PagePool;

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

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_HUGE_PAGES_H_
