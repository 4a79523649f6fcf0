// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// What location tags mean: tags of storages, storages of tags.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "ferry/core/device.h"
#include "ferry/core/memory.h"
#include "ferry/core/storage.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/backend.h"
#include "ferry/devices/device_registry.h"
#include "ferry/devices/testing/fake_backend.h"
#include "ferry/devices/testing/fake_host_backend.h"
#include "ferry/devices/testing/host_storage.h"
#include "ferry/devices/testing/keep_registered.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

std::shared_ptr<FakeBackend> Meta() {
  FakeBackend::Options options;
  options.type = "meta";
  options.is_indexed = false;
  options.device_count = 1;
  options.has_bytes = false;
  return std::make_shared<FakeBackend>(options);
}

std::shared_ptr<FakeBackend> Absent(absl::Status why) {
  FakeBackend::Options options;
  options.type = "cuda";
  options.absence = std::move(why);
  return std::make_shared<FakeBackend>(options);
}

// "cpu", "fake" with two devices and "meta".
class LocationTest : public ::testing::Test {
 protected:
  LocationTest() {
    KeepRegistered(
        registry_.RegisterBackend(10, std::make_shared<FakeHostBackend>()));
    KeepRegistered(registry_.RegisterBackend(20, fake_));
    KeepRegistered(registry_.RegisterBackend(22, Meta()));
  }

  absl::StatusOr<Storage> Restore(absl::string_view tag) {
    return registry_.Snapshot().RestoreLocation(storage_, tag);
  }

  std::string Bytes(const Storage& storage) {
    std::string bytes(storage.size_bytes(), '?');
    EXPECT_THAT(
        CopyToHost(registry_.Snapshot(), storage, 0, &bytes[0], bytes.size()),
        IsOk());
    return bytes;
  }

  DeviceRegistry registry_;
  const std::shared_ptr<FakeBackend> fake_ = std::make_shared<FakeBackend>();
  const Storage storage_ = HostStorage("payload");
};

void ExpectError(const absl::Status& status, absl::StatusCode code,
                 std::vector<std::string> texts) {
  EXPECT_EQ(status.code(), code) << status;
  for (const std::string& text : texts) {
    EXPECT_TRUE(absl::StrContains(status.message(), text))
        << "no \"" << text << "\" in: " << status;
  }
}

TEST_F(LocationTest, TagsAreCanonical) {
  const DeviceSnapshot devices = registry_.Snapshot();
  const auto tag = [&](Device device) {
    return *devices.LocationTag(Storage::FromMemory(device, Memory(), 0));
  };
  EXPECT_EQ(tag(Device()), "cpu");
  EXPECT_EQ(tag(Device("cpu", 0)), "cpu");
  EXPECT_EQ(tag(Device("meta")), "meta");
  EXPECT_EQ(tag(Device("fake", 1)), "fake:1");
  EXPECT_EQ(tag(Device("fake")), "fake:0");
}

TEST_F(LocationTest, StorageThatNobodyKnowsHasNoTag) {
  const DeviceSnapshot devices = registry_.Snapshot();
  ExpectError(
      devices.LocationTag(Storage::FromMemory(Device("fakex", 0), Memory(), 0))
          .status(),
      absl::StatusCode::kInvalidArgument, {"fakex:0", "cpu, fake, meta"});
  ExpectError(devices.LocationTag(Storage()).status(),
              absl::StatusCode::kInvalidArgument, {"null"});
  ExpectError(devices.LocationTag(Storage::Described(4, "cuda:0")).status(),
              absl::StatusCode::kInvalidArgument, {"not been read"});
}

TEST_F(LocationTest, RecordedLocationIsNotTheRegistrysBusiness) {
  storage_.set_recorded_location("cuda:7");
  EXPECT_EQ(*registry_.Snapshot().LocationTag(storage_), "cpu");
}

TEST_F(LocationTest, HostStorageStaysWhereItBelongs) {
  for (const char* tag : {"cpu", "cpu:0"}) {
    const absl::StatusOr<Storage> restored = Restore(tag);
    ASSERT_THAT(restored, IsOk());
    EXPECT_EQ(*restored, storage_) << tag;
  }
}

TEST_F(LocationTest, AnotherHostBackendSharesTheBytes) {
  KeepRegistered(registry_.RegisterBackend(
      100, std::make_shared<FakeHostBackend>("pinned")));
  const absl::StatusOr<Storage> restored = Restore("pinned");
  ASSERT_THAT(restored, IsOk());
  EXPECT_EQ(restored->device(), Device("pinned"));
  EXPECT_EQ(restored->data(), storage_.data());
  EXPECT_NE(*restored, storage_);
}

TEST_F(LocationTest, BytesGoToTheDevice) {
  const absl::StatusOr<Storage> restored = Restore("fake:1");
  ASSERT_THAT(restored, IsOk());
  EXPECT_EQ(restored->device(), Device("fake", 1));
  EXPECT_EQ(fake_->DeviceOf(restored->memory()), 1);
  EXPECT_EQ(Bytes(*restored), "payload");
  EXPECT_EQ(*registry_.Snapshot().LocationTag(*restored), "fake:1");
}

TEST_F(LocationTest, NoIndexMeansZero) {
  const absl::StatusOr<Storage> restored = Restore("fake");
  ASSERT_THAT(restored, IsOk());
  EXPECT_EQ(restored->device(), Device("fake", 0));
  EXPECT_EQ(fake_->DeviceOf(restored->memory()), 0);
}

TEST_F(LocationTest, EmptyStorageIsRestored) {
  const absl::StatusOr<Storage> restored =
      registry_.Snapshot().RestoreLocation(*Storage::Allocate(0), "fake:1");
  ASSERT_THAT(restored, IsOk());
  EXPECT_EQ(restored->device(), Device("fake", 1));
  EXPECT_EQ(restored->size_bytes(), 0u);
}

TEST_F(LocationTest, MetaKeepsTheSizeAlone) {
  const absl::StatusOr<Storage> restored = Restore("meta");
  ASSERT_THAT(restored, IsOk());
  EXPECT_EQ(restored->device(), Device("meta"));
  EXPECT_EQ(restored->size_bytes(), 7u);
  EXPECT_EQ(restored->data(), nullptr);
  EXPECT_TRUE(restored->has_data());
}

TEST_F(LocationTest, IndexPastTheLastDeviceIsOutOfRange) {
  for (const char* tag :
       {"fake:2", "fake:32768", "fake:99999999999999999999"}) {
    ExpectError(Restore(tag).status(), absl::StatusCode::kOutOfRange,
                {tag, "there are 2 fake devices", "map_location"});
    ExpectError(registry_.Snapshot().Resolve(tag).status(),
                absl::StatusCode::kOutOfRange, {tag});
  }
  ExpectError(Restore("cpu:1").status(), absl::StatusCode::kOutOfRange,
              {"\"cpu:1\"", "no index"});
  ExpectError(Restore("meta:3").status(), absl::StatusCode::kOutOfRange,
              {"\"meta:3\""});
}

TEST_F(LocationTest, TypesMatchExactly) {
  for (const char* tag :
       {"fak", "fakex", "fake2", "fake_:0", "fakex:0", "FAKE",
        "fake:", "fake: 0", "fake:-1", "fake:+1", "fake:01", "fake:0:0",
        "fake:0x1", ":0", "", "cpu2", "cpu:00", " cpu"}) {
    ExpectError(
        Restore(tag).status(), absl::StatusCode::kInvalidArgument,
        {std::string("\"") + tag + "\"", "cpu, fake, meta", "map_location"});
    EXPECT_EQ(registry_.Snapshot().Resolve(tag).status().code(),
              absl::StatusCode::kInvalidArgument)
        << tag;
  }
  EXPECT_FALSE(Restore(absl::string_view("cpu\0", 4)).ok());
}

TEST_F(LocationTest, NeighbouringTypesStayDistinct) {
  const auto longer = std::make_shared<FakeHostBackend>("cpu2");
  KeepRegistered(registry_.RegisterBackend(5, longer));
  EXPECT_EQ(registry_.Snapshot().Resolve("cpu2")->backend, longer);
  EXPECT_NE(registry_.Snapshot().Resolve("cpu")->backend, longer);
}

TEST_F(LocationTest, LongAndBinaryTagsAreShownSafely) {
  const absl::Status status =
      Restore(std::string("\x01\n\xff") + std::string(1 << 20, 'x')).status();
  ExpectError(status, absl::StatusCode::kInvalidArgument, {"\\x01\\n\\xff"});
  EXPECT_LT(status.message().size(), 1000u);
}

TEST_F(LocationTest, TypeWithoutADeviceIsUnavailable) {
  KeepRegistered(registry_.RegisterBackend(
      19, Absent(absl::UnavailableError("the driver is not installed"))));
  // Nobody else is asked once the type has matched.
  const Registration later = registry_.RegisterPackage(
      500, {}, [this](const Storage&, absl::string_view) {
        ADD_FAILURE() << "asked in place of the backend";
        return std::optional<Storage>(storage_);
      });
  for (const char* tag : {"cuda", "cuda:0", "cuda:5"}) {
    ExpectError(Restore(tag).status(), absl::StatusCode::kUnavailable,
                {tag, "the driver is not installed", "map_location"});
    EXPECT_EQ(registry_.Snapshot().Resolve(tag).status().code(),
              absl::StatusCode::kUnavailable);
  }
}

TEST_F(LocationTest, NothingRegisteredSaysSo) {
  ExpectError(
      DeviceRegistry().Snapshot().RestoreLocation(storage_, "cpu").status(),
      absl::StatusCode::kInvalidArgument, {"\"cpu\"", "device types: none"});
}

TEST_F(LocationTest, RestoresOnlyCompleteHostStorages) {
  const DeviceSnapshot devices = registry_.Snapshot();
  for (const Storage& storage :
       {Storage(), Storage::Described(7, "cpu"),
        Storage::FromMemory(Device("fake", 0), Memory(), 7)}) {
    EXPECT_EQ(devices.RestoreLocation(storage, "cpu").status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST_F(LocationTest, DeviceOutOfMemoryIsPassedOn) {
  FakeBackend::Options options;
  options.type = "small";
  options.capacity_bytes = 6;
  const auto small = std::make_shared<FakeBackend>(options);
  KeepRegistered(registry_.RegisterBackend(100, small));
  EXPECT_EQ(Restore("small:0").status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(small->allocated_bytes(), 0u);
}

// --- A program's own packages ------------------------------------------------

TEST_F(LocationTest, OwnPackageGetsTheTagVerbatimAndTheWholeStorage) {
  std::string seen;
  const Registration mine = registry_.RegisterPackage(
      5, {},
      [&](const Storage& storage,
          absl::string_view tag) -> absl::StatusOr<std::optional<Storage>> {
        seen = std::string(tag);
        EXPECT_EQ(Bytes(storage), "payload");
        return std::optional<Storage>(storage);
      });
  for (const char* tag : {"vault://a b", "", "cpu:0", "fake:9"}) {
    seen = "unset";
    EXPECT_EQ(*Restore(tag), storage_);
    EXPECT_EQ(seen, tag);
  }
}

TEST_F(LocationTest, OwnPackageOverridesTheCpu) {
  const Storage elsewhere =
      Storage::FromMemory(Device("vault", 3), Memory(), 7);
  const Registration mine = registry_.RegisterPackage(
      9,
      [](const Storage& storage) -> std::optional<std::string> {
        if (storage.device().type() != "vault") return std::nullopt;
        return "in the vault";
      },
      [&](const Storage&,
          absl::string_view tag) -> absl::StatusOr<std::optional<Storage>> {
        if (tag != "cpu") return std::optional<Storage>();
        return std::optional<Storage>(elsewhere);
      });
  EXPECT_EQ(*Restore("cpu"), elsewhere);
  // Not its own: the next one is asked.
  EXPECT_EQ(*Restore("cpu:0"), storage_);
  EXPECT_EQ(*registry_.Snapshot().LocationTag(elsewhere), "in the vault");
  EXPECT_EQ(*registry_.Snapshot().LocationTag(storage_), "cpu");
}

TEST_F(LocationTest, OwnPackageThatKnowsNothingLeavesTheError) {
  const Registration mine =
      registry_.RegisterPackage(5, {}, [](const Storage&, absl::string_view) {
        return std::optional<Storage>();
      });
  ExpectError(Restore("nowhere").status(), absl::StatusCode::kInvalidArgument,
              {"\"nowhere\""});
}

TEST_F(LocationTest, ErrorOfAnOwnPackageIsPassedOn) {
  const Registration mine = registry_.RegisterPackage(
      5, {},
      [](const Storage&,
         absl::string_view) -> absl::StatusOr<std::optional<Storage>> {
        return absl::PermissionDeniedError("the vault is locked");
      });
  ExpectError(Restore("cpu").status(), absl::StatusCode::kPermissionDenied,
              {"the vault is locked"});
}

TEST_F(LocationTest, WhatAnOwnPackageReturnsIsChecked) {
  for (const Storage& bad : {Storage(), Storage::Described(7, ""),
                             *Storage::Allocate(6), *Storage::Allocate(8)}) {
    const Registration mine = registry_.RegisterPackage(
        5, {}, [&](const Storage&, absl::string_view) {
          return std::optional<Storage>(bad);
        });
    ExpectError(Restore("cpu").status(), absl::StatusCode::kInternal,
                {"\"cpu\""});
  }
}

// --- Resolve -----------------------------------------------------------------

TEST_F(LocationTest, ResolvesToTheBackend) {
  const DeviceSnapshot devices = registry_.Snapshot();
  const absl::StatusOr<ResolvedLocation> fake = devices.Resolve("fake:1");
  ASSERT_THAT(fake, IsOk());
  EXPECT_EQ(fake->backend, fake_);
  EXPECT_EQ(fake->index, 1);
  EXPECT_EQ(fake->device, Device("fake", 1));
  EXPECT_EQ(devices.Resolve("fake")->device, Device("fake", 0));
  EXPECT_EQ(devices.Resolve("cpu:0")->device, Device("cpu"));
  EXPECT_EQ(devices.Resolve("meta")->index, 0);
}

TEST_F(LocationTest, OwnPackageThatMayClaimTheTagLeavesItOpen) {
  Deserializer never = [](const Storage&,
                          absl::string_view) -> std::optional<Storage> {
    ADD_FAILURE() << "called by Resolve";
    return std::nullopt;
  };
  {
    // After the backend: it is never asked of a tag that the backend owns.
    const Registration late = registry_.RegisterPackage(500, {}, never);
    EXPECT_EQ(registry_.Snapshot().Resolve("fake:1")->backend, fake_);
    const auto open = registry_.Snapshot().Resolve("vault");
    ASSERT_THAT(open, IsOk());
    EXPECT_EQ(open->backend, nullptr);
  }
  {
    const Registration tagger_alone = registry_.RegisterPackage(
        5, [](const Storage&) { return std::optional<std::string>(); }, {});
    EXPECT_EQ(registry_.Snapshot().Resolve("fake:1")->backend, fake_);
    EXPECT_FALSE(registry_.Snapshot().Resolve("vault").ok());
  }
  {
    const Registration early = registry_.RegisterPackage(15, {}, never);
    EXPECT_EQ(registry_.Snapshot().Resolve("fake:1")->backend, nullptr);
    EXPECT_NE(registry_.Snapshot().Resolve("cpu")->backend, nullptr);
  }
}

TEST(UnknownTagTest, NamesWhatIsDisabledAndWhy) {
  DeviceRegistry registry;
  const DeviceSnapshot before = registry.Snapshot();
  registry.NoteDisabled("libacme.so", "it fell over");
  registry.NoteDisabled("libother.so", "too old");
  registry.NoteDisabled("libacme.so", "it fell over again");
  const absl::Status status = registry.Snapshot().Resolve("acme:0").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("disabled plugins: libother.so (too old), "
                                  "libacme.so (it fell over again)"),
            absl::string_view::npos)
      << status;
  // A snapshot is of its moment.
  EXPECT_TRUE(before.disabled().empty());
  EXPECT_EQ(before.Resolve("acme:0").status().message().find("disabled"),
            absl::string_view::npos);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
