// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/hash_table.h
// -----------------------------------------------------------------------------
//
// Abseil's hash tables with an allocator that does not throw. A table of
// Abseil's that cannot get memory to grow is corrupt afterwards, and its
// destructor frees what is not its own. These end the process with a message
// instead. Other containers throw std::bad_alloc, which core/out_of_memory.h
// turns into an error.
//
// A table is also corrupt if the constructor of an element throws, so make the
// parts of an element that take memory first, and move them in.
//
// Example:
//
//   HashMap<int64_t, uint32_t> counts;
//   ++counts[42];
#ifndef FERRY_CORE_HASH_TABLE_H_
#define FERRY_CORE_HASH_TABLE_H_

#include <cstddef>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"

namespace ferry {
inline namespace v1 {

// Allocate and free memory: whole huge pages where `AllocateBySize` does. If
// there is not enough, calls the program's std::new_handler if it has one, and
// then ends the process.
void* AllocateTable(size_t size_bytes) noexcept;
void FreeTable(void* memory, size_t size_bytes) noexcept;

// An allocator of the standard library.
template <typename T>
struct TableAllocator {
  using value_type = T;

  TableAllocator() = default;
  template <typename U>
  TableAllocator(const TableAllocator<U>&) noexcept {}  // NOLINT: a conversion

  T* allocate(size_t count) noexcept {
    static_assert(alignof(T) <= alignof(std::max_align_t),
                  "malloc's alignment");
    // A table is a few times the memory that its elements take elsewhere, so
    // the product cannot overflow.
    return static_cast<T*>(AllocateTable(count * sizeof(T)));
  }
  void deallocate(T* memory, size_t count) noexcept {
    FreeTable(memory, count * sizeof(T));
  }

  friend bool operator==(TableAllocator, TableAllocator) { return true; }
  friend bool operator!=(TableAllocator, TableAllocator) { return false; }
};

template <typename Key, typename Value,
          typename Hash = typename absl::flat_hash_map<Key, Value>::hasher,
          typename Equal = typename absl::flat_hash_map<Key, Value>::key_equal>
using HashMap =
    absl::flat_hash_map<Key, Value, Hash, Equal,
                        TableAllocator<std::pair<const Key, Value>>>;

template <typename Key,
          typename Hash = typename absl::flat_hash_set<Key>::hasher,
          typename Equal = typename absl::flat_hash_set<Key>::key_equal>
using HashSet = absl::flat_hash_set<Key, Hash, Equal, TableAllocator<Key>>;

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_HASH_TABLE_H_
