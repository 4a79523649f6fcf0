// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/cuda/cuda_stream_pool.h
// -----------------------------------------------------------------------------
//
// The streams on which a device runs the work of blocking functions. Neither of
// the driver's default streams would do: work on them waits for the program's
// own work ("Stream synchronization behavior": the per-thread default stream
// "will synchronize with the legacy default stream").
#ifndef FERRY_PLUGINS_CUDA_CUDA_STREAM_POOL_H_
#define FERRY_PLUGINS_CUDA_CUDA_STREAM_POOL_H_

#include <condition_variable>
#include <mutex>

#include "cuda_driver.h"

namespace ferry_cuda {

// StreamPool
//
// Makes at most kMaxStreams streams to lend, when they are needed, and keeps
// them. Makes one more, which the callers share.
//
// Thread-safety: all methods may be called from any number of threads at once.
class StreamPool {
 public:
  // More would not help: a GPU has few copy engines.
  static constexpr int kMaxStreams = 8;

  // Sets `*stream` to a stream that only the caller uses until it returns it.
  // Waits if all are in use, or if the driver cannot make another stream and
  // some are in use. The device's context is current. Returns an error if the
  // driver cannot make the first stream, and the error of `Close` after that
  // was called.
  Result Borrow(const Driver& driver, Stream* stream);
  void Return(Stream stream);

  // Sets `*stream` to a stream that all callers share. Only frees run on it, so
  // it never waits for a copy. Does not wait. The device's context is current.
  // If the driver cannot make the stream, sets `*stream` to one that may be
  // lent, and returns an error only if there is none.
  Result Share(const Driver& driver, Stream* stream);

  // Makes each later call of `Borrow`, and each that waits, return `error`. The
  // first error stays. Streams that are lent need not be returned.
  void Close(Result error);

 private:
  std::mutex mutex_;
  std::condition_variable has_changed_;
  // All guarded by mutex_.
  Stream idle_[kMaxStreams] = {};
  int idle_count_ = 0;
  int made_count_ = 0;
  Stream first_ = nullptr;   // the first stream to lend
  Stream shared_ = nullptr;  // null before the first call of Share
  Result closed_ = kSuccess;
};

}  // namespace ferry_cuda

#endif  // FERRY_PLUGINS_CUDA_CUDA_STREAM_POOL_H_
