// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/object_pool.h"

#include <algorithm>
#include <utility>

namespace ferry {
inline namespace v1 {
namespace {

// The size of a slab that is filled, or one huge page if that is larger.
constexpr uint64_t kSlabBytes = uint64_t{2} << 20;

}  // namespace

bool ObjectPool::OpenSlab() {
  CloseSlab();
  if (expected_bytes_ < kHugeFromBytes) return false;
  const uint64_t max_bytes = std::max(kSlabBytes, HugePageBytes());
  const uint64_t size =
      std::min(max_bytes, RoundUp(expected_bytes_, HugePageBytes()));
  void* const pages = MapPages(size, page_pool_.get());
  if (pages == nullptr) return false;
  expected_bytes_ -= std::min(expected_bytes_, size);
  slab_ = new (pages) Slab;
  slab_->page_pool = page_pool_;
  slab_->size_bytes = size;
  slab_->used_bytes = RoundUp(sizeof(Slab), kAlignmentBytes);
  return true;
}

void ObjectPool::CloseSlab() {
  if (slab_ == nullptr) return;
  Drop(slab_, kOpen - slab_->num_objects);
  slab_ = nullptr;
}

void ObjectPool::Drop(Slab* slab, uint64_t users) {
  if (slab->users.fetch_sub(users, std::memory_order_acq_rel) != users) return;
  const uint64_t size = slab->size_bytes;
  const std::shared_ptr<PagePool> page_pool = std::move(slab->page_pool);
  slab->~Slab();
  UnmapPages(slab, size, page_pool.get());
}

}  // namespace v1
}  // namespace ferry
