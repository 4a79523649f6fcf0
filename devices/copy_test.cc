// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/devices/copy.h"

#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/types/span.h"
#include "ferry/core/device.h"
#include "ferry/core/memory.h"
#include "ferry/core/storage.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/device_registry.h"
#include "ferry/devices/staging.h"
#include "ferry/devices/testing/fake_backend.h"
#include "ferry/devices/testing/fake_host_backend.h"
#include "ferry/devices/testing/host_storage.h"
#include "ferry/devices/testing/keep_registered.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

FakeBackend::Options Named(std::string type) {
  FakeBackend::Options options;
  options.type = std::move(type);
  return options;
}

// "cpu", "fake" and "other" with two devices each, "meta", and "gone" without
// a device.
class CopyTest : public ::testing::Test {
 protected:
  CopyTest() {
    FakeBackend::Options meta = Named("meta");
    meta.is_indexed = false;
    meta.device_count = 1;
    meta.has_bytes = false;
    FakeBackend::Options gone = Named("gone");
    gone.absence = absl::UnavailableError("unplugged");
    KeepRegistered(
        registry_.RegisterBackend(10, std::make_shared<FakeHostBackend>()));
    KeepRegistered(registry_.RegisterBackend(20, fake_));
    KeepRegistered(registry_.RegisterBackend(21, other_));
    KeepRegistered(
        registry_.RegisterBackend(22, std::make_shared<FakeBackend>(meta)));
    KeepRegistered(
        registry_.RegisterBackend(23, std::make_shared<FakeBackend>(gone)));
  }

  std::string Bytes(const Storage& storage) {
    std::string bytes(storage.size_bytes(), '?');
    const absl::Status status =
        CopyToHost(devices(), storage, 0, &bytes[0], bytes.size());
    EXPECT_THAT(status, IsOk());
    return bytes;
  }

  DeviceSnapshot devices() const { return registry_.Snapshot(); }

  DeviceRegistry registry_;
  const std::shared_ptr<FakeBackend> fake_ = std::make_shared<FakeBackend>();
  const std::shared_ptr<FakeBackend> other_ =
      std::make_shared<FakeBackend>(Named("other"));
};

TEST_F(CopyTest, EveryDeviceToEveryOther) {
  const std::string bytes = PseudorandomBytes(1000);
  const Device places[] = {Device("cpu"), Device("fake", 0), Device("fake", 1),
                           Device("other", 1)};
  for (const Device& first : places) {
    const absl::StatusOr<Storage> from =
        CopyStorage(devices(), HostStorage(bytes), first);
    ASSERT_THAT(from, IsOk());
    EXPECT_EQ(from->device(), first);
    for (const Device& second : places) {
      const absl::StatusOr<Storage> to = CopyStorage(devices(), *from, second);
      ASSERT_THAT(to, IsOk());
      EXPECT_EQ(to->device(), second);
      EXPECT_NE(to->data(), from->data());
      EXPECT_EQ(Bytes(*to), bytes)
          << first.ToString() << " to " << second.ToString();
    }
  }
}

TEST_F(CopyTest, EveryCopyAsksWhetherItIsCancelled) {
  constexpr int kFewestAsks = 3;
  const std::string bytes(20 * kMiB, 'x');
  FakeBackend::Options alone = Named("alone");
  alone.copies_between_devices = false;
  KeepRegistered(
      registry_.RegisterBackend(30, std::make_shared<FakeBackend>(alone)));
  const Device places[] = {Device("cpu"), Device("fake", 0), Device("fake", 1),
                           Device("alone", 0), Device("alone", 1)};
  for (const Device& first : places) {
    const absl::StatusOr<Storage> from =
        CopyStorage(devices(), HostStorage(bytes), first);
    ASSERT_THAT(from, IsOk());
    for (const Device& second : places) {
      SCOPED_TRACE(first.ToString() + " to " + second.ToString());
      int asked = 0;
      int last_ask = 0;
      const auto copy = [&] {
        asked = 0;
        return CopyStorage(devices(), *from, second,
                           [&] { return ++asked == last_ask; });
      };
      const absl::StatusOr<Storage> to = copy();
      ASSERT_THAT(to, IsOk());
      EXPECT_EQ(Bytes(*to), bytes);
      EXPECT_GE(asked, kFewestAsks);
      for (const int ask : {1, kFewestAsks}) {
        last_ask = ask;
        EXPECT_EQ(copy().status().code(), absl::StatusCode::kCancelled);
      }
    }
  }
}

TEST_F(CopyTest, CopySharesNothingWithTheOriginal) {
  const Storage from = HostStorage("abc");
  const absl::StatusOr<Storage> to =
      CopyStorage(devices(), from, Device("cpu"));
  ASSERT_THAT(to, IsOk());
  std::memcpy(from.data(), "xyz", 3);
  EXPECT_EQ(Bytes(*to), "abc");
}

TEST_F(CopyTest, StagingIsBounded) {
  const std::string bytes = PseudorandomBytes(3 * kMiB + 5);
  const absl::StatusOr<Storage> from =
      CopyStorage(devices(), HostStorage(bytes), Device("fake", 0));
  ASSERT_THAT(from, IsOk());
  ResetPeakStagingBytes();
  const absl::StatusOr<Storage> to =
      CopyStorage(devices(), *from, Device("other", 0));
  ASSERT_THAT(to, IsOk());
  EXPECT_EQ(other_->largest_copy_bytes(), kMiB);
  EXPECT_EQ(other_->copy_count(), 4);
  EXPECT_EQ(PeakStagingBytes(), 2 * kMiB);
  EXPECT_EQ(LiveStagingBytes(), 0u);
  EXPECT_TRUE(Bytes(*to) == bytes);
}

TEST_F(CopyTest, NextPieceIsUnderWayWhileOneIsHandedOn) {
  FakeBackend::Options options = Named("sender");
  options.delays_transfers = true;
  options.stream_buffer_bytes = kMiB / 2;
  const auto sender = std::make_shared<FakeBackend>(options);
  options.type = "receiver";
  const auto receiver = std::make_shared<FakeBackend>(options);
  KeepRegistered(registry_.RegisterBackend(24, sender));
  KeepRegistered(registry_.RegisterBackend(25, receiver));
  for (uint64_t size :
       {kMiB + 1, 3 * kMiB / 2 - 1, 3 * kMiB / 2, 3 * kMiB / 2 + 1, 3 * kMiB}) {
    const std::string bytes = PseudorandomBytes(size);
    const absl::StatusOr<Storage> from =
        CopyStorage(devices(), HostStorage(bytes), Device("sender", 0));
    ASSERT_THAT(from, IsOk());
    const absl::StatusOr<Storage> to =
        CopyStorage(devices(), *from, Device("receiver", 1));
    ASSERT_THAT(to, IsOk());
    EXPECT_TRUE(Bytes(*to) == bytes) << size;
  }
  EXPECT_EQ(sender->most_transfers_under_way(), 2);
  EXPECT_EQ(sender->transfer_count(), 3 + 3 + 3 + 4 + 6);
  EXPECT_EQ(receiver->transfer_count(), 3 + 3 + 3 + 4 + 6);
}

TEST_F(CopyTest, SmallStoragesOpenNoStream) {
  for (uint64_t size : {uint64_t{1}, kMiB}) {
    const std::string bytes = PseudorandomBytes(size);
    const absl::StatusOr<Storage> from =
        CopyStorage(devices(), HostStorage(bytes), Device("fake", 0));
    ASSERT_THAT(from, IsOk());
    const absl::StatusOr<Storage> to =
        CopyStorage(devices(), *from, Device("other", 0));
    ASSERT_THAT(to, IsOk());
    EXPECT_TRUE(Bytes(*to) == bytes) << size;
  }
  EXPECT_EQ(fake_->transfer_count() + other_->transfer_count(), 0);
}

TEST_F(CopyTest, DevicesOfOneBackendCopyWithoutTheHost) {
  for (uint64_t size : {uint64_t{1}, 3 * kMiB + 5}) {
    const std::string bytes = PseudorandomBytes(size);
    const absl::StatusOr<Storage> from =
        CopyStorage(devices(), HostStorage(bytes), Device("fake", 0));
    ASSERT_THAT(from, IsOk());
    ResetPeakStagingBytes();
    for (int index : {0, 1}) {
      const int copies = fake_->copy_count();
      const absl::StatusOr<Storage> to =
          CopyStorage(devices(), *from, Device("fake", index));
      ASSERT_THAT(to, IsOk());
      EXPECT_EQ(fake_->copy_count(), copies);
      EXPECT_EQ(PeakStagingBytes(), 0u);
      EXPECT_EQ(fake_->DeviceOf(to->memory()), index);
      char last = '?';
      ASSERT_THAT(CopyToHost(devices(), *to, size - 1, &last, 1), IsOk());
      EXPECT_EQ(last, bytes.back());
    }
  }
  EXPECT_EQ(fake_->device_copy_count(), 4);
  EXPECT_EQ(fake_->transfer_count(), 0);
}

TEST_F(CopyTest, DevicesThatCannotCopyToEachOtherUseTheHost) {
  // Copies within a device, but not between two.
  class Apart : public FakeBackend {
   public:
    using FakeBackend::FakeBackend;
    absl::Status CopyBetween(const Memory& from, uint64_t from_offset_bytes,
                             const Memory& to, uint64_t to_offset_bytes,
                             uint64_t size_bytes) override {
      if (DeviceOf(from) != DeviceOf(to)) {
        return absl::UnimplementedError("no link");
      }
      return FakeBackend::CopyBetween(from, from_offset_bytes, to,
                                      to_offset_bytes, size_bytes);
    }
  };
  FakeBackend::Options options = Named("none");
  options.copies_between_devices = false;
  const auto none = std::make_shared<FakeBackend>(options);
  const auto apart = std::make_shared<Apart>(Named("apart"));
  KeepRegistered(registry_.RegisterBackend(24, none));
  KeepRegistered(registry_.RegisterBackend(25, apart));
  for (uint64_t size : {uint64_t{1}, 3 * kMiB + 5}) {
    const std::string bytes = PseudorandomBytes(size);
    for (const char* type : {"none", "apart"}) {
      const absl::StatusOr<Storage> from =
          CopyStorage(devices(), HostStorage(bytes), Device(type, 0));
      ASSERT_THAT(from, IsOk());
      for (int index : {0, 1}) {
        const absl::StatusOr<Storage> to =
            CopyStorage(devices(), *from, Device(type, index));
        ASSERT_THAT(to, IsOk());
        EXPECT_TRUE(Bytes(*to) == bytes) << size << " " << type << index;
      }
    }
  }
  EXPECT_EQ(none->device_copy_count(), 0);
  EXPECT_EQ(apart->device_copy_count(), 2);
}

TEST_F(CopyTest, ErrorsOfDeviceCopiesNameBothDevices) {
  const absl::StatusOr<Storage> small =
      CopyStorage(devices(), HostStorage("abc"), Device("fake", 0));
  ASSERT_THAT(small, IsOk());
  const Storage lying =
      Storage::FromMemory(Device("fake", 0), small->memory(), 100);
  const uint64_t allocated_bytes = fake_->allocated_bytes();
  const absl::Status status =
      CopyStorage(devices(), lying, Device("fake", 1)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(status.message(),
            "copy of a storage on fake:0 to fake:1: a copy past the end of the "
            "memory");
  EXPECT_EQ(fake_->allocated_bytes(), allocated_bytes);
}

TEST_F(CopyTest, IndexesAreOptionalAndChecked) {
  const Storage from = HostStorage("abc");
  EXPECT_EQ(CopyStorage(devices(), from, Device("fake"))->device(),
            Device("fake", 0));
  EXPECT_EQ(CopyStorage(devices(), from, Device("cpu", 0))->device(),
            Device("cpu"));
  for (const Device& device :
       {Device("fake", 2), Device("cpu", 1), Device("meta", 1)}) {
    EXPECT_EQ(CopyStorage(devices(), from, device).status().code(),
              absl::StatusCode::kOutOfRange)
        << device.ToString();
  }
}

TEST_F(CopyTest, MetaTakesTheSizeAndGivesNothing) {
  const absl::StatusOr<Storage> meta =
      CopyStorage(devices(), HostStorage("abc"), Device("meta"));
  ASSERT_THAT(meta, IsOk());
  EXPECT_EQ(meta->size_bytes(), 3u);
  EXPECT_EQ(meta->data(), nullptr);
  EXPECT_THAT(CopyStorage(devices(), *meta, Device("meta")), IsOk());
  EXPECT_EQ(CopyStorage(devices(), *meta, Device("cpu")).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(CopyTest, EmptyStoragesAreCopied) {
  for (const char* place : {"cpu", "fake", "meta"}) {
    const absl::StatusOr<Storage> to =
        CopyStorage(devices(), HostStorage(""), Device(place));
    ASSERT_THAT(to, IsOk());
    EXPECT_EQ(to->size_bytes(), 0u);
  }
}

TEST_F(CopyTest, WhatCannotBeCopiedIsSaid) {
  const Storage from = HostStorage("abc");
  EXPECT_EQ(CopyStorage(devices(), Storage(), Device()).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CopyStorage(devices(), Storage::Described(3, "cpu"), Device())
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CopyStorage(devices(), from, Device("nowhere")).status().code(),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(
      CopyStorage(devices(),
                  Storage::FromMemory(Device("nowhere"), Memory(), 3), Device())
          .status()
          .code(),
      absl::StatusCode::kUnavailable);
  const absl::Status gone =
      CopyStorage(devices(), from, Device("gone", 0)).status();
  EXPECT_EQ(gone.code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(gone.message().find("unplugged"), std::string::npos) << gone;
}

TEST_F(CopyTest, FailedCopyLeavesNothingAllocated) {
  // Size and memory disagree, so the fake refuses to read past the end.
  const absl::StatusOr<Storage> small =
      CopyStorage(devices(), HostStorage("abc"), Device("fake", 0));
  ASSERT_THAT(small, IsOk());
  for (uint64_t size : {uint64_t{100}, 5 * kMiB}) {
    const Storage lying =
        Storage::FromMemory(Device("fake", 0), small->memory(), size);
    const absl::Status status =
        CopyStorage(devices(), lying, Device("other", 0)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal) << status;
    EXPECT_EQ(
        absl::StartsWith(status.message(), "copy of a storage on fake:0: "),
        size > kMiB)
        << status;
    EXPECT_EQ(other_->allocated_bytes(), 0u);
  }
}

TEST_F(CopyTest, FailedCopyWaitsForTransfersUnderWay) {
  // Allocates the first piece of what it is asked for.
  class Small : public FakeBackend {
   public:
    using FakeBackend::FakeBackend;
    absl::Status Allocate(int index, absl::Span<const uint64_t>,
                          absl::Span<Memory> out) override {
      return FakeBackend::Allocate(index, {kMiB / 2}, out);
    }
  };
  FakeBackend::Options options = Named("sender");
  options.delays_transfers = true;
  options.stream_buffer_bytes = kMiB / 2;
  const auto sender = std::make_shared<FakeBackend>(options);
  options.type = "small";
  const auto small = std::make_shared<Small>(options);
  options.type = "receiver";
  const auto receiver = std::make_shared<FakeBackend>(options);
  KeepRegistered(registry_.RegisterBackend(24, sender));
  KeepRegistered(registry_.RegisterBackend(25, small));
  KeepRegistered(registry_.RegisterBackend(26, receiver));
  const absl::StatusOr<Storage> from = CopyStorage(
      devices(), HostStorage(PseudorandomBytes(3 * kMiB)), Device("sender", 0));
  ASSERT_THAT(from, IsOk());

  // The receiver fails while the sender reads.
  absl::Status status =
      CopyStorage(devices(), *from, Device("small", 1)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal) << status;
  EXPECT_TRUE(
      absl::StartsWith(status.message(), "copy to a storage on small:1: "))
      << status;
  EXPECT_EQ(small->transfer_count(), 2);
  EXPECT_EQ(small->allocated_bytes(), 0u);
  EXPECT_EQ(LiveStagingBytes(), 0u);

  // The sender fails at its last piece while the receiver writes.
  const Storage lying =
      Storage::FromMemory(Device("sender", 0), from->memory(), 3 * kMiB + 1);
  status = CopyStorage(devices(), lying, Device("receiver", 1)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal) << status;
  EXPECT_TRUE(
      absl::StartsWith(status.message(), "copy of a storage on sender:0: "))
      << status;
  EXPECT_EQ(receiver->transfer_count(), 6);
  EXPECT_EQ(receiver->allocated_bytes(), 0u);
  EXPECT_EQ(LiveStagingBytes(), 0u);
}

// --- CopyToHost and CopyFromHost ---------------------------------------------

TEST_F(CopyTest, PartsAreReadAndWritten) {
  for (const Device& place : {Device("cpu"), Device("fake", 1)}) {
    const absl::StatusOr<Storage> storage =
        CopyStorage(devices(), HostStorage("0123456789"), place);
    ASSERT_THAT(storage, IsOk());
    char part[4] = "...";
    ASSERT_THAT(CopyToHost(devices(), *storage, 3, part, 3), IsOk());
    EXPECT_STREQ(part, "345");
    ASSERT_THAT(CopyFromHost(devices(), "abc", *storage, 7, 3), IsOk());
    EXPECT_EQ(Bytes(*storage), "0123456abc");
  }
}

TEST_F(CopyTest, WritingCountsAsAChange) {
  const Storage storage = HostStorage("0123456789");
  char part[3];
  ASSERT_THAT(CopyToHost(devices(), storage, 0, part, 3), IsOk());
  EXPECT_EQ(storage.version(), 0u);
  ASSERT_THAT(CopyFromHost(devices(), "abc", storage, 0, 3), IsOk());
  EXPECT_EQ(storage.version(), 1u);
}

TEST_F(CopyTest, RangesAreChecked) {
  constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
  struct Range {
    uint64_t offset, size;
  };
  for (const Device& place : {Device("cpu"), Device("fake", 1)}) {
    const absl::StatusOr<Storage> storage =
        CopyStorage(devices(), HostStorage("0123456789"), place);
    ASSERT_THAT(storage, IsOk());
    char byte = 0;
    for (const Range& range :
         {Range{0, 11}, Range{10, 1}, Range{11, 0}, Range{5, 6}, Range{5, kMax},
          Range{kMax, 1}, Range{kMax, kMax}, Range{kMax - 4, 10}}) {
      EXPECT_EQ(CopyToHost(devices(), *storage, range.offset, &byte, range.size)
                    .code(),
                absl::StatusCode::kOutOfRange)
          << range.offset << " " << range.size;
      EXPECT_EQ(
          CopyFromHost(devices(), &byte, *storage, range.offset, range.size)
              .code(),
          absl::StatusCode::kOutOfRange)
          << range.offset << " " << range.size;
    }
    EXPECT_THAT(CopyToHost(devices(), *storage, 10, nullptr, 0), IsOk());
    EXPECT_THAT(CopyFromHost(devices(), nullptr, *storage, 10, 0), IsOk());
  }
}

TEST_F(CopyTest, StoragesWithoutBytesAreRefused) {
  char byte = 0;
  for (const Storage& storage :
       {Storage(), Storage::Described(3, "cpu"),
        Storage::FromMemory(Device("meta"), Memory(), 3)}) {
    EXPECT_EQ(CopyToHost(devices(), storage, 0, &byte, 1).code(),
              absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(CopyFromHost(devices(), &byte, storage, 0, 1).code(),
              absl::StatusCode::kInvalidArgument);
  }
  const Storage nowhere = Storage::FromMemory(Device("nowhere"), Memory(), 3);
  EXPECT_EQ(CopyToHost(devices(), nowhere, 0, &byte, 1).code(),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(CopyFromHost(devices(), &byte, nowhere, 0, 1).code(),
            absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
