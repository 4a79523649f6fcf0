// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/huge_pages.h"

#include <sys/mman.h>
#include <unistd.h>

#include <fstream>

#include "ferry/core/internal_key.h"
#include "ferry/core/page_pool.h"

namespace ferry {
inline namespace v1 {
namespace {

// More than any address space has.
constexpr uint64_t kMaxBytes = uint64_t{1} << 56;

constexpr uint64_t kMaxHugePageBytes = uint64_t{4} << 20;

uint64_t PageBytes() {
  static const auto bytes = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

uint64_t FindHugePageBytes() {
  std::ifstream file("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size");
  uint64_t bytes = 0;
  const bool is_usable = file >> bytes && bytes % PageBytes() == 0 &&
                         bytes != 0 && bytes <= kMaxHugePageBytes;
  return is_usable ? bytes : PageBytes();
}

}  // namespace

uint64_t HugePageBytes() {
  static const uint64_t bytes = FindHugePageBytes();
  return bytes;
}

void* MapPages(uint64_t size_bytes, PagePool* pool) {
  if (size_bytes == 0 || size_bytes > kMaxBytes) return nullptr;
  const uint64_t huge_page_bytes = HugePageBytes();
  const uint64_t size = RoundUp(size_bytes, PageBytes());
  if (pool != nullptr && size >= PagePool::kMinMappingBytes) {
    void* const kept = pool->Take(size, InternalKey());
    if (kept != nullptr) return kept;
  }
  // Maps one huge page more, so that the memory contains a boundary, and unmaps
  // the excess.
  const uint64_t mapped_bytes = size + huge_page_bytes;
  void* const mapped = mmap(nullptr, mapped_bytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  const auto begin = reinterpret_cast<uintptr_t>(mapped);
  const uintptr_t data = RoundUp(begin, huge_page_bytes);
  const uintptr_t end = begin + mapped_bytes;
  if (data != begin) munmap(mapped, data - begin);
  if (data + size != end) {
    munmap(reinterpret_cast<void*>(data + size), end - data - size);
  }
  void* const pages = reinterpret_cast<void*>(data);
  // This is only advice: if the system ignores it, the pages are small.
  const uint64_t whole = size_bytes / huge_page_bytes * huge_page_bytes;
  if (whole != 0) (void)madvise(pages, whole, MADV_HUGEPAGE);
  return pages;
}

void UnmapPages(void* pages, uint64_t size_bytes, PagePool* pool) {
  const uint64_t size = RoundUp(size_bytes, PageBytes());
  if (pool != nullptr && size >= PagePool::kMinMappingBytes) {
    pool->Keep(pages, size, InternalKey());
  } else {
    munmap(pages, size);
  }
}

}  // namespace v1
}  // namespace ferry
