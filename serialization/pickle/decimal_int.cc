// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/pickle/decimal_int.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"

namespace ferry {
namespace pickle {
namespace {

// Converting takes time that grows with the square of the length; Python itself
// refuses more digits than this by default.
constexpr size_t kMaxDecimalDigits = 4300;

}  // namespace

absl::string_view DescribeBadDecimal(absl::string_view text) {
  absl::ConsumePrefix(&text, "-");
  if (text.empty() || text.size() > kMaxDecimalDigits ||
      !std::all_of(text.begin(), text.end(), [](char c) {
        return absl::ascii_isdigit(static_cast<unsigned char>(c));
      })) {
    return "a decimal integer is malformed or has more than 4300 digits";
  }
  if (text.size() > 1 && text[0] == '0') {
    return "an integer begins with a zero, as octal numbers do in C";
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

}  // namespace pickle
}  // namespace ferry
