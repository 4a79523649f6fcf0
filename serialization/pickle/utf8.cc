// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/pickle/utf8.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/strings/ascii.h"

namespace ferry {
namespace pickle {
namespace {

void AppendUtf8(uint32_t code, std::string* out) {
  if (code < 0x80) {
    out->push_back(static_cast<char>(code));
    return;
  }
  if (code < 0x800) {
    out->push_back(static_cast<char>(0xC0 | (code >> 6)));
  } else {
    if (code < 0x10000) {
      out->push_back(static_cast<char>(0xE0 | (code >> 12)));
    } else {
      out->push_back(static_cast<char>(0xF0 | (code >> 18)));
      out->push_back(static_cast<char>(0x80 | ((code >> 12) & 0x3F)));
    }
    out->push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3F)));
  }
  out->push_back(static_cast<char>(0x80 | (code & 0x3F)));
}

}  // namespace

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

bool DecodeRawUnicodeEscape(absl::string_view text, std::string* out) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool escape = c == '\\' && i + 1 < text.size() &&
                        (text[i + 1] == 'u' || text[i + 1] == 'U');
    if (!escape) {
      AppendUtf8(c, out);
      continue;
    }
    const size_t digits = text[i + 1] == 'u' ? 4 : 8;
    if (text.size() - i - 2 < digits) return false;
    uint32_t code = 0;
    for (size_t d = 0; d < digits; ++d) {
      const auto digit = static_cast<unsigned char>(text[i + 2 + d]);
      if (!absl::ascii_isxdigit(digit)) return false;
      const unsigned value = absl::ascii_isdigit(digit)
                                 ? digit - '0'
                                 : absl::ascii_tolower(digit) - 'a' + 10u;
      code = (code << 4) | value;
    }
    if (code > 0x10FFFF) return false;
    AppendUtf8(code, out);
    i += 1 + digits;
  }
  return true;
}

}  // namespace pickle
}  // namespace ferry
