// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/page_pool.h"

#include <sys/mman.h>

#include <new>
#include <utility>

namespace ferry {

PagePool::~PagePool() { UnmapAll(newest_); }

uint64_t PagePool::kept_bytes() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return kept_bytes_;
}

void* PagePool::Take(uint64_t size_bytes, const InternalKey& /*key*/) {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (FreePages** next = &newest_; *next != nullptr; next = &(*next)->next) {
    FreePages* const pages = *next;
    if (pages->size_bytes != size_bytes) continue;
    *next = pages->next;
    kept_bytes_ -= size_bytes;
    return pages;
  }
  return nullptr;
}

void PagePool::Keep(void* pages, uint64_t size_bytes,
                    const InternalKey& /*key*/) {
  if (size_bytes > max_kept_bytes_) {
    munmap(pages, size_bytes);
    return;
  }
  FreePages* oldest;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    newest_ = new (pages) FreePages{newest_, size_bytes};
    // Keep as many as fit, from the newest on.
    kept_bytes_ = 0;
    FreePages** next = &newest_;
    while (*next != nullptr &&
           (*next)->size_bytes <= max_kept_bytes_ - kept_bytes_) {
      kept_bytes_ += (*next)->size_bytes;
      next = &(*next)->next;
    }
    oldest = std::exchange(*next, nullptr);
  }
  UnmapAll(oldest);
}

void PagePool::UnmapAll(FreePages* list) {
  while (list != nullptr) {
    FreePages* const pages = list;
    list = pages->next;
    munmap(pages, pages->size_bytes);
  }
}

}  // namespace ferry
