// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/transfer/stream_pool.h
// -----------------------------------------------------------------------------
//
// The streams of one load or save. A device has as many streams as threads use
// it at the same time, so the number of threads limits the staging memory.
//
// Example: a piece of work on one thread.
//
//   FERRY_ASSIGN_OR_RETURN(StreamPool::Lease stream, pool.Take(*backend, 0));
//   FERRY_ASSIGN_OR_RETURN(char* const buffer, stream->NextBuffer());
#ifndef FERRY_SERIALIZATION_TRANSFER_STREAM_POOL_H_
#define FERRY_SERIALIZATION_TRANSFER_STREAM_POOL_H_

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/devices/backend.h"
#include "ferry/devices/transfer_stream.h"

namespace ferry {
inline namespace v1 {

// StreamPool
//
// The destructor waits for all transfers. Their memory and names must outlive
// the pool.
//
// Thread-safety: all methods may be called from any number of threads at once.
class StreamPool {
 public:
  // A stream for one thread. When the lease is destroyed, the stream returns to
  // the pool, perhaps with transfers in progress. A lease must not outlive its
  // pool.
  class Lease {
   public:
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&& other) noexcept {
      std::swap(pool_, other.pool_);
      std::swap(key_, other.key_);
      std::swap(stream_, other.stream_);
      return *this;
    }
    ~Lease() {
      if (stream_ != nullptr) pool_->Return(key_, std::move(stream_));
    }
    TransferStream* operator->() const { return stream_.get(); }
    TransferStream& operator*() const { return *stream_; }

   private:
    friend class StreamPool;
    using Key = std::pair<Backend*, int>;
    Lease(StreamPool* pool, Key key, std::unique_ptr<TransferStream> stream)
        : pool_(pool), key_(key), stream_(std::move(stream)) {}

    StreamPool* pool_;
    Key key_;
    std::unique_ptr<TransferStream> stream_;
  };

  // Returns an idle stream, or a new one, of device `index`. The backend must
  // outlive the pool.
  //
  // Errors: as `Backend::OpenStream`; kInternal - its buffers are too small.
  absl::StatusOr<Lease> Take(Backend& backend, int index);

  // Waits for all transfers. No lease may exist during the call.
  //
  // Errors: the first error of a transfer; its message names the storage.
  absl::Status Finish();

 private:
  void Return(Lease::Key key, std::unique_ptr<TransferStream> stream);

  // The streams of a device.
  struct Streams {
    size_t num_opened = 0;
    std::vector<std::unique_ptr<TransferStream>> idle;  // not leased
  };

  std::mutex mutex_;
  std::map<Lease::Key, Streams> streams_;  // guarded by mutex_
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TRANSFER_STREAM_POOL_H_
