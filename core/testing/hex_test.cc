// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/testing/hex.h"

#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

TEST(BytesFromHexTest, TakesDigitsOfBothCases) {
  EXPECT_EQ(BytesFromHex(""), "");
  EXPECT_EQ(BytesFromHex("80024b01"), "\x80\x02K\x01");
  EXPECT_EQ(BytesFromHex("0a9FfA"), "\x0a\x9f\xfa");
}

}  // namespace
}  // namespace v1
}  // namespace ferry
