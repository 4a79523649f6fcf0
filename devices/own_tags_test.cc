// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Backends with location tags of their own: what they are asked, what they get,
// what a save writes, and what their wrong answers give.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/device.h"
#include "ferry/core/memory.h"
#include "ferry/core/storage.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/device_registry.h"
#include "ferry/devices/location_tag.h"
#include "ferry/devices/testing/fake_backend.h"
#include "ferry/devices/testing/fake_host_backend.h"
#include "ferry/devices/testing/host_storage.h"
#include "ferry/devices/testing/keep_registered.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// What a backend with tags answers, and what it was asked.
struct Answers {
  std::map<std::string, int> devices;
  std::map<int, std::string> tags;
  absl::Status find_error;
  absl::Status tag_error;
  std::vector<std::string> asked;
};

std::shared_ptr<FakeBackend> Tagged(const std::string& type,
                                    const std::shared_ptr<Answers>& answers) {
  FakeBackend::Options options;
  options.type = type;
  options.device_tag = [answers](int index) -> absl::StatusOr<std::string> {
    if (!answers->tag_error.ok()) return answers->tag_error;
    return answers->tags[index];
  };
  options.find_device =
      [answers](absl::string_view tag) -> absl::StatusOr<std::optional<int>> {
    answers->asked.emplace_back(tag);
    if (!answers->find_error.ok()) return answers->find_error;
    const auto found = answers->devices.find(std::string(tag));
    if (found == answers->devices.end()) return std::nullopt;
    return found->second;
  };
  return std::make_shared<FakeBackend>(options);
}

// "cpu", and "acme" with the tags "acme.v1" and "privateuseone:N".
class OwnTagsTest : public ::testing::Test {
 protected:
  OwnTagsTest() {
    KeepRegistered(
        registry_.RegisterBackend(10, std::make_shared<FakeHostBackend>()));
    acme_->devices = {{"acme.v1", 1},
                      {"privateuseone:0", 0},
                      {"privateuseone:1", 1},
                      {"privateuseone:7", 7}};
    acme_->tags = {{0, "privateuseone:0"}, {1, "privateuseone:1"}};
  }

  void RegisterAcme(TagRights rights = TagRights::kAny) {
    KeepRegistered(
        registry_.RegisterBackend(100, Tagged("acme", acme_), rights));
  }

  // The device that a tag gives a storage, or the error.
  absl::StatusOr<std::string> DeviceOf(absl::string_view tag) {
    const DeviceSnapshot devices = registry_.Snapshot();
    const absl::StatusOr<ResolvedLocation> location = devices.Resolve(tag);
    const absl::StatusOr<Storage> restored =
        devices.RestoreLocation(storage_, tag);
    // Both ways agree.
    EXPECT_EQ(location.status(), restored.status());
    if (!restored.ok()) return restored.status();
    EXPECT_EQ(location->device, restored->device());
    std::string bytes(restored->size_bytes(), '?');
    EXPECT_THAT(CopyToHost(devices, *restored, 0, &bytes[0], bytes.size()),
                IsOk());
    EXPECT_EQ(bytes, "payload");
    return restored->device().ToString();
  }

  std::string ErrorOf(absl::string_view tag, absl::StatusCode code) {
    const absl::Status status = DeviceOf(tag).status();
    EXPECT_EQ(status.code(), code) << status;
    return std::string(status.message());
  }

  absl::StatusOr<std::string> TagOf(const std::string& type, int index) {
    return registry_.Snapshot().LocationTag(
        Storage::FromMemory(Device(type, index), Memory(), 0));
  }

  DeviceRegistry registry_;
  const std::shared_ptr<Answers> acme_ = std::make_shared<Answers>();
  const Storage storage_ = HostStorage("payload");
};

TEST_F(OwnTagsTest, ClaimedTagsLeadToTheDeviceAndAreSaved) {
  RegisterAcme();
  EXPECT_THAT(DeviceOf("acme.v1"), IsOkAndHolds("acme:1"));
  EXPECT_THAT(DeviceOf("privateuseone:0"), IsOkAndHolds("acme:0"));
  EXPECT_THAT(DeviceOf("privateuseone:1"), IsOkAndHolds("acme:1"));
  EXPECT_THAT(TagOf("acme", 0), IsOkAndHolds("privateuseone:0"));
  EXPECT_THAT(TagOf("acme", 1), IsOkAndHolds("privateuseone:1"));
  EXPECT_THAT(TagOf("cpu", 0), IsOkAndHolds("cpu"));
}

TEST_F(OwnTagsTest, UsualTagsAreNobodysToChange) {
  RegisterAcme();
  acme_->devices["acme:0"] = 1;
  acme_->devices["acme"] = 1;
  acme_->devices["cpu"] = 0;
  acme_->devices["cpu:0"] = 0;
  EXPECT_THAT(DeviceOf("acme:0"), IsOkAndHolds("acme:0"));
  EXPECT_THAT(DeviceOf("acme"), IsOkAndHolds("acme:0"));
  EXPECT_THAT(DeviceOf("cpu"), IsOkAndHolds("cpu"));
  EXPECT_THAT(DeviceOf("cpu:0"), IsOkAndHolds("cpu"));
  EXPECT_TRUE(acme_->asked.empty());
}

TEST_F(OwnTagsTest, TagsOfAnotherBackendsTypeAreNotStolen) {
  // "later" is asked after acme.
  FakeBackend::Options options;
  options.type = "later";
  KeepRegistered(
      registry_.RegisterBackend(200, std::make_shared<FakeBackend>(options)));
  RegisterAcme();
  for (const char* tag : {"later", "later:0", "later:1", "later:x"}) {
    acme_->devices[tag] = 0;
  }
  EXPECT_THAT(DeviceOf("later:1"), IsOkAndHolds("later:1"));
  EXPECT_THAT(DeviceOf("later"), IsOkAndHolds("later:0"));
  // Nor is what is no tag of its form.
  EXPECT_THAT(
      ErrorOf("later:x", absl::StatusCode::kInvalidArgument),
      HasSubstr("the acme backend claims it, but does not get it: \"later\" is "
                "another registered device type"));
  // Nor is such a tag written.
  acme_->tags[0] = "later:0";
  EXPECT_THAT(TagOf("acme", 0), IsOkAndHolds("acme:0"));
  // Of its own type it may have all.
  acme_->devices["acme:old"] = 1;
  EXPECT_THAT(DeviceOf("acme:old"), IsOkAndHolds("acme:1"));
}

TEST_F(OwnTagsTest, ReservedTypesNeedPermission) {
  RegisterAcme(TagRights::kUnreserved);
  EXPECT_THAT(DeviceOf("acme.v1"), IsOkAndHolds("acme:1"));
  EXPECT_THAT(ErrorOf("privateuseone:0", absl::StatusCode::kInvalidArgument),
              AllOf(HasSubstr("the acme backend claims it, but does not get "
                              "it: \"privateuseone\" is a reserved"),
                    HasSubstr("PluginOptions::allow_reserved_types"),
                    HasSubstr("map_location")));
  // One that nobody claims is not explained.
  EXPECT_THAT(ErrorOf("privateuseone:3", absl::StatusCode::kInvalidArgument),
              Not(HasSubstr("acme backend")));
  // A save writes what leads back.
  EXPECT_THAT(TagOf("acme", 1), IsOkAndHolds("acme:1"));
  acme_->tags[1] = "acme.v1";
  EXPECT_THAT(TagOf("acme", 1), IsOkAndHolds("acme.v1"));
}

TEST_F(OwnTagsTest, ClaimedWithoutSuchADevice) {
  RegisterAcme();
  EXPECT_THAT(
      ErrorOf("privateuseone:7", absl::StatusCode::kOutOfRange),
      AllOf(HasSubstr("\"privateuseone:7\""),
            HasSubstr("there are 2 acme devices"), HasSubstr("map_location")));
  // Or the backend says so itself.
  acme_->find_error = absl::OutOfRangeError("the old chassis had 4 boards");
  EXPECT_THAT(ErrorOf("acme.v1", absl::StatusCode::kOutOfRange),
              AllOf(HasSubstr("the acme backend has no such device: the old "
                              "chassis"),
                    HasSubstr("map_location")));
}

TEST_F(OwnTagsTest, FirstOfTwoGetsTheTag) {
  const auto zeta = std::make_shared<Answers>(*acme_);
  RegisterAcme();
  KeepRegistered(registry_.RegisterBackend(100, Tagged("zeta", zeta)));
  EXPECT_THAT(DeviceOf("privateuseone:1"), IsOkAndHolds("acme:1"));
  // Even where the first has no such device.
  acme_->find_error = absl::OutOfRangeError("no");
  EXPECT_EQ(DeviceOf("privateuseone:1").status().code(),
            absl::StatusCode::kOutOfRange);
  acme_->find_error = absl::OkStatus();
  // The second's storages keep a tag that leads back to them.
  EXPECT_THAT(TagOf("acme", 1), IsOkAndHolds("privateuseone:1"));
  EXPECT_THAT(TagOf("zeta", 1), IsOkAndHolds("zeta:1"));
  acme_->devices.erase("privateuseone:1");
  EXPECT_THAT(TagOf("zeta", 1), IsOkAndHolds("privateuseone:1"));
  EXPECT_THAT(DeviceOf("privateuseone:1"), IsOkAndHolds("zeta:1"));
  // A lower number is asked first, whenever it was registered.
  const auto early = std::make_shared<Answers>(*zeta);
  KeepRegistered(registry_.RegisterBackend(50, Tagged("early", early)));
  EXPECT_THAT(DeviceOf("privateuseone:0"), IsOkAndHolds("early:0"));
}

TEST_F(OwnTagsTest, ProgramsOwnPackagesHaveTheirTurn) {
  RegisterAcme();
  const auto keep =
      [](const Storage& storage,
         absl::string_view tag) -> absl::StatusOr<std::optional<Storage>> {
    if (tag != "privateuseone:0") return std::nullopt;
    return storage;
  };
  const Registration late = registry_.RegisterPackage(1000, nullptr, keep);
  EXPECT_THAT(DeviceOf("privateuseone:0"), IsOkAndHolds("acme:0"));
  const Registration early = registry_.RegisterPackage(5, nullptr, keep);
  const DeviceSnapshot devices = registry_.Snapshot();
  // Only its deserializer knows.
  EXPECT_EQ(devices.Resolve("privateuseone:0")->backend, nullptr);
  absl::StatusOr<Storage> restored =
      devices.RestoreLocation(storage_, "privateuseone:0");
  ASSERT_THAT(restored, IsOk());
  EXPECT_EQ(*restored, storage_);
  restored = devices.RestoreLocation(storage_, "privateuseone:1");
  ASSERT_THAT(restored, IsOk());
  EXPECT_EQ(restored->device(), Device("acme", 1));
}

TEST_F(OwnTagsTest, TagsThatAnOwnPackageMayTakeAreNotWritten) {
  RegisterAcme();
  const auto no_tag = [](const Storage&) { return std::nullopt; };
  const Registration tagger = registry_.RegisterPackage(5, no_tag, nullptr);
  // The forms in which a package restores storages.
  PackageFunctions deserializer;
  deserializer.deserializer = [](const Storage&, absl::string_view)
      -> absl::StatusOr<std::optional<Storage>> { return std::nullopt; };
  PackageFunctions from_file;
  from_file.from_file = [](const FileRange&, absl::string_view)
      -> absl::StatusOr<std::optional<Storage>> { return std::nullopt; };
  PackageFunctions allocate;
  allocate.allocate = [](uint64_t, absl::string_view)
      -> absl::StatusOr<std::optional<Storage>> { return std::nullopt; };
  for (const auto& [form, functions] :
       {std::pair("deserializer", deserializer),
        std::pair("from_file", from_file), std::pair("allocate", allocate)}) {
    SCOPED_TRACE(form);
    // Packages that are asked later, or that restore nothing, take no tag.
    const Registration late = registry_.RegisterPackage(1000, functions);
    EXPECT_THAT(TagOf("acme", 1), IsOkAndHolds("privateuseone:1"));
    const Registration early = registry_.RegisterPackage(6, functions);
    EXPECT_THAT(TagOf("acme", 1), IsOkAndHolds("acme:1"));
    const DeviceSnapshot devices = registry_.Snapshot();
    const auto saved = devices.SavedTagOf(*devices.FindBackend("acme"), 1);
    ASSERT_THAT(saved, IsOk());
    EXPECT_EQ(saved->unused_tag, "privateuseone:1");
    EXPECT_EQ(saved->why_unused,
              "a package of the program, which is asked first, may claim it");
  }
}

TEST_F(OwnTagsTest, TagsAreAskedForOncePerDeviceAndCache) {
  RegisterAcme();
  const DeviceSnapshot devices = registry_.Snapshot();
  DeviceSnapshot::TagCache cache;
  for (int round = 0; round < 3; ++round) {
    for (int index : {0, 1}) {
      EXPECT_THAT(
          devices.LocationTag(
              Storage::FromMemory(Device("acme", index), Memory(), 0), &cache),
          IsOkAndHolds(absl::StrCat("privateuseone:", index)));
    }
  }
  EXPECT_EQ(acme_->asked,
            std::vector<std::string>({"privateuseone:0", "privateuseone:1"}));
}

TEST_F(OwnTagsTest, OverriddenBackendIsNotAsked) {
  RegisterAcme();
  const auto better = std::make_shared<Answers>();
  better->tags = {{0, "acme:0"}};
  KeepRegistered(registry_.RegisterBackend(50, Tagged("acme", better)));
  EXPECT_EQ(DeviceOf("acme.v1").status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(TagOf("acme", 0), IsOkAndHolds("acme:0"));
}

TEST_F(OwnTagsTest, OnlyBoundedTextIsAsked) {
  RegisterAcme();
  const std::string longest(kMaxLocationTagBytes, 'x');
  for (const std::string& tag :
       {std::string(), longest + "x", std::string("\xFF"), longest,
        std::string("a\0b", 3)}) {
    EXPECT_EQ(DeviceOf(tag).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
  // Each by Resolve and by RestoreLocation.
  EXPECT_EQ(acme_->asked,
            std::vector<std::string>({longest, longest, std::string("a\0b", 3),
                                      std::string("a\0b", 3)}));
}

TEST_F(OwnTagsTest, WrongAnswersAreErrors) {
  RegisterAcme();
  acme_->devices["acme.v1"] = -1;
  EXPECT_THAT(ErrorOf("acme.v1", absl::StatusCode::kInternal),
              HasSubstr("means device -1"));
  acme_->find_error = absl::UnavailableError("the daemon is gone");
  EXPECT_THAT(ErrorOf("acme.v1", absl::StatusCode::kUnavailable),
              AllOf(HasSubstr("the daemon is gone"), HasSubstr("map_location"),
                    HasSubstr("cannot tell which device")));
  acme_->find_error = absl::OkStatus();

  for (const std::string& tag :
       {std::string(), std::string(kMaxLocationTagBytes + 1, 'x'),
        std::string("\xFF")}) {
    acme_->tags[0] = tag;
    const absl::Status status = TagOf("acme", 0).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("UTF-8 text of 1 to"));
  }
  struct Case {
    const char* tag;
    const char* message;
  };
  for (const Case& wrong : {Case{"unknown", "does not belong to it"},
                            Case{"privateuseone:1", "means device 1"},
                            Case{"acme:1", "means device 1"}}) {
    acme_->tags[0] = wrong.tag;
    const absl::Status status = TagOf("acme", 0).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(wrong.message));
  }
  // Its own type without an index is its first device.
  acme_->tags[0] = "acme";
  EXPECT_THAT(TagOf("acme", 0), IsOkAndHolds("acme"));
  acme_->tag_error = absl::OutOfRangeError("there is no device 9");
  EXPECT_EQ(TagOf("acme", 9).status().code(), absl::StatusCode::kOutOfRange);
}

TEST_F(OwnTagsTest, AreExplained) {
  RegisterAcme(TagRights::kUnreserved);
  const DeviceSnapshot devices = registry_.Snapshot();
  const std::shared_ptr<Backend> acme = devices.FindBackend("acme");
  const auto saved = devices.SavedTagOf(*acme, 1);
  ASSERT_THAT(saved, IsOk());
  EXPECT_EQ(saved->tag, "acme:1");
  EXPECT_EQ(saved->unused_tag, "privateuseone:1");
  EXPECT_THAT(saved->why_unused, HasSubstr("reserved"));
  auto claims = devices.ReservedClaims(*acme);
  ASSERT_EQ(claims.size(), 1u);
  EXPECT_EQ(claims[0].type, "privateuseone");
  EXPECT_THAT(claims[0].why_not, HasSubstr("reserved"));
  EXPECT_TRUE(devices.ReservedClaims(*devices.FindBackend("cpu")).empty());

  // Permitted, and asked after another.
  const auto zeta = std::make_shared<Answers>(*acme_);
  KeepRegistered(registry_.RegisterBackend(101, Tagged("zeta", zeta)));
  const auto late = std::make_shared<Answers>(*acme_);
  KeepRegistered(registry_.RegisterBackend(102, Tagged("late", late)));
  const DeviceSnapshot all = registry_.Snapshot();
  claims = all.ReservedClaims(*all.FindBackend("zeta"));
  ASSERT_EQ(claims.size(), 1u);
  EXPECT_EQ(claims[0].why_not, "");
  EXPECT_EQ(all.SavedTagOf(*all.FindBackend("late"), 0)->why_unused,
            "the zeta backend, which is asked first, claims it");
  EXPECT_EQ(devices.SavedTagOf(*all.FindBackend("late"), 0).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
