// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/transfer/map_location.h"

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/core/device.h"
#include "ferry/core/storage.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

TEST(MapLocation, NoneLeavesEveryTag) {
  const MapLocation map;
  EXPECT_TRUE(map.is_none());
  EXPECT_EQ(map.MapTag("cuda:0"), "cuda:0");
  EXPECT_FALSE(map.Matches("cuda:0"));
}

TEST(MapLocation, TextAndDeviceMapEveryTag) {
  EXPECT_EQ(MapLocation::To("cpu").MapTag("cuda:0"), "cpu");
  EXPECT_EQ(MapLocation::To(Device("cuda", 1)).MapTag("anything"), "cuda:1");
  EXPECT_TRUE(MapLocation::To("cpu").Matches(""));
  EXPECT_FALSE(MapLocation::To("cpu").is_none());
}

TEST(MapLocation, TablesMapOnceAndExactly) {
  const MapLocation map =
      MapLocation::Table({{"cuda:0", "cuda:1"}, {"cuda:1", "cpu"}});
  EXPECT_EQ(map.MapTag("cuda:0"), "cuda:1");
  EXPECT_EQ(map.MapTag("cuda:1"), "cpu");
  EXPECT_EQ(map.MapTag("cuda"), "cuda");
  EXPECT_EQ(map.MapTag("cuda:01"), "cuda:01");
  EXPECT_TRUE(map.Matches("cuda:0"));
  EXPECT_FALSE(map.Matches("cuda"));
}

TEST(MapLocation, FunctionsMapStoragesNotTags) {
  const MapLocation map = MapLocation::Function(
      [](const Storage& storage,
         absl::string_view) -> absl::StatusOr<std::optional<Storage>> {
        return storage;
      });
  EXPECT_FALSE(map.is_none());
  EXPECT_EQ(map.MapTag("cuda:0"), "cuda:0");
  EXPECT_FALSE(map.Matches("cuda:0"));
  ASSERT_NE(map.mapper(), nullptr);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
