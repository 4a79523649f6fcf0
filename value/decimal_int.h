// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: value/decimal_int.h
// -----------------------------------------------------------------------------
//
// Converts integers of any size between decimal, as Python writes them, and
// little-endian two's complement, as an object graph stores them.
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
inline namespace v1 {

// The maximum number of digits that Python converts by default. The conversion
// takes quadratic time in either direction.
inline constexpr size_t kMaxDecimalDigits = 4300;

// The maximum size in bytes that `TwosComplementToDecimal` accepts: the size of
// the largest number with kMaxDecimalDigits digits.
inline constexpr size_t kMaxDecimalBytes = 1786;

// Returns what is wrong with the text of a decimal integer, or "" if it is
// valid: an optional "-" and up to kMaxDecimalDigits digits.
absl::string_view DescribeBadDecimal(absl::string_view text);

// Returns the little-endian two's complement of a valid decimal integer. The
// result may be longer than necessary.
std::string DecimalToTwosComplement(absl::string_view text);

// Returns the shortest decimal form of a little-endian two's complement of 1 to
// kMaxDecimalBytes bytes. The result may have one or two digits more than
// kMaxDecimalDigits.
std::string TwosComplementToDecimal(absl::string_view bytes);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_VALUE_DECIMAL_INT_H_
