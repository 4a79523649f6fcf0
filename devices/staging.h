// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: devices/staging.h
// -----------------------------------------------------------------------------
//
// The staging buffers of a stream, for implementations of streams, and the
// number of bytes in the staging buffers of all streams.
//
// Example: the staging buffers of a stream, in ordinary host memory.
//
//   StagingBuffers buffers(kBlockingBufferBytes, AllocateHostBuffer);
//   absl::StatusOr<char*> buffer = buffers.Next();
#ifndef FERRY_DEVICES_STAGING_H_
#define FERRY_DEVICES_STAGING_H_

#include <array>
#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "ferry/core/memory.h"

namespace ferry {
inline namespace v1 {

// The number of staging buffers of a stream: the device copies one while the
// host fills or empties the other. A third would only help where the speed of
// one side varies much from buffer to buffer.
inline constexpr int kStagingBuffers = 2;

// The size of a staging buffer of a stream whose copies block. Nothing
// overlaps, so a buffer need only be large enough that the cost of a call is
// small compared with copying the buffer, and small enough to stay in the
// processor's cache between being filled and being copied.
inline constexpr uint64_t kBlockingBufferBytes = uint64_t{1} << 20;

// The size of a staging buffer of a stream whose copies overlap, unless the
// device asks for another: large enough that issuing a copy and waiting for it
// cost little compared with the copy. The size that a device asks for is
// clamped to the two bounds below, so the staging buffers of a stream take at
// most kStagingBuffers * kMaxBufferBytes.
inline constexpr uint64_t kDefaultBufferBytes = uint64_t{4} << 20;
inline constexpr uint64_t kMinBufferBytes = uint64_t{64} << 10;
inline constexpr uint64_t kMaxBufferBytes = uint64_t{64} << 20;

// Return the number of bytes in the staging buffers of all streams: now, and
// the largest number since the start or the last reset.
//
// Thread-safe.
uint64_t LiveStagingBytes();
uint64_t PeakStagingBytes();

// Resets the peak to the current number. For tests.
void ResetPeakStagingBytes();

// Allocates ordinary host memory. Errors: as AllocateHostMemory.
absl::StatusOr<Memory> AllocateHostBuffer(uint64_t size_bytes);

// StagingBuffers
//
// The buffers of one stream, each allocated when it is first needed.
//
// Thread-safety: none.
class StagingBuffers {
 public:
  using Allocator = std::function<absl::StatusOr<Memory>(uint64_t size_bytes)>;

  StagingBuffers(uint64_t buffer_bytes, Allocator allocate);
  StagingBuffers(const StagingBuffers&) = delete;
  StagingBuffers& operator=(const StagingBuffers&) = delete;
  ~StagingBuffers();

  uint64_t buffer_bytes() const { return buffer_bytes_; }

  // Returns the buffer whose turn it is. Errors: those of the allocator.
  absl::StatusOr<char*> Next();

 private:
  const uint64_t buffer_bytes_;
  const Allocator allocate_;
  std::array<Memory, kStagingBuffers> buffers_;
  int next_ = 0;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_DEVICES_STAGING_H_
