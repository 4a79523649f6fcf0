// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/value/decimal_int.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

// The shortest form of a two's complement.
std::string Shortest(std::string bytes) {
  while (bytes.size() > 1) {
    const bool negative = (bytes[bytes.size() - 2] & 0x80) != 0;
    if (bytes.back() != (negative ? '\xff' : '\0')) break;
    bytes.pop_back();
  }
  return bytes;
}

std::string Converted(absl::string_view text) {
  EXPECT_EQ(DescribeBadDecimal(text), "") << text;
  const std::string bytes = Shortest(DecimalToTwosComplement(text));
  EXPECT_EQ(TwosComplementToDecimal(bytes), text == "-0" ? "0" : text);
  return bytes;
}

TEST(DecimalIntTest, ConvertsIntegersOfAnySize) {
  EXPECT_EQ(Converted("0"), std::string(1, '\0'));
  EXPECT_EQ(Converted("-0"), std::string(1, '\0'));
  EXPECT_EQ(Converted("127"), "\x7f");
  EXPECT_EQ(Converted("128"), std::string("\x80\0", 2));
  EXPECT_EQ(Converted("-12"), "\xf4");
  EXPECT_EQ(Converted("-128"), "\x80");
  EXPECT_EQ(Converted("-256"), std::string("\0\xff", 2));
  // 2^64 and -2^64.
  EXPECT_EQ(Converted("18446744073709551616"),
            absl::StrCat(std::string(8, '\0'), "\1"));
  EXPECT_EQ(Converted("-18446744073709551616"),
            absl::StrCat(std::string(8, '\0'), "\xff"));
}

TEST(DecimalIntTest, ConvertsAsManyDigitsAsPythonThereAndBack) {
  const std::string nines(kMaxDecimalDigits, '9');
  EXPECT_EQ(Converted(nines).size(), kMaxDecimalBytes);
  EXPECT_EQ(Converted("-" + nines).size(), kMaxDecimalBytes);
  // Bytes that say no more than the sign.
  EXPECT_EQ(TwosComplementToDecimal(std::string(kMaxDecimalBytes, '\0')), "0");
  EXPECT_EQ(TwosComplementToDecimal(std::string(kMaxDecimalBytes, '\xff')),
            "-1");
}

// Digits are taken nine at a time, and zeros must not get lost between.
TEST(DecimalIntTest, ConvertsEveryNumberOfDigits) {
  for (size_t digits = 1; digits <= 40; ++digits) {
    for (absl::string_view sign : {"", "-"}) {
      Converted(absl::StrCat(sign, "1", std::string(digits - 1, '0')));
      Converted(absl::StrCat(sign, std::string(digits, '9')));
      Converted(absl::StrCat(sign, "7", std::string(digits - 1, '0'), "42"));
    }
  }
}

TEST(DecimalIntTest, SaysWhatIsWrong) {
  for (const char* bad : {"", "-", "+1", " 1", "1 ", "1L", "0x1", "--1"}) {
    EXPECT_NE(DescribeBadDecimal(bad), "") << bad;
  }
  for (const char* octal : {"01", "-01", "00"}) {
    EXPECT_NE(DescribeBadDecimal(octal), "") << octal;
  }
  EXPECT_EQ(DescribeBadDecimal(absl::StrCat("-", std::string(4300, '9'))), "");
  EXPECT_NE(DescribeBadDecimal(std::string(4301, '9')), "");
}

}  // namespace
}  // namespace v1
}  // namespace ferry
