// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/huge_pages.h"

#include <sys/mman.h>

namespace ferry {
namespace {

constexpr uint64_t kPageBytes = 4096;

// More than any address space has.
constexpr uint64_t kMaxBytes = uint64_t{1} << 56;

uint64_t RoundUp(uint64_t value, uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

}  // namespace

void* MapPages(uint64_t size_bytes, uint64_t huge_bytes) {
  if (size_bytes == 0 || size_bytes > kMaxBytes) return nullptr;
  const uint64_t size = RoundUp(size_bytes, kPageBytes);
  // One huge page more, so that a boundary is in it; what stands out goes back.
  const uint64_t mapped_bytes = size + kHugePageBytes;
  void* const mapped = mmap(nullptr, mapped_bytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  const auto begin = reinterpret_cast<uintptr_t>(mapped);
  const uintptr_t data = RoundUp(begin, kHugePageBytes);
  const uintptr_t end = begin + mapped_bytes;
  if (data != begin) munmap(mapped, data - begin);
  if (data + size != end) {
    munmap(reinterpret_cast<void*>(data + size), end - data - size);
  }
  void* const pages = reinterpret_cast<void*>(data);
  // Advice only: where it is not taken, the pages are small.
  const uint64_t whole = huge_bytes / kHugePageBytes * kHugePageBytes;
  if (whole != 0) (void)madvise(pages, whole, MADV_HUGEPAGE);
  return pages;
}

void UnmapPages(void* pages, uint64_t size_bytes) {
  munmap(pages, RoundUp(size_bytes, kPageBytes));
}

}  // namespace ferry
