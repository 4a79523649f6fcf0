// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "cuda_stream_pool.h"

namespace ferry_cuda {

Result StreamPool::Borrow(const Driver& driver, Stream* stream) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (idle_count_ == 0 && made_count_ < kMaxStreams) {
    const Result result = driver.stream_create(stream, kStreamNonBlocking);
    if (result == kSuccess) ++made_count_;
    return result;
  }
  has_returned_.wait(lock, [this] { return idle_count_ != 0; });
  *stream = idle_[--idle_count_];
  return kSuccess;
}

void StreamPool::Return(Stream stream) {
  const std::lock_guard<std::mutex> lock(mutex_);
  idle_[idle_count_++] = stream;
  has_returned_.notify_one();
}

}  // namespace ferry_cuda
