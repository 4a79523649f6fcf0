// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/text.h
// -----------------------------------------------------------------------------
//
// Formats text from untrusted files for display.
#ifndef FERRY_TOOLS_FERRY_TEXT_H_
#define FERRY_TOOLS_FERRY_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace ferry {
inline namespace v1 {
namespace cli {

// Returns `text` with everything escaped that could control a terminal or
// mislead its reader: control characters ("\x1b", "\n"), marks that reverse the
// direction of text ("\u202e"), and bytes that are not UTF-8.
std::string EscapeForTerminal(absl::string_view text);

// Formats a size: "17 B", "4.0 KiB", "1.2 GiB".
std::string HumanBytes(uint64_t bytes);

// Formats a count with its noun: "1 tensor", "2 tensors".
std::string Count(uint64_t count, absl::string_view what);

// Returns a name from a file for a terminal: shortened to 200 bytes, and
// escaped as above.
std::string NameForTerminal(absl::string_view name);

// Returns the number of terminal columns of `text`, counting one per character.
size_t Columns(absl::string_view text);

// Returns whether `pattern` matches all of `text`. Each "*" matches any
// characters.
bool MatchesGlob(absl::string_view pattern, absl::string_view text);

}  // namespace cli
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_TEXT_H_
