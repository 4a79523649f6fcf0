// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "cuda_stream_pool.h"

namespace ferry_cuda {

Result StreamPool::Borrow(const Driver& driver, Stream* stream) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (closed_ == kSuccess && idle_count_ == 0 && made_count_ < kMaxStreams) {
    const Result result = driver.stream_create(stream, kStreamNonBlocking);
    if (result == kSuccess) {
      if (made_count_++ == 0) first_ = *stream;
      return kSuccess;
    }
    // Those that are lent come back, unless the device is lost.
    if (made_count_ == 0 || LosesDevice(result)) return result;
  }
  has_changed_.wait(lock,
                    [this] { return idle_count_ != 0 || closed_ != kSuccess; });
  if (closed_ != kSuccess) return closed_;
  *stream = idle_[--idle_count_];
  return kSuccess;
}

void StreamPool::Return(Stream stream) {
  const std::lock_guard<std::mutex> lock(mutex_);
  idle_[idle_count_++] = stream;
  has_changed_.notify_one();
}

Result StreamPool::Share(const Driver& driver, Stream* stream) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (shared_ == nullptr) {
    Stream made = nullptr;
    const Result result = driver.stream_create(&made, kStreamNonBlocking);
    if (result == kSuccess) {
      shared_ = made;
    } else if (first_ == nullptr || LosesDevice(result)) {
      return result;
    }
  }
  *stream = shared_ != nullptr ? shared_ : first_;
  return kSuccess;
}

void StreamPool::Close(Result error) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (closed_ == kSuccess) closed_ = error;
  has_changed_.notify_all();
}

}  // namespace ferry_cuda
