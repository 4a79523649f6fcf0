// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/io/crc32.h"

#include <isa-l/crc.h>
#include <zlib.h>

namespace ferry {
inline namespace v1 {

uint32_t Crc32(absl::string_view bytes) { return Crc32Extend(0, bytes); }

uint32_t Crc32Extend(uint32_t crc, absl::string_view bytes) {
  return crc32_gzip_refl(
      crc, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

uint32_t Crc32Combine(uint32_t first, uint32_t second,
                      uint64_t second_size_bytes) {
  return static_cast<uint32_t>(crc32_combine64(
      first, second, static_cast<z_off64_t>(second_size_bytes)));
}

}  // namespace v1
}  // namespace ferry
