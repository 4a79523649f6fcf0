// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// The conformance suite checks that the streams keep their contract; this file
// checks what the fake counts and delays.

#include "ferry/devices/testing/fake_backend.h"

#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/types/span.h"
#include "ferry/core/memory.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/transfer_stream.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

FakeBackend::Options Delayed() {
  FakeBackend::Options options;
  options.stream_buffer_bytes = 64;
  options.delays_transfers = true;
  return options;
}

// A device with two allocations of 4 bytes and a stream.
class FakeBackendTest : public ::testing::Test {
 protected:
  explicit FakeBackendTest(FakeBackend::Options options = Delayed())
      : backend_(std::move(options)) {
    EXPECT_THAT(backend_.Allocate(1, {4, 4}, absl::MakeSpan(memory_)), IsOk());
    absl::StatusOr<std::unique_ptr<TransferStream>> stream =
        backend_.OpenStream(1);
    EXPECT_THAT(stream, IsOk());
    stream_ = *std::move(stream);
  }

  // Brings "abc" to both allocations in one transfer, if there is no error.
  absl::Status Send() {
    const absl::StatusOr<char*> buffer = stream_->NextBuffer();
    if (!buffer.ok()) return buffer.status();
    std::memcpy(*buffer, "abc", 4);
    return stream_->ToDevice(*buffer, {{&memory_[0], 0, 0, 4, "first"},
                                       {&memory_[1], 0, 0, 4, "second"}});
  }

  bool IsThere(int i) {
    char bytes[4] = "";
    EXPECT_THAT(backend_.CopyToHost(memory_[i], 0, bytes, 4), IsOk());
    return std::memcmp(bytes, "abc", 4) == 0;
  }

  FakeBackend backend_;
  Memory memory_[2];
  std::unique_ptr<TransferStream> stream_;
};

class PromptFakeBackendTest : public FakeBackendTest {
 protected:
  PromptFakeBackendTest() : FakeBackendTest(FakeBackend::Options()) {}
};

TEST_F(FakeBackendTest, TransfersAreUnderWayUntilTheyAreWaitedFor) {
  ASSERT_THAT(Send(), IsOk());
  ASSERT_THAT(Send(), IsOk());
  EXPECT_FALSE(IsThere(0));
  EXPECT_EQ(backend_.transfer_count(), 2);
  EXPECT_EQ(backend_.transfer_piece_count(), 4);
  EXPECT_EQ(backend_.most_transfers_under_way(), 2);
  // There are two buffers, so a third transfer waits for the first.
  ASSERT_THAT(Send(), IsOk());
  EXPECT_TRUE(IsThere(1));
  EXPECT_EQ(backend_.most_transfers_under_way(), 2);
  EXPECT_THAT(stream_->Finish(), IsOk());
  ASSERT_THAT(Send(), IsOk());
  EXPECT_EQ(backend_.most_transfers_under_way(), 2);
}

TEST_F(PromptFakeBackendTest, TransfersEndAtOnce) {
  ASSERT_THAT(Send(), IsOk());
  EXPECT_TRUE(IsThere(0));
  EXPECT_TRUE(IsThere(1));
  ASSERT_THAT(Send(), IsOk());
  EXPECT_EQ(backend_.transfer_count(), 2);
  EXPECT_EQ(backend_.most_transfers_under_way(), 1);
}

TEST_F(FakeBackendTest, ErrorsShowWhenTheyAreWaitedFor) {
  const absl::StatusOr<char*> buffer = stream_->NextBuffer();
  ASSERT_THAT(buffer, IsOk());
  EXPECT_THAT(stream_->ToDevice(*buffer, {{&memory_[0], 1, 0, 4, "too long"}}),
              IsOk());
  const absl::Status status = stream_->Wait(*buffer);
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_TRUE(absl::StartsWith(status.message(), "too long: ")) << status;
  EXPECT_EQ(Send(), status);
}

TEST_F(FakeBackendTest, MemoryOfAnotherDeviceIsAnError) {
  Memory other;
  ASSERT_THAT(backend_.Allocate(0, {4}, {&other, 1}), IsOk());
  const absl::StatusOr<char*> buffer = stream_->NextBuffer();
  ASSERT_THAT(buffer, IsOk());
  EXPECT_THAT(stream_->ToHost({{&other, 0, 0, 4, "other"}}, *buffer), IsOk());
  EXPECT_EQ(stream_->Finish().code(), absl::StatusCode::kInternal);
}

TEST(FakeBackendHashTest, PartsArriveInAnyOrder) {
  FakeBackend::Options options;
  options.hashes_bytes = true;
  FakeBackend backend(options);
  Memory memory;
  ASSERT_THAT(backend.Allocate(0, {100}, {&memory, 1}), IsOk());
  char bytes[100];
  GenerateBytes(0, bytes, sizeof(bytes));
  for (const auto& [from, to] : {std::pair(61, 100), {0, 3}, {3, 61}}) {
    ASSERT_THAT(backend.CopyFromHost(bytes + from, memory, from, to - from),
                IsOk());
  }
  EXPECT_EQ(backend.HashOf(memory), HashOfGeneratedBytes(100));
  // One byte again changes the hash, and so does one at another place.
  ASSERT_THAT(backend.CopyFromHost(bytes + 7, memory, 7, 1), IsOk());
  EXPECT_NE(backend.HashOf(memory), HashOfGeneratedBytes(100));
  EXPECT_NE(HashBytes(1, "a"), HashBytes(2, "a"));

  char back[39];
  ASSERT_THAT(backend.CopyToHost(memory, 61, back, sizeof(back)), IsOk());
  EXPECT_EQ(std::memcmp(back, bytes + 61, sizeof(back)), 0);
}

TEST(FakeBackendHooksTest, FailCopiesAndAllocations) {
  FakeBackend::Options options = Delayed();
  options.before_copy = [](int index) {
    return absl::UnavailableError(index == -1 ? "blocking" : "of a stream");
  };
  options.before_allocate = [](int index) {
    return index == 0 ? absl::OkStatus() : absl::UnavailableError("full");
  };
  FakeBackend backend(options);
  Memory memory;
  EXPECT_EQ(backend.Allocate(1, {4}, {&memory, 1}).message(), "full");
  EXPECT_EQ(backend.allocation_count(), 0);
  ASSERT_THAT(backend.Allocate(0, {4}, {&memory, 1}), IsOk());
  EXPECT_EQ(backend.allocation_count(), 1);
  EXPECT_EQ(backend.CopyFromHost("abc", memory, 0, 4).message(), "blocking");
  {
    const auto stream = backend.OpenStream(0);
    ASSERT_THAT(stream, IsOk());
    EXPECT_EQ(backend.stream_count(), 1);
    const absl::StatusOr<char*> buffer = (*stream)->NextBuffer();
    ASSERT_THAT(buffer, IsOk());
    EXPECT_THAT((*stream)->ToDevice(*buffer, {{&memory, 0, 0, 4, "abc"}}),
                IsOk());
    EXPECT_EQ((*stream)->Finish().message(), "abc: of a stream");
  }
  EXPECT_EQ(backend.stream_count(), 0);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
