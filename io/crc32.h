// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: io/crc32.h
// -----------------------------------------------------------------------------
//
// CRC-32 as zip and gzip use it: the polynomial 0xEDB88320,
// reflected (ISO-HDLC; APPNOTE.TXT 6.3.10, 4.4.7). About 20
// GB/s.
//
// Example: a checksum in two pieces, which may be computed in any order.
//
//   const uint32_t first = Crc32("hello ");
//   const uint32_t second = Crc32("world");
//   Crc32Combine(first, second, 5) == Crc32("hello world");
#ifndef FERRY_IO_CRC32_H_
#define FERRY_IO_CRC32_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace ferry {

// The CRC-32 of `bytes`; of no bytes it is 0.
uint32_t Crc32(absl::string_view bytes);

// The CRC-32 of the bytes that `crc` is of, followed by `bytes`.
uint32_t Crc32Extend(uint32_t crc, absl::string_view bytes);

// The CRC-32 of two runs of bytes, one after the other. O(log size).
uint32_t Crc32Combine(uint32_t first, uint32_t second,
                      uint64_t second_size_bytes);

}  // namespace ferry

#endif  // FERRY_IO_CRC32_H_
