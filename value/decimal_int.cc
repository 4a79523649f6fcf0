// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/value/decimal_int.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"

namespace ferry {

absl::string_view DescribeBadDecimal(absl::string_view text) {
  absl::ConsumePrefix(&text, "-");
  if (text.empty() || text.size() > kMaxDecimalDigits ||
      !std::all_of(text.begin(), text.end(), [](char c) {
        return absl::ascii_isdigit(static_cast<unsigned char>(c));
      })) {
    return "a decimal integer is malformed or has more than 4300 digits";
  }
  if (text.size() > 1 && text[0] == '0') {
    return "an integer has a leading zero, which Python refuses";
  }
  return "";
}

std::string DecimalToTwosComplement(absl::string_view text) {
  const bool negative = absl::ConsumePrefix(&text, "-");
  std::string bytes(1, '\0');
  for (char digit : text) {
    unsigned carry = digit - '0';
    for (char& byte : bytes) {
      const unsigned value = static_cast<unsigned char>(byte) * 10u + carry;
      byte = static_cast<char>(value & 0xFF);
      carry = value >> 8;
    }
    if (carry != 0) bytes.push_back(static_cast<char>(carry));
  }
  bytes.push_back('\0');
  if (negative) {
    unsigned carry = 1;
    for (char& byte : bytes) {
      const unsigned value = static_cast<unsigned char>(~byte) + carry;
      byte = static_cast<char>(value & 0xFF);
      carry = value >> 8;
    }
  }
  return bytes;
}

std::string TwosComplementToDecimal(absl::string_view bytes) {
  // The magnitude, in 32-bit digits.
  const bool negative = (static_cast<unsigned char>(bytes.back()) & 0x80) != 0;
  std::vector<uint32_t> magnitude((bytes.size() + 3) / 4 + 1);
  uint64_t carry = negative ? 1 : 0;
  for (size_t i = 0; i < magnitude.size(); ++i) {
    uint32_t digit = 0;
    for (size_t j = 0; j < 4; ++j) {
      const size_t at = 4 * i + j;
      const uint32_t byte = at < bytes.size()
                                ? static_cast<unsigned char>(bytes[at])
                                : (negative ? 0xFF : 0x00);
      digit |= byte << (8 * j);
    }
    carry += negative ? static_cast<uint32_t>(~digit) : digit;
    magnitude[i] = static_cast<uint32_t>(carry);
    carry >>= 32;
  }
  std::string reversed;
  while (!magnitude.empty()) {
    uint64_t remainder = 0;
    for (size_t i = magnitude.size(); i-- > 0;) {
      const uint64_t value = (remainder << 32) | magnitude[i];
      magnitude[i] = static_cast<uint32_t>(value / 10);
      remainder = value % 10;
    }
    reversed.push_back(static_cast<char>('0' + remainder));
    while (!magnitude.empty() && magnitude.back() == 0) magnitude.pop_back();
  }
  if (negative) reversed.push_back('-');
  return std::string(reversed.rbegin(), reversed.rend());
}

}  // namespace ferry
