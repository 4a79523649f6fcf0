// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/huge_page_resource.h"

#include <limits>

#include "ferry/core/huge_pages.h"
#include "ferry/core/large_allocator.h"

namespace ferry {
inline namespace v1 {

HugePageResource::~HugePageResource() {
  if (block_ != nullptr) UnmapPages(block_, block_bytes_, pool_.get());
}

void HugePageResource::Reserve(uint64_t size_bytes) {
  if (block_ != nullptr || size_bytes < kHugeFromBytes ||
      size_bytes > std::numeric_limits<uint64_t>::max() - HugePageBytes()) {
    return;
  }
  const uint64_t whole = RoundUp(size_bytes, HugePageBytes());
  block_ = static_cast<char*>(MapPages(whole, pool_.get()));
  if (block_ != nullptr) block_bytes_ = whole;
}

void* HugePageResource::do_allocate(size_t size_bytes, size_t alignment_bytes) {
  const uint64_t begin = RoundUp(used_bytes_, alignment_bytes);
  if (begin <= block_bytes_ && size_bytes <= block_bytes_ - begin) {
    used_bytes_ = begin + size_bytes;
    return block_ + begin;
  }
  return AllocateBySize(size_bytes, alignment_bytes);
}

void HugePageResource::do_deallocate(void* data, size_t size_bytes,
                                     size_t alignment_bytes) {
  const auto address = reinterpret_cast<uintptr_t>(data);
  const auto block = reinterpret_cast<uintptr_t>(block_);
  if (address - block < block_bytes_) {
    if (address - block + size_bytes == used_bytes_) used_bytes_ -= size_bytes;
    return;
  }
  FreeBySize(data, size_bytes, alignment_bytes);
}

}  // namespace v1
}  // namespace ferry
