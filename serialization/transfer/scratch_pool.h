// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/transfer/scratch_pool.h
// -----------------------------------------------------------------------------
//
// A pool of buffers for work on several threads. There are as many buffers as
// pieces of work run at the same time; later pieces reuse them.
//
// Example:
//
//   ScratchPool pool(1 << 20);
//   ParallelForEach(count, [&](int64_t i) {
//     ScratchPool::Buffer buffer = pool.Take();
//     return Work(i, buffer.data());
//   });
#ifndef FERRY_SERIALIZATION_TRANSFER_SCRATCH_POOL_H_
#define FERRY_SERIALIZATION_TRANSFER_SCRATCH_POOL_H_

#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace ferry {
inline namespace v1 {

// ScratchPool
//
// Thread-safety: all methods may be called from any number of threads at once.
class ScratchPool {
 public:
  explicit ScratchPool(size_t buffer_bytes) : buffer_bytes_(buffer_bytes) {}

  // Returns to the pool when it is destroyed. The pool must outlive it.
  class Buffer {
   public:
    Buffer(Buffer&&) = default;
    ~Buffer() {
      if (bytes_ != nullptr) pool_->Return(std::move(bytes_));
    }
    char* data() const { return bytes_.get(); }

   private:
    friend class ScratchPool;
    Buffer(ScratchPool* pool, std::unique_ptr<char[]> bytes)
        : pool_(pool), bytes_(std::move(bytes)) {}

    ScratchPool* pool_;
    std::unique_ptr<char[]> bytes_;
  };

  // Returns a buffer of `buffer_bytes`, with unspecified contents.
  Buffer Take() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!free_.empty()) {
        std::unique_ptr<char[]> bytes = std::move(free_.back());
        free_.pop_back();
        return Buffer(this, std::move(bytes));
      }
      free_.reserve(++num_made_);
    }
    return Buffer(this, std::unique_ptr<char[]>(new char[buffer_bytes_]));
  }

 private:
  void Return(std::unique_ptr<char[]> bytes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    free_.push_back(std::move(bytes));  // `Take` has made room
  }

  const size_t buffer_bytes_;
  std::mutex mutex_;
  size_t num_made_ = 0;
  std::vector<std::unique_ptr<char[]>> free_;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TRANSFER_SCRATCH_POOL_H_
