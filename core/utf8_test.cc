// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/utf8.h"

#include <cstdint>
#include <string>

#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

// Every sequence of one to three bytes, and those of four around the edges,
// against the definition: a code point encodes to exactly one sequence.
std::string Encode(uint32_t code) {
  std::string out;
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out.push_back(static_cast<char>(0xC0 | (code >> 6)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else if (code < 0x10000) {
    out.push_back(static_cast<char>(0xE0 | (code >> 12)));
    out.push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else {
    out.push_back(static_cast<char>(0xF0 | (code >> 18)));
    out.push_back(static_cast<char>(0x80 | ((code >> 12) & 0x3F)));
    out.push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  }
  return out;
}

TEST(Utf8Test, EveryCodePointIsValidAndSoAreSurrogates) {
  for (uint32_t code = 0; code <= 0x10FFFF; ++code) {
    ASSERT_TRUE(IsValidUtf8(Encode(code))) << code;
  }
  EXPECT_FALSE(IsValidUtf8("\xf4\x90\x80\x80"));  // U+110000
  EXPECT_FALSE(IsValidUtf8("\xf5\x80\x80\x80"));
}

TEST(Utf8Test, NothingElseIsValid) {
  // How many of the sequences of three bytes are whole texts: those of one, two
  // and three characters.
  const int ones = 128, twos = 0x800 - 0x80, threes = 0x10000 - 0x800;
  int valid = 0;
  std::string text(3, '\0');
  for (int code = 0; code < 1 << 24; ++code) {
    text[0] = static_cast<char>(code >> 16);
    text[1] = static_cast<char>(code >> 8);
    text[2] = static_cast<char>(code);
    valid += IsValidUtf8(text);
  }
  EXPECT_EQ(valid, ones * ones * ones + 2 * ones * twos + threes);
  for (const char* bad :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf",
        "\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xff", "\xfe", "a\303a"}) {
    EXPECT_FALSE(IsValidUtf8(bad)) << bad;
  }
}

TEST(Utf8Test, ThePlaceOfABadByteDoesNotMatter) {
  for (size_t size = 1; size < 40; ++size) {
    for (size_t at = 0; at < size; ++at) {
      std::string text(size, 'a');
      ASSERT_TRUE(IsValidUtf8(text));
      text[at] = '\x80';
      ASSERT_FALSE(IsValidUtf8(text)) << size << " " << at;
      if (at + 1 < size) {
        text.replace(at, 2, "\xc3\xa9");
        ASSERT_TRUE(IsValidUtf8(text)) << size << " " << at;
      } else {
        text[at] = '\xc3';
        ASSERT_FALSE(IsValidUtf8(text)) << size << " " << at;
      }
    }
  }
}

}  // namespace
}  // namespace v1
}  // namespace ferry
