// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/map_location_option.h"

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"

namespace ferry {
namespace {

TEST(MapLocationOptionTest, OneLocation) {
  const absl::StatusOr<MapLocation> map = ParseMapLocation("cuda:0");
  ASSERT_TRUE(map.ok());
  EXPECT_EQ(map->MapTag("cpu"), "cuda:0");
  EXPECT_EQ(map->MapTag("cuda:1"), "cuda:0");
}

TEST(MapLocationOptionTest, ATable) {
  const absl::StatusOr<MapLocation> map =
      ParseMapLocation("cuda:0=cpu,cuda:1=cuda:0");
  ASSERT_TRUE(map.ok());
  EXPECT_EQ(map->MapTag("cuda:0"), "cpu");
  EXPECT_EQ(map->MapTag("cuda:1"), "cuda:0");
  EXPECT_EQ(map->MapTag("cuda:2"), "cuda:2");
}

TEST(MapLocationOptionTest, RefusesEverythingElse) {
  for (const char* text : {"", "cpu,cuda:0", "=", "cuda:0=", "=cpu", "a=b=c",
                           "a=b,", "a=b,c", "a=b,a=c"}) {
    EXPECT_EQ(ParseMapLocation(text).status().code(),
              absl::StatusCode::kInvalidArgument)
        << text;
  }
}

}  // namespace
}  // namespace ferry
