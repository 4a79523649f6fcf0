// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/pickle/text_escapes.h"

#include <cstddef>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace ferry {
inline namespace v1 {
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

// Up to eight digits.
bool ParseHex(absl::string_view digits, uint32_t* out) {
  *out = 0;
  for (char c : digits) {
    const auto digit = static_cast<unsigned char>(c);
    if (!absl::ascii_isxdigit(digit)) return false;
    const unsigned value = absl::ascii_isdigit(digit)
                               ? digit - '0'
                               : absl::ascii_tolower(digit) - 'a' + 10u;
    *out = (*out << 4) | value;
  }
  return true;
}

}  // namespace

bool DecodeRawUnicodeEscape(absl::string_view text, std::string* out) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool escape = c == '\\' && i + 1 < text.size() &&
                        (text[i + 1] == 'u' || text[i + 1] == 'U');
    if (!escape) {
      AppendUtf8(c, out);
      // A backslash after a backslash begins no escape.
      if (c == '\\' && i + 1 < text.size() && text[i + 1] == '\\') {
        AppendUtf8(c, out);
        ++i;
      }
      continue;
    }
    const size_t digits = text[i + 1] == 'u' ? 4 : 8;
    if (text.size() - i - 2 < digits) return false;
    uint32_t code;
    if (!ParseHex(text.substr(i + 2, digits), &code)) return false;
    if (code > 0x10FFFF) return false;
    AppendUtf8(code, out);
    i += 1 + digits;
  }
  return true;
}

std::string EncodeRawUnicodeEscape(absl::string_view utf8) {
  std::string out;
  out.reserve(utf8.size());
  for (size_t i = 0; i < utf8.size();) {
    const auto lead = static_cast<unsigned char>(utf8[i++]);
    uint32_t code = lead;
    if (lead >= 0xC0) code &= lead < 0xE0 ? 0x1F : lead < 0xF0 ? 0x0F : 0x07;
    for (; i < utf8.size() && (utf8[i] & 0xC0) == 0x80; ++i) {
      code = (code << 6) | (static_cast<unsigned char>(utf8[i]) & 0x3F);
    }
    if (code >= 0x10000) {
      absl::StrAppend(&out, "\\U", absl::Hex(code, absl::kZeroPad8));
    } else if (code >= 0x100 || code == '\\' || code == '\0' || code == '\n' ||
               code == '\r' || code == 0x1A) {
      absl::StrAppend(&out, "\\u", absl::Hex(code, absl::kZeroPad4));
    } else {
      out.push_back(static_cast<char>(code));
    }
  }
  return out;
}

bool DecodeStringEscape(absl::string_view text, std::string* out) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out->push_back(text[i]);
      continue;
    }
    if (++i == text.size()) return false;
    const char c = text[i];
    switch (c) {
      case '\n':
        break;
      case '\\':
      case '\'':
      case '"':
        out->push_back(c);
        break;
      case 'a':
        out->push_back('\a');
        break;
      case 'b':
        out->push_back('\b');
        break;
      case 'f':
        out->push_back('\f');
        break;
      case 'n':
        out->push_back('\n');
        break;
      case 'r':
        out->push_back('\r');
        break;
      case 't':
        out->push_back('\t');
        break;
      case 'v':
        out->push_back('\v');
        break;
      case 'x': {
        uint32_t byte;
        if (text.size() - i < 3 || !ParseHex(text.substr(i + 1, 2), &byte)) {
          return false;
        }
        out->push_back(static_cast<char>(byte));
        i += 2;
        break;
      }
      default:
        if (c < '0' || c > '7') {
          out->push_back('\\');
          out->push_back(c);
          break;
        }
        // One to three octal digits; what does not fit a byte is cut off.
        unsigned byte = 0;
        size_t end = i;
        for (; end < text.size() && end < i + 3; ++end) {
          if (text[end] < '0' || text[end] > '7') break;
          byte = byte * 8 + static_cast<unsigned>(text[end] - '0');
        }
        out->push_back(static_cast<char>(byte & 0xFF));
        i = end - 1;
        break;
    }
  }
  return true;
}

}  // namespace pickle
}  // namespace v1
}  // namespace ferry
