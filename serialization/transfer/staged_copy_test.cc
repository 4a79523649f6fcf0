// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/transfer/staged_copy.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/memory.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/testing/fake_backend.h"
#include "ferry/devices/transfer_stream.h"
#include "ferry/serialization/testing/pattern.h"
#include "ferry/serialization/transfer/stream_pool.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::HasSubstr;

constexpr uint64_t kBufferBytes = 1003;

FakeBackend::Options Delayed() {
  FakeBackend::Options options;
  options.delays_transfers = true;
  options.stream_buffer_bytes = kBufferBytes;
  return options;
}

class StagedCopyTest : public testing::Test {
 protected:
  // Memory on a device, as large as a pattern.
  const Memory& Allocate(int index, uint64_t size_bytes) {
    Memory& memory = memory_.emplace_back();
    EXPECT_THAT(backend_.Allocate(index, {size_bytes}, {&memory, 1}), IsOk());
    return memory;
  }
  DeviceAddress Address(int index, const Memory& memory, uint64_t offset = 0) {
    return {&backend_, index, &memory, offset};
  }
  std::string Bytes(const Memory& memory, uint64_t size_bytes) {
    std::string bytes(size_bytes, '\0');
    EXPECT_THAT(backend_.CopyToHost(memory, 0, &bytes[0], bytes.size()),
                IsOk());
    return bytes;
  }

  FakeBackend backend_{Delayed()};
  std::deque<Memory> memory_;
};

// Runs of all sizes about that of a buffer, to two devices in turn.
TEST_F(StagedCopyTest, WritesRunsToTheirDevices) {
  const std::vector<size_t> sizes = {1, 64, 959, 960, 961, 1003, 5000, 7, 100};
  StreamPool pool;
  {
    StagedWriter writer(&pool);
    for (size_t i = 0; i < sizes.size(); ++i) {
      const int device = i < 5 ? static_cast<int>(i % 2) : 1;
      const Memory& memory = Allocate(device, sizes[i]);
      const std::string bytes = Pattern(sizes[i], static_cast<int>(i));
      ASSERT_THAT(writer.Begin(Address(device, memory), "a", 1), IsOk());
      // A decompressor gives a run in parts.
      ASSERT_THAT(writer.Append(bytes.substr(0, sizes[i] / 3)), IsOk());
      ASSERT_THAT(writer.Append(bytes.substr(sizes[i] / 3)), IsOk());
    }
    ASSERT_THAT(writer.Flush(), IsOk());
  }
  ASSERT_THAT(pool.Finish(), IsOk());
  for (size_t i = 0; i < sizes.size(); ++i) {
    EXPECT_TRUE(Bytes(memory_[i], sizes[i]) ==
                Pattern(sizes[i], static_cast<int>(i)))
        << i;
  }
}

TEST_F(StagedCopyTest, NumbersAreNotSplitBetweenBuffers) {
  const std::string bytes = Pattern(4000, 1);
  const Memory& before = Allocate(0, 3);
  const Memory& memory = Allocate(0, bytes.size());
  StreamPool pool;
  {
    StagedWriter writer(&pool);
    ASSERT_THAT(writer.Begin(Address(0, before), "a", 1), IsOk());
    ASSERT_THAT(writer.Append("abc"), IsOk());
    ASSERT_THAT(writer.Begin(Address(0, memory), "b", 8), IsOk());
    for (size_t at = 0; at < bytes.size(); at += 13) {
      ASSERT_THAT(writer.Append(bytes.substr(at, 13)), IsOk());
    }
    ASSERT_THAT(writer.Flush(), IsOk());
  }
  ASSERT_THAT(pool.Finish(), IsOk());
  std::string expected = bytes;
  for (size_t i = 0; i < expected.size(); i += 8) {
    std::reverse(expected.begin() + i, expected.begin() + i + 8);
  }
  EXPECT_EQ(Bytes(before, 3), "abc");
  EXPECT_TRUE(Bytes(memory, bytes.size()) == expected);
}

TEST_F(StagedCopyTest, ReadsRunsByFewTransfers) {
  const std::vector<size_t> sizes = {5, 400, 3000, 1003, 1, 64, 500};
  std::vector<std::string> got;
  for (size_t size : sizes) got.emplace_back(size, '\0');
  StreamPool pool;
  StagedReader reader(&pool);
  for (size_t i = 0; i < sizes.size(); ++i) {
    const int device = i < 4 ? 0 : 1;
    const Memory& memory = Allocate(device, sizes[i] + 3);
    const std::string bytes = Pattern(sizes[i], static_cast<int>(i));
    ASSERT_THAT(backend_.CopyFromHost(bytes.data(), memory, 3, bytes.size()),
                IsOk());
    ASSERT_THAT(
        reader.Read(Address(device, memory, 3), "a", &got[i][0], sizes[i]),
        IsOk());
  }
  ASSERT_THAT(reader.Flush(), IsOk());
  for (size_t i = 0; i < sizes.size(); ++i) {
    EXPECT_TRUE(got[i] == Pattern(sizes[i], static_cast<int>(i))) << i;
  }
  // 4408 bytes of one device and 565 of the other.
  EXPECT_EQ(backend_.transfer_count(), 6);
}

// A stream that has issued a part of a transfer when the next part fails.
class HalfIssued final : public TransferStream {
 public:
  explicit HalfIssued(bool* is_finished) : is_finished_(is_finished) {}
  uint64_t buffer_bytes() const override { return sizeof(buffer_); }
  absl::StatusOr<char*> NextBuffer() override { return buffer_; }
  absl::Status ToDevice(const char*, absl::Span<const TransferPiece>) override {
    return absl::UnimplementedError("not asked for");
  }
  absl::Status ToHost(absl::Span<const TransferPiece>, char*) override {
    *is_finished_ = false;
    return absl::InternalError("the second piece");
  }
  absl::Status Wait(const char*) override { return Finish(); }
  absl::Status Finish() override {
    *is_finished_ = true;
    return absl::InternalError("the second piece");
  }

 private:
  bool* const is_finished_;
  char buffer_[kBufferBytes];
};

// Nothing may be under way when the names of the runs go.
TEST_F(StagedCopyTest, AFailedReadWaitsForWhatWasIssued) {
  class Backend final : public FakeBackend {
   public:
    absl::StatusOr<std::unique_ptr<TransferStream>> OpenStream(int) override {
      return std::make_unique<HalfIssued>(&is_finished);
    }
    bool is_finished = true;
  };
  Backend backend;
  const Memory memory;
  StreamPool pool;
  StagedReader reader(&pool);
  char to[200];
  for (char* at : {to, to + 100}) {
    ASSERT_THAT(reader.Read({&backend, 0, &memory, 0}, "a", at, 100), IsOk());
  }
  EXPECT_EQ(reader.Flush().message(), "the second piece");
  EXPECT_TRUE(backend.is_finished);
}

TEST_F(StagedCopyTest, ErrorsNameTheRun) {
  const Memory& good = Allocate(0, 100);
  const Memory bad;
  StreamPool pool;
  char to[200];
  StagedReader reader(&pool);
  ASSERT_THAT(reader.Read(Address(0, good), "first", to, 100), IsOk());
  ASSERT_THAT(reader.Read(Address(0, bad), "second", to + 100, 100), IsOk());
  const absl::Status status = reader.Flush();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()), HasSubstr("second: "));
}

TEST(StreamPoolTest, StreamsAreUsedAgain) {
  FakeBackend backend;
  StreamPool pool;
  const TransferStream* first = nullptr;
  {
    const absl::StatusOr<StreamPool::Lease> lease = pool.Take(backend, 0);
    ASSERT_THAT(lease, IsOk());
    first = &**lease;
    const absl::StatusOr<StreamPool::Lease> other = pool.Take(backend, 0);
    ASSERT_THAT(other, IsOk());
    EXPECT_NE(&**other, first);
  }
  {
    const absl::StatusOr<StreamPool::Lease> other_device =
        pool.Take(backend, 1);
    ASSERT_THAT(other_device, IsOk());
    EXPECT_NE(&**other_device, first);
  }
  EXPECT_EQ(pool.Take(backend, 5).status().code(),
            absl::StatusCode::kOutOfRange);
}

TEST(StreamPoolTest, BuffersMustBeLargeEnough) {
  FakeBackend::Options options;
  options.stream_buffer_bytes = 63;
  FakeBackend backend(options);
  StreamPool pool;
  const absl::Status status = pool.Take(backend, 0).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()), HasSubstr("63 bytes"));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
