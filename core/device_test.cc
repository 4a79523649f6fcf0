// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/device.h"

#include "ferry/core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

TEST(DeviceTest, ParsesTypeAndIndex) {
  ASSERT_THAT(Device::Parse("cuda:1"), IsOk());
  EXPECT_EQ(*Device::Parse("cuda:1"), Device("cuda", 1));
  EXPECT_EQ(*Device::Parse("mps"), Device("mps"));
  EXPECT_EQ(*Device::Parse("acme_x2:32767"), Device("acme_x2", 32767));
  EXPECT_EQ(Device::Parse("cuda:1")->ToString(), "cuda:1");
  EXPECT_EQ(Device::Parse("cpu")->ToString(), "cpu");
}

TEST(DeviceTest, ZeroIsAnIndexAndNoneIsNot) {
  EXPECT_NE(*Device::Parse("cuda:0"), *Device::Parse("cuda"));
  EXPECT_FALSE(Device::Parse("cuda")->has_index());
}

TEST(DeviceTest, RefusesWhatDoesNotNameADevice) {
  for (const char* text :
       {"", ":", ":0", "cuda:", "cuda:-1", "cuda:+1", "cuda:1x", "cuda: 1",
        "cuda:01", "cuda:1:2", "1cuda", "cu da", "cuda:32768",
        "cuda:99999999999999999999", "caf\xc3\xa9"}) {
    EXPECT_EQ(Device::Parse(text).status().code(),
              absl::StatusCode::kInvalidArgument)
        << text;
  }
  EXPECT_FALSE(Device::Parse(std::string(65, 'a')).ok());
  EXPECT_FALSE(Device::Parse(absl::string_view("cpu\0", 4)).ok());
}

TEST(DeviceTest, DefaultIsTheCpu) { EXPECT_TRUE(Device().is_cpu()); }

}  // namespace
}  // namespace v1
}  // namespace ferry
