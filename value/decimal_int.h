// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: value/decimal_int.h
// -----------------------------------------------------------------------------
//
// Integers of any size: in decimal, as Python writes them, and as the two's
// complement that an object graph keeps, little-endian.
//
// Example:
//
//   DescribeBadDecimal("-12");            // "": it is one
//   DecimalToTwosComplement("-12");       // "\xf4\xff"
//   TwosComplementToDecimal("\xf4\xff");  // "-12"
#ifndef FERRY_VALUE_DECIMAL_INT_H_
#define FERRY_VALUE_DECIMAL_INT_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace ferry {

// The most digits that Python itself converts by default. Converting takes time
// that grows with the square of the length, in either direction.
inline constexpr size_t kMaxDecimalDigits = 4300;

// The most bytes of a two's complement that `TwosComplementToDecimal` takes:
// as many as the largest number of kMaxDecimalDigits digits needs.
inline constexpr size_t kMaxDecimalBytes = 1786;

// Returns what is wrong with the text of a decimal integer, which is perhaps a
// "-" and then up to kMaxDecimalDigits digits, or "" if nothing is.
absl::string_view DescribeBadDecimal(absl::string_view text);

// Returns the two's complement, little-endian, of a decimal integer with which
// nothing is wrong. It may have more bytes than it needs.
std::string DecimalToTwosComplement(absl::string_view text);

// Returns the shortest decimal of a two's complement, little-endian, of 1 to
// kMaxDecimalBytes bytes. It may have a digit or two more than
// kMaxDecimalDigits.
std::string TwosComplementToDecimal(absl::string_view bytes);

}  // namespace ferry

#endif  // FERRY_VALUE_DECIMAL_INT_H_
