// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/text.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "ferry/core/text.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

uint8_t ByteAt(absl::string_view text, size_t i) {
  return static_cast<uint8_t>(text[i]);
}

bool IsContinuation(uint8_t byte) { return (byte & 0xC0) == 0x80; }

// The bytes of the UTF-8 character that `text` begins with, and the character;
// 0 if it begins with none.
size_t ReadCharacter(absl::string_view text, uint32_t* character) {
  const uint8_t first = ByteAt(text, 0);
  if (first < 0x80) {
    *character = first;
    return 1;
  }
  size_t size;
  uint32_t least;
  if (first >= 0xC2 && first <= 0xDF) {
    size = 2;
    least = 0x80;
    *character = first & 0x1F;
  } else if (first >= 0xE0 && first <= 0xEF) {
    size = 3;
    least = 0x800;
    *character = first & 0x0F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    size = 4;
    least = 0x10000;
    *character = first & 0x07;
  } else {
    return 0;
  }
  if (text.size() < size) return 0;
  for (size_t i = 1; i < size; ++i) {
    if (!IsContinuation(ByteAt(text, i))) return 0;
    *character = *character << 6 | (ByteAt(text, i) & 0x3F);
  }
  const bool is_surrogate = *character >= 0xD800 && *character <= 0xDFFF;
  if (*character < least || *character > 0x10FFFF || is_surrogate) return 0;
  return size;
}

bool IsHarmless(uint32_t c) {
  if (c < 0x20 || (c >= 0x7F && c < 0xA0)) return false;  // C0, DEL, C1
  if (c >= 0x200B && c <= 0x200F) return false;  // no width, direction marks
  if (c >= 0x2028 && c <= 0x202E) return false;  // line ends, directions
  if (c >= 0x2060 && c <= 0x206F) return false;  // no width, isolates
  return c != 0xFEFF && c != 0x061C && !(c >= 0xE0000 && c <= 0xE007F);
}

}  // namespace

std::string EscapeForTerminal(absl::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  while (!text.empty()) {
    uint32_t character = 0;
    const size_t size = ReadCharacter(text, &character);
    if (size == 0) {
      absl::StrAppendFormat(&escaped, "\\x%02x", ByteAt(text, 0));
      text.remove_prefix(1);
      continue;
    }
    if (IsHarmless(character)) {
      absl::StrAppend(&escaped, text.substr(0, size));
    } else if (character == '\n') {
      absl::StrAppend(&escaped, "\\n");
    } else if (character == '\t') {
      absl::StrAppend(&escaped, "\\t");
    } else if (character < 0x80) {
      absl::StrAppendFormat(&escaped, "\\x%02x", character);
    } else {
      absl::StrAppendFormat(&escaped, "\\u%04x", character);
    }
    text.remove_prefix(size);
  }
  return escaped;
}

std::string NameForTerminal(absl::string_view name) {
  constexpr size_t kMaxNameBytes = 200;
  return EscapeForTerminal(Shorten(name, kMaxNameBytes));
}

std::string HumanBytes(uint64_t bytes) {
  constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return absl::StrCat(bytes, " B");
  double amount = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  // What would be printed as 1024.0 belongs to the next unit.
  while (amount >= 1023.95) {
    amount /= 1024;
    ++unit;
  }
  return absl::StrFormat("%.1f %s", amount, kUnits[unit]);
}

std::string Count(uint64_t count, absl::string_view what) {
  return absl::StrCat(count, " ", what, count == 1 ? "" : "s");
}

size_t Columns(absl::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) {
    return !IsContinuation(static_cast<uint8_t>(c));
  });
}

bool MatchesGlob(absl::string_view pattern, absl::string_view text) {
  size_t p = 0;
  size_t t = 0;
  // Where to go on if what follows the last "*" does not match here.
  size_t star = absl::string_view::npos;
  size_t star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != absl::string_view::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace cli
}  // namespace v1
}  // namespace ferry
