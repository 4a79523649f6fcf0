// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/devices/staging.h"

#include <cstdint>
#include <cstring>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/core/memory.h"
#include "ferry/core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

TEST(StagingTest, BuffersComeInTurn) {
  StagingBuffers buffers(1000, AllocateHostBuffer);
  EXPECT_EQ(buffers.buffer_bytes(), 1000u);
  char* const first = *buffers.Next();
  char* const second = *buffers.Next();
  EXPECT_NE(first, second);
  std::memset(first, 1, 1000);
  std::memset(second, 2, 1000);
  EXPECT_EQ(first[999], 1);
  EXPECT_EQ(*buffers.Next(), first);
  EXPECT_EQ(*buffers.Next(), second);
}

TEST(StagingTest, MemoryIsCountedFromItsFirstUseToTheEnd) {
  const uint64_t before = LiveStagingBytes();
  ResetPeakStagingBytes();
  EXPECT_EQ(PeakStagingBytes(), before);
  {
    StagingBuffers one(1000, AllocateHostBuffer);
    StagingBuffers other(64, AllocateHostBuffer);
    EXPECT_EQ(LiveStagingBytes(), before);
    ASSERT_THAT(one.Next(), IsOk());
    EXPECT_EQ(LiveStagingBytes(), before + 1000);
    for (int i = 0; i < 5; ++i) ASSERT_THAT(one.Next(), IsOk());
    ASSERT_THAT(other.Next(), IsOk());
    EXPECT_EQ(LiveStagingBytes(), before + 2064);
  }
  EXPECT_EQ(LiveStagingBytes(), before);
  EXPECT_EQ(PeakStagingBytes(), before + 2064);
  ResetPeakStagingBytes();
  EXPECT_EQ(PeakStagingBytes(), before);
}

TEST(StagingTest, MemoryThatIsRefusedIsNotCounted) {
  const uint64_t before = LiveStagingBytes();
  bool refuses = true;
  StagingBuffers buffers(64, [&](uint64_t size) -> absl::StatusOr<Memory> {
    if (refuses) return absl::ResourceExhaustedError("none");
    return AllocateHostBuffer(size);
  });
  EXPECT_EQ(buffers.Next().status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(LiveStagingBytes(), before);
  refuses = false;
  EXPECT_THAT(buffers.Next(), IsOk());
  EXPECT_EQ(LiveStagingBytes(), before + 64);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
