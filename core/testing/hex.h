// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/testing/hex.h
// -----------------------------------------------------------------------------
//
// Bytes that a test writes as hexadecimal digits. Abseil has this under names
// that differ from version to version.
//
//   BytesFromHex("80024b01")  // "\x80\x02K\x01"
#ifndef FERRY_CORE_TESTING_HEX_H_
#define FERRY_CORE_TESTING_HEX_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace ferry {
inline namespace v1 {

// Returns the bytes. `digits` must be pairs of 0 to 9, a to f and A to F; of
// others the result is not specified. Thread-safe.
inline std::string BytesFromHex(absl::string_view digits) {
  const auto value = [digits](size_t i) {
    return digits[i] <= '9' ? digits[i] - '0' : (digits[i] | 0x20) - 'a' + 10;
  };
  std::string bytes(digits.size() / 2, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(value(2 * i) * 16 + value(2 * i + 1));
  }
  return bytes;
}

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_TESTING_HEX_H_
