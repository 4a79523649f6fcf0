// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: io/little_endian.h
// -----------------------------------------------------------------------------
//
// Reads and appends little-endian numbers.
#ifndef FERRY_IO_LITTLE_ENDIAN_H_
#define FERRY_IO_LITTLE_ENDIAN_H_

#include <cstdint>

namespace ferry {
inline namespace v1 {

// Return the number in the first two, four or eight bytes at `bytes`.
inline uint16_t Load16(const char* bytes) {
  return static_cast<uint16_t>(static_cast<unsigned char>(bytes[0]) |
                               static_cast<unsigned char>(bytes[1]) << 8);
}
inline uint32_t Load32(const char* bytes) {
  return Load16(bytes) | static_cast<uint32_t>(Load16(bytes + 2)) << 16;
}
inline uint64_t Load64(const char* bytes) {
  return Load32(bytes) | static_cast<uint64_t>(Load32(bytes + 4)) << 32;
}

// Append a number of two, four or eight bytes to a string with any allocator.
template <typename String>
void Append16(uint64_t value, String* out) {
  out->push_back(static_cast<char>(value & 0xFF));
  out->push_back(static_cast<char>(value >> 8 & 0xFF));
}
template <typename String>
void Append32(uint64_t value, String* out) {
  Append16(value, out);
  Append16(value >> 16, out);
}
template <typename String>
void Append64(uint64_t value, String* out) {
  Append32(value, out);
  Append32(value >> 32, out);
}

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_IO_LITTLE_ENDIAN_H_
