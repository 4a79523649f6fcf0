// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/devices/location_tag.h"

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "ferry/core/device.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

TEST(LocationTagTest, UsualFormIsParsed) {
  std::optional<ParsedTag> parsed = ParseTag("cuda:12");
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->type, "cuda");
  EXPECT_EQ(parsed->index, 12);
  parsed = ParseTag("cpu");
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->index, Device::kNoIndex);
  parsed = ParseTag("a:99999999999999999999999999");
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->index, 1 << 20);
  for (const char* tag : {"a:", "a:01", "a:-1", "a:1x", "a:0:0", "a: 1"}) {
    EXPECT_FALSE(ParseTag(tag).has_value()) << tag;
  }
}

TEST(LocationTagTest, TypeEndsAtTheFirstColon) {
  EXPECT_EQ(TypeOfTag("cuda:0"), "cuda");
  EXPECT_EQ(TypeOfTag("acme:v1:0"), "acme");
  EXPECT_EQ(TypeOfTag("acme.v1"), "acme.v1");
  EXPECT_EQ(TypeOfTag(""), "");
}

TEST(LocationTagTest, ReservedTypesAreWholeWords) {
  for (absl::string_view type : ReservedDeviceTypes()) {
    EXPECT_TRUE(IsReservedDeviceType(type)) << type;
  }
  EXPECT_TRUE(IsReservedDeviceType("privateuseone"));
  for (const char* type : {"", "cudax", "cpu2", "CUDA", "cuda:0"}) {
    EXPECT_FALSE(IsReservedDeviceType(type)) << type;
  }
}

TEST(LocationTagTest, TagsAreBoundedText) {
  EXPECT_TRUE(IsLocationTag("a"));
  EXPECT_TRUE(IsLocationTag("\xC3\xA4:0"));
  EXPECT_TRUE(IsLocationTag(std::string(kMaxLocationTagBytes, 'a')));
  EXPECT_FALSE(IsLocationTag(std::string(kMaxLocationTagBytes + 1, 'a')));
  EXPECT_FALSE(IsLocationTag(""));
  EXPECT_FALSE(IsLocationTag("\xFF:0"));
  // A lone surrogate, which Python can write.
  EXPECT_FALSE(IsLocationTag("\xED\xA0\x80"));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
