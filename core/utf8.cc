// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/utf8.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace ferry {
inline namespace v1 {

bool IsValidUtf8(absl::string_view text) {
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  const unsigned char* const end = p + text.size();
  while (p != end) {
    if (end - p >= 8) {
      uint64_t word;
      std::memcpy(&word, p, sizeof(word));
      if ((word & 0x8080808080808080u) == 0) {
        p += 8;
        continue;
      }
    }
    const unsigned lead = *p++;
    if (lead < 0x80) continue;
    int more;
    uint32_t code;
    uint32_t smallest;
    if (lead >= 0xC2 && lead <= 0xDF) {
      more = 1, code = lead & 0x1F, smallest = 0x80;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
      more = 2, code = lead & 0x0F, smallest = 0x800;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
      more = 3, code = lead & 0x07, smallest = 0x10000;
    } else {
      return false;
    }
    if (end - p < more) return false;
    for (int i = 0; i < more; ++i) {
      if ((*p & 0xC0) != 0x80) return false;
      code = (code << 6) | (*p++ & 0x3F);
    }
    if (code < smallest || code > 0x10FFFF) return false;
  }
  return true;
}

bool IsUnicode(absl::string_view text) {
  // A surrogate begins with 0xED and a byte of 0xA0 or more.
  for (size_t i = text.find('\xED'); i < text.size();
       i = text.find('\xED', i + 1)) {
    if (i + 1 < text.size() &&
        static_cast<unsigned char>(text[i + 1]) >= 0xA0) {
      return false;
    }
  }
  return IsValidUtf8(text);
}

}  // namespace v1
}  // namespace ferry
