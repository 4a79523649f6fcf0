// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/pickle/utf8.h"

#include <optional>
#include <string>

#include "gtest/gtest.h"

namespace ferry {
namespace pickle {
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

std::optional<std::string> RawUnicode(absl::string_view text) {
  std::string out;
  if (!DecodeRawUnicodeEscape(text, &out)) return std::nullopt;
  return out;
}

// bytes.decode("raw-unicode-escape") of CPython.
TEST(Utf8Test, RawUnicodeEscapesAreThoseOfPython) {
  EXPECT_EQ(RawUnicode(""), "");
  EXPECT_EQ(RawUnicode("abc"), "abc");
  EXPECT_EQ(RawUnicode("\xe9"), "\xc3\xa9");
  EXPECT_EQ(RawUnicode("\\u20ac"), "\xe2\x82\xac");
  EXPECT_EQ(RawUnicode("\\u20AC1"),
            "\xe2\x82\xac"
            "1");
  EXPECT_EQ(RawUnicode("\\U0001f600"), "\xf0\x9f\x98\x80");
  EXPECT_EQ(RawUnicode("\\ud800"), "\xed\xa0\x80");
  EXPECT_EQ(RawUnicode("\\u005cu0041"), "\\u0041");
  EXPECT_EQ(RawUnicode("\\n\\x41\\"), "\\n\\x41\\");
  // A backslash after a backslash begins nothing.
  EXPECT_EQ(RawUnicode("\\\\u0041"), "\\\\u0041");
  EXPECT_EQ(RawUnicode("\\\\\\u0041"), "\\\\A");
  for (const char* bad : {"\\u", "\\u12", "\\u123g", "\\U0000", "\\U00110000",
                          "\\Uffffffff", "\\u 123"}) {
    EXPECT_EQ(RawUnicode(bad), std::nullopt) << bad;
  }
}

std::optional<std::string> StringEscape(absl::string_view text) {
  std::string out;
  if (!DecodeStringEscape(text, &out)) return std::nullopt;
  return out;
}

// codecs.escape_decode of CPython.
TEST(Utf8Test, StringEscapesAreThoseOfPython) {
  EXPECT_EQ(StringEscape(""), "");
  EXPECT_EQ(StringEscape("abc\xff"), "abc\xff");
  EXPECT_EQ(StringEscape("\\n\\r\\t\\a\\b\\f\\v"), "\n\r\t\a\b\f\v");
  EXPECT_EQ(StringEscape("\\'\\\"\\\\"), "'\"\\");
  // Two digits, whatever comes then.
  EXPECT_EQ(StringEscape("\\x41bc"), "Abc");
  EXPECT_EQ(StringEscape("\\xFf"), "\xff");
  EXPECT_EQ(StringEscape("\\1012"), "A2");
  EXPECT_EQ(StringEscape("\\0"), std::string(1, '\0'));
  EXPECT_EQ(StringEscape("\\08"), std::string("\0008", 2));
  EXPECT_EQ(StringEscape("\\400"), std::string(1, '\0'));
  EXPECT_EQ(StringEscape("a\\\nb"), "ab");
  EXPECT_EQ(StringEscape("\\q\\u0041\\8"), "\\q\\u0041\\8");
  for (const char* bad : {"\\", "a\\", "\\x", "\\x1", "\\x1g", "\\xg1"}) {
    EXPECT_EQ(StringEscape(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace pickle
}  // namespace ferry
