// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/object_pool.h
// -----------------------------------------------------------------------------
//
// Memory for many small shared objects that are made together, as a load makes
// tensors and storages: they stand in slabs on huge pages, each freed with the
// last object in it. The objects outlive the pool.
//
// Example: 20 000 numbers, one allocation in all.
//
//   ObjectPool pool;
//   pool.Expect(20000 * 64);
//   std::shared_ptr<int> number = pool.MakeShared<int>(7);
#ifndef FERRY_CORE_OBJECT_POOL_H_
#define FERRY_CORE_OBJECT_POOL_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

#include "ferry/core/huge_pages.h"
#include "ferry/core/page_pool.h"

namespace ferry {

// ObjectPool
//
// Thread-safety: of the pool, none; its objects may be freed by any thread.
class ObjectPool {
 public:
  // The slabs come from `page_pool`, if that is not null.
  explicit ObjectPool(std::shared_ptr<PagePool> page_pool = nullptr)
      : page_pool_(std::move(page_pool)) {}
  ~ObjectPool() { CloseSlab(); }
  ObjectPool(const ObjectPool&) = delete;
  ObjectPool& operator=(const ObjectPool&) = delete;

  // How much the objects will take together, with some 40 bytes for the
  // counts of each. For less than kHugeFromBytes, and past what was
  // expected, each object is an allocation of its own.
  void Expect(uint64_t size_bytes) { expected_bytes_ = size_bytes; }

  // As std::make_shared.
  template <typename T, typename... Args>
  std::shared_ptr<T> MakeShared(Args&&... args) {
    static_assert(alignof(T) <= kAlignmentBytes);
    if (!HasRoom(sizeof(T) + kCountsBytes)) {
      return std::make_shared<T>(std::forward<Args>(args)...);
    }
    return std::allocate_shared<T>(Allocator<T>(slab_),
                                   std::forward<Args>(args)...);
  }

 private:
  static constexpr uint64_t kAlignmentBytes = 8;
  // The most that a shared pointer's counts take beside the object.
  static constexpr uint64_t kCountsBytes = 64;

  // Stands at its own beginning.
  struct Slab {
    // The objects that live; while the pool makes some, so many fewer than
    // kOpen as have been freed.
    std::atomic<uint64_t> users{kOpen};
    std::shared_ptr<PagePool> page_pool;  // that the slab goes back to
    uint64_t size_bytes = 0;
    uint64_t used_bytes = 0;
    uint64_t num_objects = 0;  // that were made
  };
  static constexpr uint64_t kOpen = uint64_t{1} << 63;

  // What std::allocate_shared wants.
  template <typename T>
  struct Allocator {
    using value_type = T;
    explicit Allocator(Slab* of_slab) : slab(of_slab) {}
    template <typename U>
    Allocator(const Allocator<U>& other)  // NOLINT: as the standard has it
        : slab(other.slab) {}

    T* allocate(size_t count) {
      return static_cast<T*>(Take(slab, count * sizeof(T)));
    }
    void deallocate(T* /*data*/, size_t /*count*/) { Drop(slab, 1); }

    friend bool operator==(const Allocator& a, const Allocator& b) {
      return a.slab == b.slab;
    }
    friend bool operator!=(const Allocator& a, const Allocator& b) {
      return a.slab != b.slab;
    }

    Slab* slab;
  };

  // Whether the slab has room, which it has where a new one is to be had.
  bool HasRoom(uint64_t size_bytes) {
    return (slab_ != nullptr &&
            slab_->size_bytes - slab_->used_bytes >= size_bytes) ||
           OpenSlab();
  }

  bool OpenSlab();
  void CloseSlab();
  static void* Take(Slab* slab, uint64_t size_bytes) {
    const uint64_t whole = RoundUp(size_bytes, kAlignmentBytes);
    if (slab->size_bytes - slab->used_bytes < whole) throw std::bad_alloc();
    void* const data = reinterpret_cast<char*>(slab) + slab->used_bytes;
    slab->used_bytes += whole;
    ++slab->num_objects;
    return data;
  }
  // Takes from `users`, and frees the slab with the last.
  static void Drop(Slab* slab, uint64_t users);

  const std::shared_ptr<PagePool> page_pool_;
  uint64_t expected_bytes_ = 0;  // that no slab has been made for
  Slab* slab_ = nullptr;
};

}  // namespace ferry

#endif  // FERRY_CORE_OBJECT_POOL_H_
