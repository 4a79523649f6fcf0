// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/large_allocator.h"

#include <limits>
#include <new>

#include "ferry/core/huge_pages.h"

namespace ferry {
inline namespace v1 {

void* AllocateBySize(uint64_t size_bytes, uint64_t alignment_bytes) {
  if (size_bytes < kHugeFromBytes) {
    return ::operator new (size_bytes, std::align_val_t{alignment_bytes});
  }
  if (size_bytes > std::numeric_limits<uint64_t>::max() - HugePageBytes()) {
    throw std::bad_alloc();
  }
  void* const pages = MapPages(RoundUp(size_bytes, HugePageBytes()));
  if (pages == nullptr) throw std::bad_alloc();
  return pages;
}

void FreeBySize(void* data, uint64_t size_bytes, uint64_t alignment_bytes) {
  if (size_bytes < kHugeFromBytes) {
    ::operator delete (data, std::align_val_t{alignment_bytes});
  } else {
    UnmapPages(data, RoundUp(size_bytes, HugePageBytes()));
  }
}

}  // namespace v1
}  // namespace ferry
