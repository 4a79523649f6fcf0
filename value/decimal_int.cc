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
inline namespace v1 {

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
  // Nine decimal digits at a time, which fit in 32 bits.
  constexpr size_t kDigits = 9;
  std::vector<uint32_t> words;  // of the magnitude, the lowest first
  while (!text.empty()) {
    const size_t count =
        text.size() % kDigits == 0 ? kDigits : text.size() % kDigits;
    uint64_t carry = 0;
    uint64_t scale = 1;
    for (char digit : text.substr(0, count)) {
      carry = 10 * carry + static_cast<uint64_t>(digit - '0');
      scale *= 10;
    }
    text.remove_prefix(count);
    for (uint32_t& word : words) {
      const uint64_t value = word * scale + carry;
      word = static_cast<uint32_t>(value);
      carry = value >> 32;
    }
    if (carry != 0) words.push_back(static_cast<uint32_t>(carry));
  }
  words.push_back(0);  // room for the sign
  std::string bytes;
  bytes.reserve(4 * words.size());
  uint64_t carry = negative ? 1 : 0;
  for (uint32_t word : words) {
    carry += negative ? static_cast<uint32_t>(~word) : word;
    for (int shift = 0; shift < 32; shift += 8) {
      bytes.push_back(static_cast<char>(carry >> shift));
    }
    carry >>= 32;
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
  // Nine decimal digits at a time, the lowest first.
  constexpr int kDigits = 9;
  constexpr uint64_t kScale = 1000000000;
  std::string reversed;
  const auto drop_zeros = [&magnitude] {
    while (!magnitude.empty() && magnitude.back() == 0) magnitude.pop_back();
  };
  drop_zeros();
  do {
    uint64_t remainder = 0;
    for (size_t i = magnitude.size(); i-- > 0;) {
      const uint64_t value = (remainder << 32) | magnitude[i];
      magnitude[i] = static_cast<uint32_t>(value / kScale);
      remainder = value % kScale;
    }
    drop_zeros();
    // All nine, or those of the number's highest part.
    for (int i = 0;
         i == 0 || remainder != 0 || (!magnitude.empty() && i < kDigits); ++i) {
      reversed.push_back(static_cast<char>('0' + remainder % 10));
      remainder /= 10;
    }
  } while (!magnitude.empty());
  if (negative) reversed.push_back('-');
  return std::string(reversed.rbegin(), reversed.rend());
}

}  // namespace v1
}  // namespace ferry
