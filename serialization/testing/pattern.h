// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/testing/pattern.h
// -----------------------------------------------------------------------------
//
// Bytes to fill storages with, of which a test sees whether they arrived.
#ifndef FERRY_SERIALIZATION_TESTING_PATTERN_H_
#define FERRY_SERIALIZATION_TESTING_PATTERN_H_

#include <cstddef>
#include <string>

namespace ferry {
inline namespace v1 {

// Returns bytes that differ from place to place and from seed to seed.
inline std::string Pattern(size_t size, int seed) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<char>((i * 131 + (i >> 8) * 7 + seed * 31) & 0xFF);
  }
  return bytes;
}

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TESTING_PATTERN_H_
