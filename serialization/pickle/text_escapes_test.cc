// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/pickle/text_escapes.h"

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace pickle {
namespace {

std::optional<std::string> RawUnicode(absl::string_view text) {
  std::string out;
  if (!DecodeRawUnicodeEscape(text, &out)) return std::nullopt;
  return out;
}

// As pickle.dumps(text, protocol=0) of CPython 3.11 has them.
TEST(TextEscapesTest, EncodesAsCPythonPickles) {
  EXPECT_EQ(EncodeRawUnicodeEscape(""), "");
  EXPECT_EQ(EncodeRawUnicodeEscape("a ~\x7f\t"), "a ~\x7f\t");
  EXPECT_EQ(EncodeRawUnicodeEscape(absl::string_view("\0\n\r\x1a\\", 5)),
            "\\u0000\\u000a\\u000d\\u001a\\u005c");
  EXPECT_EQ(EncodeRawUnicodeEscape("\xc2\x80\xc3\xbf"), "\x80\xff");
  EXPECT_EQ(EncodeRawUnicodeEscape("\xc4\x80\xe2\x82\xac\xed\xa0\x80"),
            "\\u0100\\u20ac\\ud800");
  EXPECT_EQ(EncodeRawUnicodeEscape("\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf"),
            "\\U0001f600\\U0010ffff");
}

// bytes.decode("raw-unicode-escape") of CPython.
TEST(TextEscapesTest, RawUnicodeEscapesAreThoseOfPython) {
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
TEST(TextEscapesTest, StringEscapesAreThoseOfPython) {
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
}  // namespace v1
}  // namespace ferry
