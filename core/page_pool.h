// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/page_pool.h
// -----------------------------------------------------------------------------
//
// Keeps the memory that loads have freed for the loads that follow. Without a
// pool, freed memory goes back to the system, which has to clear pages again
// for the next load.
//
// Use a pool in a program that loads checkpoints of the same layout again and
// again, such as a server that reloads its model. Only memory that has been
// freed can be reused: a pool does not help a program that loads once, or that
// destroys no result before the next load.
//
// Example: keep up to 64 MiB between the loads of two checkpoints.
//
//   LoadOptions options;
//   options.page_pool = std::make_shared<PagePool>(uint64_t{64} << 20);
//   {
//     FERRY_ASSIGN_OR_RETURN(Value first, Load("step1.pt", options));
//   }
//   FERRY_ASSIGN_OR_RETURN(Value second, Load("step2.pt", options));
#ifndef FERRY_CORE_PAGE_POOL_H_
#define FERRY_CORE_PAGE_POOL_H_

#include <cstdint>
#include <mutex>

namespace ferry {

class InternalKey;

// PagePool
//
// Keeps mappings, which are allocations of 512 KiB or more, and reuses one only
// for a request of exactly its size. Does not clear them: the bytes of a freed
// tensor stay in memory until a load overwrites them or they are unmapped.
//
// Memory that comes from a pool shares its ownership. The pool is destroyed,
// and what it keeps is unmapped, after the program has dropped its pointer and
// the last value that was loaded with the pool is destroyed.
//
// Thread-safe: any number of threads may load with one pool at the same time.
class PagePool {
 public:
  // Keeps at most `max_kept_bytes` of freed memory. Beyond that, unmaps what
  // was freed first.
  explicit PagePool(uint64_t max_kept_bytes)
      : max_kept_bytes_(max_kept_bytes) {}
  ~PagePool();
  PagePool(const PagePool&) = delete;
  PagePool& operator=(const PagePool&) = delete;

  // Returns the size of the freed memory that the pool keeps now.
  uint64_t kept_bytes() const;

  // Hands out a kept mapping of `size_bytes`. Returns null if there is none.
  // O(number of kept mappings), as is `Keep`.
  void* Take(uint64_t size_bytes, const InternalKey& key);

  // Takes ownership of a mapping. Unmaps it if it is larger than the limit.
  // `size_bytes` is a whole number of pages.
  void Keep(void* pages, uint64_t size_bytes, const InternalKey& key);

 private:
  // Written to the beginning of each mapping that is kept.
  struct FreePages {
    FreePages* next;
    uint64_t size_bytes;
  };

  static void UnmapAll(FreePages* list);

  const uint64_t max_kept_bytes_;
  mutable std::mutex mutex_;     // guards the two below
  FreePages* newest_ = nullptr;  // a list, in the opposite order of `Keep`
  uint64_t kept_bytes_ = 0;
};

}  // namespace ferry

#endif  // FERRY_CORE_PAGE_POOL_H_
