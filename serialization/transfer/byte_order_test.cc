// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/transfer/byte_order.h"

#include <cstdint>
#include <string>

#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

std::string Swapped(std::string bytes, uint64_t unit_bytes) {
  SwapByteOrder(&bytes[0], bytes.size(), unit_bytes);
  return bytes;
}

TEST(SwapByteOrder, TurnsRoundEachUnit) {
  EXPECT_EQ(Swapped("abcdefgh", 1), "abcdefgh");
  EXPECT_EQ(Swapped("abcdefgh", 2), "badcfehg");
  EXPECT_EQ(Swapped("abcdefgh", 4), "dcbahgfe");
  EXPECT_EQ(Swapped("abcdefgh", 8), "hgfedcba");
}

TEST(SwapByteOrder, LeavesWhatIsNoWholeUnit) {
  EXPECT_EQ(Swapped("abcde", 2), "badce");
  EXPECT_EQ(Swapped("abc", 4), "abc");
  EXPECT_EQ(Swapped("abcdefghi", 8), "hgfedcbai");
  EXPECT_EQ(Swapped("", 8), "");
}

TEST(SwapByteOrder, TwiceIsAsBefore) {
  std::string bytes;
  for (int i = 0; i < 1000; ++i) bytes.push_back(static_cast<char>(i * 7));
  // Also where it is not aligned.
  for (uint64_t unit : {2, 4, 8}) {
    std::string copy = bytes;
    SwapByteOrder(&copy[1], copy.size() - 1, unit);
    EXPECT_NE(copy, bytes);
    SwapByteOrder(&copy[1], copy.size() - 1, unit);
    EXPECT_EQ(copy, bytes);
  }
}

}  // namespace
}  // namespace v1
}  // namespace ferry
