// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/object_pool.h
// -----------------------------------------------------------------------------
//
// Allocates many small shared objects that are made together, such as the
// tensors and storages of a load. The objects are in slabs on huge pages. A
// slab is freed with its last object. The objects may outlive the pool.
//
// Example: make up to 20 000 numbers with one allocation.
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
inline namespace v1 {

// ObjectPool
//
// Thread-safety: one thread at a time may use the pool. Any thread may free its
// objects.
class ObjectPool {
 public:
  // The slabs come from `page_pool`, if that is not null.
  explicit ObjectPool(std::shared_ptr<PagePool> page_pool = nullptr)
      : page_pool_(std::move(page_pool)) {}
  ~ObjectPool() { CloseSlab(); }
  ObjectPool(const ObjectPool&) = delete;
  ObjectPool& operator=(const ObjectPool&) = delete;

  // Sets the total size of the objects to come, each with about 40 bytes for
  // its reference counts. If the total is below kHugeFromBytes, and for objects
  // beyond it, each object is a separate allocation.
  void Expect(uint64_t size_bytes) { expected_bytes_ = size_bytes; }

  // Makes an object, like std::make_shared.
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
  // The maximum size of the reference counts beside an object.
  static constexpr uint64_t kCountsBytes = 64;

  // The header of a slab, at its first byte.
  struct Slab {
    // The number of live objects. While the pool still adds objects, this is
    // kOpen minus the number of objects already freed.
    std::atomic<uint64_t> users{kOpen};
    std::shared_ptr<PagePool> page_pool;  // that the slab goes back to
    uint64_t size_bytes = 0;
    uint64_t used_bytes = 0;
    uint64_t num_objects = 0;  // made so far
  };
  static constexpr uint64_t kOpen = uint64_t{1} << 63;

  // The allocator for std::allocate_shared.
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

  // Returns whether the slab has room for `size_bytes`. Opens a new slab if
  // necessary.
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
  // Subtracts from `users`, and frees the slab when it reaches 0.
  static void Drop(Slab* slab, uint64_t users);

  const std::shared_ptr<PagePool> page_pool_;
  uint64_t expected_bytes_ = 0;  // that are not in any slab yet
  Slab* slab_ = nullptr;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_OBJECT_POOL_H_
