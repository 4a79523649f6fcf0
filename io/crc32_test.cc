// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/io/crc32.h"

#include <string>

#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

TEST(Crc32, IsTheOneOfZip) {
  // The check value of CRC-32/ISO-HDLC.
  EXPECT_EQ(Crc32("123456789"), 0xCBF43926u);
  EXPECT_EQ(Crc32(""), 0u);
  EXPECT_EQ(Crc32(std::string(1, '\0')), 0xD202EF8Du);
}

TEST(Crc32, ExtendsAndCombines) {
  std::string bytes;
  for (int i = 0; i < 100000; ++i) bytes.push_back(static_cast<char>(i * 7));
  const uint32_t whole = Crc32(bytes);
  for (size_t cut : {size_t{0}, size_t{1}, size_t{4097}, bytes.size()}) {
    const absl::string_view first = absl::string_view(bytes).substr(0, cut);
    const absl::string_view second = absl::string_view(bytes).substr(cut);
    EXPECT_EQ(Crc32Extend(Crc32(first), second), whole) << cut;
    EXPECT_EQ(Crc32Combine(Crc32(first), Crc32(second), second.size()), whole)
        << cut;
  }
}

}  // namespace
}  // namespace v1
}  // namespace ferry
