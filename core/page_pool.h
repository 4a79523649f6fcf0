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

#include <cstddef>
#include <cstdint>
#include <mutex>

namespace ferry {
inline namespace v1 {

class InternalKey;

// PagePool
//
// Keeps freed blocks, and reuses one only for a request of exactly its size.
// The blocks of a load are mappings of 512 KiB or more. Does not clear blocks:
// the bytes of a freed tensor stay in memory until a new owner overwrites them
// or they are given back to the system.
//
// Memory that comes from a pool shares its ownership. The pool is destroyed,
// and what it keeps is freed, after the program has dropped its pointer and the
// last value that was loaded with the pool is destroyed.
//
// Under the address sanitizer, an access to a kept block is reported.
//
// Thread-safe: any number of threads may load with one pool at the same time.
class PagePool {
 public:
  // Keeps at most `max_kept_bytes` of freed memory. Beyond that, frees the
  // block that it has kept longest.
  explicit PagePool(uint64_t max_kept_bytes)
      : max_kept_bytes_(max_kept_bytes) {}
  ~PagePool() { Release(); }
  PagePool(const PagePool&) = delete;
  PagePool& operator=(const PagePool&) = delete;

  // Returns the size of the freed memory that the pool keeps now.
  uint64_t kept_bytes() const;

  // Return and set the limit. A lower limit takes effect at once.
  uint64_t max_kept_bytes() const;
  void SetMaxKeptBytes(uint64_t max_kept_bytes);

  // Gives all memory that the pool keeps back to the system.
  void Release();

  // Ends a round of work. Gives back the blocks that nobody has needed in the
  // last kRounds rounds. So a program keeps what its rounds need, also if
  // rounds of a few kinds alternate. Takes less than a microsecond if there is
  // nothing to give back.
  void ReleaseUnused();
  static constexpr size_t kRounds = 8;

  // --- For Ferry's own code --------------------------------------------------

  // A block of this size or more is a mapping, and given back with munmap. A
  // smaller one is from malloc, and given back with free.
  static constexpr uint64_t kMinMappingBytes = uint64_t{512} << 10;

  // The smallest block that can be kept.
  static constexpr uint64_t kMinBlockBytes = 64;

  // Hands out the kept block of `size_bytes` that was freed last. Returns null
  // if there is none. O(number of kept blocks whose sizes differ, but lie in
  // the same eighth of a power of two).
  void* Take(uint64_t size_bytes, const InternalKey& key);

  // Takes ownership of a block. Frees it if it is larger than the limit.
  // `size_bytes` is at least kMinBlockBytes, and a whole number of pages for a
  // mapping. O(1), except beyond the limit.
  void Keep(void* block, uint64_t size_bytes, const InternalKey& key);

  // Stops all other use of the pool between the two calls, for a fork.
  void Lock(const InternalKey&) { mutex_.lock(); }
  void Unlock(const InternalKey&) { mutex_.unlock(); }

 private:
  // Written to the beginning of each block that is kept.
  struct FreeBlock {
    FreeBlock* older;  // the next in its list
    FreeBlock* newer;
    uint64_t size_bytes;
    uint64_t time;  // the number of blocks kept before it
  };

  // The kept blocks whose sizes lie in one eighth of a power of two.
  struct List {
    FreeBlock* newest = nullptr;
    FreeBlock* oldest = nullptr;

    void Push(FreeBlock* block);
    void Remove(FreeBlock* block);
  };
  static constexpr size_t kNumLists = 64 * 8;

  static size_t ListOf(uint64_t size_bytes);
  // Remove blocks from their lists, with `mutex_` held. Return them as a list
  // that is linked by `older`, for `FreeAll`.
  FreeBlock* RemoveBeyondLimit();
  FreeBlock* RemoveKeptBefore(uint64_t time);
  // Adds the oldest block of `list` to the front of `removed`.
  FreeBlock* RemoveOldest(List* list, FreeBlock* removed);
  static void FreeAll(FreeBlock* blocks);

  mutable std::mutex mutex_;  // guards all below
  uint64_t max_kept_bytes_;
  List lists_[kNumLists];
  uint64_t kept_bytes_ = 0;
  uint64_t time_ = 0;  // the number of blocks kept so far
  // `time_` at the ends of the last rounds, in a ring that begins at `round_`.
  uint64_t round_times_[kRounds] = {};
  size_t round_ = 0;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_PAGE_POOL_H_
