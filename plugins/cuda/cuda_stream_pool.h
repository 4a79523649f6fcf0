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
// Makes at most kMaxStreams streams, when they are needed, and keeps them.
//
// Thread-safety: all methods may be called from any number of threads at once.
class StreamPool {
 public:
  // More would not help: a GPU has few copy engines.
  static constexpr int kMaxStreams = 8;

  // Sets `*stream` to a stream that only the caller uses until it returns it.
  // Waits if all are in use. The device's context is current. Returns an error
  // if the driver cannot make a stream.
  Result Borrow(const Driver& driver, Stream* stream);
  void Return(Stream stream);

 private:
  std::mutex mutex_;
  std::condition_variable has_returned_;
  Stream idle_[kMaxStreams] = {};  // guarded by mutex_
  int idle_count_ = 0;             // guarded by mutex_
  int made_count_ = 0;             // guarded by mutex_
};

}  // namespace ferry_cuda

#endif  // FERRY_PLUGINS_CUDA_CUDA_STREAM_POOL_H_
