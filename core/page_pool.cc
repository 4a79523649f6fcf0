// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/page_pool.h"

#include <sys/mman.h>

#include <cstdlib>
#include <new>
#include <utility>

#include "absl/base/attributes.h"
#include "absl/base/config.h"

#ifdef ABSL_HAVE_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

// Kept blocks are poisoned, so only these functions may access their headers.
#define FERRY_ACCESSES_KEPT_BLOCKS ABSL_ATTRIBUTE_NO_SANITIZE_ADDRESS

namespace ferry {
inline namespace v1 {
namespace {

void Poison([[maybe_unused]] void* block,
            [[maybe_unused]] uint64_t size_bytes) {
#ifdef ABSL_HAVE_ADDRESS_SANITIZER
  ASAN_POISON_MEMORY_REGION(block, size_bytes);
#endif
}

void Unpoison([[maybe_unused]] void* block,
              [[maybe_unused]] uint64_t size_bytes) {
#ifdef ABSL_HAVE_ADDRESS_SANITIZER
  ASAN_UNPOISON_MEMORY_REGION(block, size_bytes);
#endif
}

void Free(void* block, uint64_t size_bytes) {
  if (size_bytes >= PagePool::kMinMappingBytes) {
    munmap(block, size_bytes);
  } else {
    std::free(block);
  }
}

}  // namespace

uint64_t PagePool::kept_bytes() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return kept_bytes_;
}

uint64_t PagePool::max_kept_bytes() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return max_kept_bytes_;
}

void PagePool::SetMaxKeptBytes(uint64_t max_kept_bytes) {
  FreeBlock* removed;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    max_kept_bytes_ = max_kept_bytes;
    removed = RemoveBeyondLimit();
  }
  FreeAll(removed);
}

void PagePool::Release() {
  FreeBlock* removed;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    removed = RemoveKeptBefore(time_);
  }
  FreeAll(removed);
}

void PagePool::ReleaseUnused() {
  FreeBlock* removed;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const uint64_t time = std::exchange(round_times_[round_], time_);
    round_ = (round_ + 1) % kRounds;
    removed = RemoveKeptBefore(time);
  }
  FreeAll(removed);
}

FERRY_ACCESSES_KEPT_BLOCKS
void* PagePool::Take(uint64_t size_bytes, const InternalKey& /*key*/) {
  FreeBlock* block;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    List& list = lists_[ListOf(size_bytes)];
    block = list.newest;
    while (block != nullptr && block->size_bytes != size_bytes) {
      block = block->older;
    }
    if (block == nullptr) return nullptr;
    list.Remove(block);
    kept_bytes_ -= size_bytes;
  }
  Unpoison(block, size_bytes);
  return block;
}

FERRY_ACCESSES_KEPT_BLOCKS
void PagePool::Keep(void* block, uint64_t size_bytes,
                    const InternalKey& /*key*/) {
  FreeBlock* removed = nullptr;
  bool is_kept;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    is_kept = size_bytes <= max_kept_bytes_;
    if (is_kept) {
      auto* const kept =
          new (block) FreeBlock{nullptr, nullptr, size_bytes, time_++};
      Poison(block, size_bytes);
      lists_[ListOf(size_bytes)].Push(kept);
      kept_bytes_ += size_bytes;
      removed = RemoveBeyondLimit();
    }
  }
  if (!is_kept) Free(block, size_bytes);
  FreeAll(removed);
}

FERRY_ACCESSES_KEPT_BLOCKS
void PagePool::List::Push(FreeBlock* block) {
  block->older = newest;
  block->newer = nullptr;
  (newest != nullptr ? newest->newer : oldest) = block;
  newest = block;
}

FERRY_ACCESSES_KEPT_BLOCKS
void PagePool::List::Remove(FreeBlock* block) {
  (block->newer != nullptr ? block->newer->older : newest) = block->older;
  (block->older != nullptr ? block->older->newer : oldest) = block->newer;
}

size_t PagePool::ListOf(uint64_t size_bytes) {
  // The exponent of the highest bit, and the three bits below that.
  const int exponent = 63 - __builtin_clzll(size_bytes);
  return static_cast<size_t>(exponent) * 8 + (size_bytes >> (exponent - 3)) % 8;
}

FERRY_ACCESSES_KEPT_BLOCKS
PagePool::FreeBlock* PagePool::RemoveBeyondLimit() {
  FreeBlock* removed = nullptr;
  while (kept_bytes_ > max_kept_bytes_) {
    List* oldest = nullptr;
    for (List& list : lists_) {
      if (list.oldest != nullptr &&
          (oldest == nullptr || list.oldest->time < oldest->oldest->time)) {
        oldest = &list;
      }
    }
    removed = RemoveOldest(oldest, removed);
  }
  return removed;
}

FERRY_ACCESSES_KEPT_BLOCKS
PagePool::FreeBlock* PagePool::RemoveKeptBefore(uint64_t time) {
  if (kept_bytes_ == 0) return nullptr;
  FreeBlock* removed = nullptr;
  for (List& list : lists_) {
    while (list.oldest != nullptr && list.oldest->time < time) {
      removed = RemoveOldest(&list, removed);
    }
  }
  return removed;
}

FERRY_ACCESSES_KEPT_BLOCKS
PagePool::FreeBlock* PagePool::RemoveOldest(List* list, FreeBlock* removed) {
  FreeBlock* const block = list->oldest;
  list->Remove(block);
  kept_bytes_ -= block->size_bytes;
  block->older = removed;
  return block;
}

FERRY_ACCESSES_KEPT_BLOCKS
void PagePool::FreeAll(FreeBlock* blocks) {
  while (blocks != nullptr) {
    FreeBlock* const block = blocks;
    const uint64_t size_bytes = block->size_bytes;
    blocks = block->older;
    Unpoison(block, size_bytes);
    Free(block, size_bytes);
  }
}

}  // namespace v1
}  // namespace ferry
