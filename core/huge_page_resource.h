// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/huge_page_resource.h
// -----------------------------------------------------------------------------
//
// An arena on huge pages.
//
// Example: two vectors that share huge pages.
//
//   HugePageResource memory;
//   memory.Reserve(2 * 100000 * sizeof(int));
//   std::pmr::vector<int> first(100000, &memory), second(100000, &memory);
#ifndef FERRY_CORE_HUGE_PAGE_RESOURCE_H_
#define FERRY_CORE_HUGE_PAGE_RESOURCE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <utility>

#include "ferry/core/page_pool.h"

namespace ferry {
inline namespace v1 {

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

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_HUGE_PAGE_RESOURCE_H_
