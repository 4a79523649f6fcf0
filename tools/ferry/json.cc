// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/json.h"

#include <cstddef>
#include <cstdint>

#include "absl/strings/str_format.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

// The surrogate that the bytes at `at` are, as "surrogatepass" writes it, or 0.
uint32_t SurrogateAt(absl::string_view text, size_t at) {
  if (text.size() - at < 3 || text[at] != '\xED') return 0;
  const auto second = static_cast<uint8_t>(text[at + 1]);
  const auto third = static_cast<uint8_t>(text[at + 2]);
  if (second < 0xA0 || second > 0xBF || third < 0x80 || third > 0xBF) return 0;
  return 0xD000u | (second & 0x3Fu) << 6 | (third & 0x3Fu);
}

}  // namespace

std::string QuotedJson(absl::string_view text) {
  std::string quoted = "\"";
  const auto append = [&quoted](absl::string_view part) {
    const std::string dumped = Dump(JsonText(part));
    quoted.append(dumped, 1, dumped.size() - 2);
  };
  size_t start = 0;
  size_t at = text.find('\xED');
  while (at != absl::string_view::npos) {
    const uint32_t surrogate = SurrogateAt(text, at);
    if (surrogate != 0) {
      append(text.substr(start, at - start));
      absl::StrAppendFormat(&quoted, "\\u%04x", surrogate);
      start = at + 3;
    }
    at = text.find('\xED', at + 1);
  }
  append(text.substr(start));
  return quoted + "\"";
}

}  // namespace cli
}  // namespace v1
}  // namespace ferry
