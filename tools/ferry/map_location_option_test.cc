// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/map_location_option.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/device_registry.h"
#include "ferry/devices/testing/fake_backend.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;

absl::StatusOr<MapLocation> Parse(absl::string_view text,
                                  Targets targets = Targets::kKnown) {
  return ParseMapLocation(text, targets, DeviceRegistry().Snapshot());
}

TEST(MapLocationOptionTest, OneLocation) {
  const absl::StatusOr<MapLocation> map = Parse("cuda:0");
  ASSERT_THAT(map, IsOk());
  EXPECT_EQ(map->MapTag("cpu"), "cuda:0");
  EXPECT_EQ(map->MapTag("cuda:1"), "cuda:0");
}

TEST(MapLocationOptionTest, ATable) {
  const absl::StatusOr<MapLocation> map = Parse("cuda:0=cpu,cuda:1=cuda:0");
  ASSERT_THAT(map, IsOk());
  EXPECT_EQ(map->MapTag("cuda:0"), "cpu");
  EXPECT_EQ(map->MapTag("cuda:1"), "cuda:0");
  EXPECT_EQ(map->MapTag("cuda:2"), "cuda:2");
}

TEST(MapLocationOptionTest, RefusesEverythingElse) {
  for (const char* text : {"", "cpu,cuda:0", "=", "cuda:0=", "=cpu", "a=b=c",
                           "a=b,", "a=b,c", "a=b,a=c"}) {
    EXPECT_EQ(Parse(text).status().code(), absl::StatusCode::kInvalidArgument)
        << text;
  }
}

TEST(MapLocationOptionTest, LocationsThatPyTorchRestores) {
  for (const char* tag : {"cpu", "meta", "mps", "cuda", "cuda:0", "cuda:12",
                          "xpu:1", "hpu", "privateuseone:0"}) {
    EXPECT_THAT(Parse(tag), IsOk()) << tag;
    EXPECT_THAT(Parse(std::string("acme:2=") + tag), IsOk()) << tag;
  }
}

TEST(MapLocationOptionTest, RefusesLocationsThatNobodyKnows) {
  for (const char* tag : {"gpu", "cuda1", "0", "CPU", "Cuda:0", "cpu:0",
                          "meta:0", "cuda:", "cuda:x", " cpu", "cuda:-1"}) {
    for (const std::string& text : {std::string(tag), std::string("cpu=") + tag,
                                    std::string("cpu=cuda:0,cuda:1=") + tag}) {
      const absl::Status status = Parse(text).status();
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
      EXPECT_THAT(std::string(status.message()),
                  AllOf(HasSubstr(std::string("\"") + tag + "\""),
                        HasSubstr("cpu, meta, mps, and, with an index"),
                        HasSubstr("cuda, hpu"), HasSubstr("--any-location")));
      EXPECT_THAT(Parse(text, Targets::kAny), IsOk()) << text;
    }
  }
  // What stands in the file may be anything.
  EXPECT_THAT(Parse("gpu=cpu"), IsOk());
}

TEST(MapLocationOptionTest, DevicesThatAreRegisteredAreKnown) {
  DeviceRegistry registry;
  const absl::StatusOr<Registration> registration =
      registry.RegisterBackend(30, std::make_shared<FakeBackend>());
  ASSERT_THAT(registration, IsOk());
  const DeviceSnapshot devices = registry.Snapshot();
  const std::string tag = "fake:1";
  EXPECT_FALSE(Parse(tag).ok());
  EXPECT_THAT(ParseMapLocation(tag, Targets::kKnown, devices), IsOk());
}

TEST(MapLocationOptionTest, TagsThatABackendClaimsAreKnown) {
  FakeBackend::Options options;
  options.type = "acme";
  options.device_tag = [](int) { return "acme.v1"; };
  options.find_device =
      [](absl::string_view tag) -> absl::StatusOr<std::optional<int>> {
    if (tag == "acme.v1") return 0;
    // There are two devices.
    if (tag == "acme.v9") return 9;
    if (tag == "acme.old") return absl::OutOfRangeError("it had no devices");
    if (tag == "cpu:0") return 0;
    return std::nullopt;
  };
  DeviceRegistry registry;
  const absl::StatusOr<Registration> registration = registry.RegisterBackend(
      30, std::make_shared<FakeBackend>(std::move(options)));
  ASSERT_THAT(registration, IsOk());
  const DeviceSnapshot devices = registry.Snapshot();
  for (const char* tag : {"acme.v1", "acme.v9", "acme.old", "acme:7"}) {
    EXPECT_THAT(ParseMapLocation(tag, Targets::kKnown, devices), IsOk()) << tag;
    EXPECT_FALSE(Parse(tag).ok()) << tag;
  }
  for (const char* tag : {"acme.v2", "acme:x", "cpu:0"}) {
    EXPECT_FALSE(ParseMapLocation(tag, Targets::kKnown, devices).ok()) << tag;
  }
}

}  // namespace
}  // namespace cli
}  // namespace v1
}  // namespace ferry
