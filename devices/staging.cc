// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/devices/staging.h"

#include <atomic>
#include <utility>

#include "ferry/core/status_macros.h"

namespace ferry {
inline namespace v1 {
namespace {

std::atomic<uint64_t> live_bytes{0};
std::atomic<uint64_t> peak_bytes{0};

void Count(uint64_t size_bytes) {
  const uint64_t live = live_bytes += size_bytes;
  uint64_t peak = peak_bytes;
  while (peak < live && !peak_bytes.compare_exchange_weak(peak, live)) {
  }
}

}  // namespace

uint64_t LiveStagingBytes() { return live_bytes; }

uint64_t PeakStagingBytes() { return peak_bytes; }

void ResetPeakStagingBytes() { peak_bytes = live_bytes.load(); }

absl::StatusOr<Memory> AllocateHostBuffer(uint64_t size_bytes) {
  Memory memory;
  FERRY_RETURN_IF_ERROR(AllocateHostMemory({size_bytes}, {&memory, 1}));
  return memory;
}

StagingBuffers::StagingBuffers(uint64_t buffer_bytes, Allocator allocate)
    : buffer_bytes_(buffer_bytes), allocate_(std::move(allocate)) {}

StagingBuffers::~StagingBuffers() {
  for (const Memory& buffer : buffers_) {
    if (buffer.data != nullptr) live_bytes -= buffer_bytes_;
  }
}

absl::StatusOr<char*> StagingBuffers::Next() {
  Memory& buffer = buffers_[next_];
  if (buffer.data == nullptr) {
    FERRY_ASSIGN_OR_RETURN(buffer, allocate_(buffer_bytes_));
    Count(buffer_bytes_);
  }
  next_ = (next_ + 1) % kStagingBuffers;
  return static_cast<char*>(buffer.data);
}

}  // namespace v1
}  // namespace ferry
