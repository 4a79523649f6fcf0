// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/pickle/decimal_int.h
// -----------------------------------------------------------------------------
//
// The integers of any size that protocols 0 and 1 write in decimal.
//
// Example:
//
//   DescribeBadDecimal("-12");   // "": it is one
//   DecimalToTwosComplement("-12");  // "\xf4\xff"
#ifndef FERRY_SERIALIZATION_PICKLE_DECIMAL_INT_H_
#define FERRY_SERIALIZATION_PICKLE_DECIMAL_INT_H_

#include <string>

#include "absl/strings/string_view.h"

namespace ferry {
namespace pickle {

// Returns what is wrong with the text of a decimal integer, which is perhaps a
// "-" and then up to 4300 digits, or "" if nothing is.
absl::string_view DescribeBadDecimal(absl::string_view text);

// Returns the two's complement, little-endian, of a decimal integer with which
// nothing is wrong. It may have more bytes than it needs. Takes time that grows
// with the square of the length.
std::string DecimalToTwosComplement(absl::string_view text);

}  // namespace pickle
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PICKLE_DECIMAL_INT_H_
